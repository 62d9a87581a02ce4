// What     forward: y = (x − μ)·ρ·γ + β, μ = mean(x), ρ = 1/√(var(x) + ε) over a row.
//          backward: dx = ρ·(g − mean(g) − x̂·mean(g·x̂)), g = dy·γ, x̂ = (x − μ)·ρ;  dγ = Σ_r dy·x̂;  dβ = Σ_r dy.
// Source   Ba, Kiros, Hinton, "Layer Normalization" (2016), eq. 3–4; ε and biased variance as torch.nn.LayerNorm.
// Shapes   x, y, dy, dx f32[rows, D] · gamma, beta, dGamma, dBeta f32[D] · stats f32[rows, 2] = (μ, ρ)
// Layout   16-byte aligned bases, rows contiguous. y may be x only if x is not needed again; dx may be dy.
// Writes   y, stats, dx: rows [begin, end), overwritten. dGamma, dBeta: columns [begin, end), accumulated (+=).
// Numerics sums in f32 as sumF32x4 orders them; columns add rows in order. Bound vs the f64 twin: test/assembly/norm.test.ts
// Limits   D ≥ 1.
// Cost     about 8 flops an element forward, 14 backward.  npm run bench -- kernel

import { dotF32, loadLanes, loadTail, storeLanes, storeTail, sumF32x4 } from "../core/v128";

function sumF32(x: usize, length: i32): f32 {
  let sumOfLanes = f32x4.splat(0);
  const full = length & ~3;
  for (let i = 0; i < full; i += 4) sumOfLanes = f32x4.add(sumOfLanes, v128.load(x + ((<usize>i) << 2)));
  if (full < length) sumOfLanes = f32x4.add(sumOfLanes, loadTail(x + ((<usize>full) << 2), length - full));
  return sumF32x4(sumOfLanes);
}

/** Normalises rows [begin, end) and keeps (μ, ρ) of each for the backward pass. */
export function layerNormForwardF32(
  begin: i32,
  end: i32,
  width: i32,
  x: usize,
  gamma: usize,
  beta: usize,
  epsilon: f32,
  y: usize,
  stats: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const xRow = x + <usize>r * rowBytes;
    const yRow = y + <usize>r * rowBytes;
    const mean = sumF32(xRow, width) / <f32>width;
    // 1. centre, 2. variance of the centred row (two passes: no cancellation), 3. scale and shift.
    const meanF32x4 = f32x4.splat(mean);
    for (let d = 0; d < width; d += 4) {
      const at = (<usize>d) << 2;
      storeLanes(yRow + at, f32x4.sub(loadLanes(xRow + at, width - d), meanF32x4), width - d);
    }
    const scale = <f32>1 / sqrt<f32>(dotF32(yRow, yRow, width) / <f32>width + epsilon);
    const scaleF32x4 = f32x4.splat(scale);
    const full = width & ~3;
    for (let d = 0; d < full; d += 4) {
      const at = (<usize>d) << 2;
      const scaledF32x4 = f32x4.mul(f32x4.mul(v128.load(yRow + at), scaleF32x4), v128.load(gamma + at));
      v128.store(yRow + at, f32x4.add(scaledF32x4, v128.load(beta + at)));
    }
    const rest = width - full;
    if (rest > 0) {
      const at = (<usize>full) << 2;
      const scaledF32x4 = f32x4.mul(f32x4.mul(loadTail(yRow + at, rest), scaleF32x4), loadTail(gamma + at, rest));
      storeTail(yRow + at, f32x4.add(scaledF32x4, loadTail(beta + at, rest)), rest);
    }
    store<f32>(stats + ((<usize>r) << 3), mean);
    store<f32>(stats + ((<usize>r) << 3), scale, 4);
  }
}

/** Takes dy back to dx for rows [begin, end). */
export function layerNormBackwardF32(
  begin: i32,
  end: i32,
  width: i32,
  x: usize,
  gamma: usize,
  stats: usize,
  dy: usize,
  dx: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const mean = load<f32>(stats + ((<usize>r) << 3));
    const scale = load<f32>(stats + ((<usize>r) << 3), 4);
    const xRow = x + <usize>r * rowBytes;
    const dyRow = dy + <usize>r * rowBytes;
    const dxRow = dx + <usize>r * rowBytes;
    const meanF32x4 = f32x4.splat(mean);
    const scaleF32x4 = f32x4.splat(scale);
    let sumG = f32x4.splat(0);
    let sumGx = f32x4.splat(0);
    for (let d = 0; d < width; d += 4) {
      const at = (<usize>d) << 2;
      const count = width - d;
      const g = f32x4.mul(loadLanes(dyRow + at, count), loadLanes(gamma + at, count));
      sumG = f32x4.add(sumG, g);
      const normal = f32x4.mul(f32x4.sub(loadLanes(xRow + at, count), meanF32x4), scaleF32x4);
      sumGx = f32x4.add(sumGx, f32x4.mul(g, normal));
    }
    const meanG = f32x4.splat(sumF32x4(sumG) / <f32>width);
    const meanGx = f32x4.splat(sumF32x4(sumGx) / <f32>width);
    for (let d = 0; d < width; d += 4) {
      const at = (<usize>d) << 2;
      const count = width - d;
      const g = f32x4.mul(loadLanes(dyRow + at, count), loadLanes(gamma + at, count));
      const normal = f32x4.mul(f32x4.sub(loadLanes(xRow + at, count), meanF32x4), scaleF32x4);
      const change = f32x4.sub(f32x4.sub(g, meanG), f32x4.mul(normal, meanGx));
      storeLanes(dxRow + at, f32x4.mul(scaleF32x4, change), count);
    }
  }
}

/**
 * Adds Σ_r dy·x̂ to dγ and Σ_r dy to dβ for columns [begin, end). Sums stay in registers: threads whose columns share a cache line would
 * pass it to and fro at every row.
 */
export function layerNormBackwardWeightsF32(
  begin: i32,
  end: i32,
  width: i32,
  rows: i32,
  x: usize,
  stats: usize,
  dy: usize,
  dGamma: usize,
  dBeta: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  const statsEnd = stats + ((<usize>rows) << 3);
  let column = begin;
  for (; column + 8 <= end; column += 8) {
    const at = (<usize>column) << 2;
    let gamma0 = v128.load(dGamma + at);
    let gamma1 = v128.load(dGamma + at, 16);
    let beta0 = v128.load(dBeta + at);
    let beta1 = v128.load(dBeta + at, 16);
    let row = at;
    for (let own = stats; own < statsEnd; own += 8) {
      const meanF32x4 = v128.load32_splat(own);
      const scaleF32x4 = v128.load32_splat(own, 4);
      const dy0 = v128.load(dy + row);
      const dy1 = v128.load(dy + row, 16);
      const normal0 = f32x4.mul(f32x4.sub(v128.load(x + row), meanF32x4), scaleF32x4);
      const normal1 = f32x4.mul(f32x4.sub(v128.load(x + row, 16), meanF32x4), scaleF32x4);
      gamma0 = f32x4.add(gamma0, f32x4.mul(dy0, normal0));
      gamma1 = f32x4.add(gamma1, f32x4.mul(dy1, normal1));
      beta0 = f32x4.add(beta0, dy0);
      beta1 = f32x4.add(beta1, dy1);
      row += rowBytes;
    }
    v128.store(dGamma + at, gamma0);
    v128.store(dGamma + at, gamma1, 16);
    v128.store(dBeta + at, beta0);
    v128.store(dBeta + at, beta1, 16);
  }
  for (; column < end; column += 4) {
    const at = (<usize>column) << 2;
    const count = end - column;
    let gammaF32x4 = loadLanes(dGamma + at, count);
    let betaF32x4 = loadLanes(dBeta + at, count);
    let row = at;
    for (let own = stats; own < statsEnd; own += 8) {
      const dyF32x4 = loadLanes(dy + row, count);
      const centred = f32x4.sub(loadLanes(x + row, count), v128.load32_splat(own));
      gammaF32x4 = f32x4.add(gammaF32x4, f32x4.mul(dyF32x4, f32x4.mul(centred, v128.load32_splat(own, 4))));
      betaF32x4 = f32x4.add(betaF32x4, dyF32x4);
      row += rowBytes;
    }
    storeLanes(dGamma + at, gammaF32x4, count);
    storeLanes(dBeta + at, betaF32x4, count);
  }
}
