// What     scores: s_r = bias + b_j + <y_r, E_j>, j = items[r].  rows: dY_r = dS_r·E_j.  items: dE_j += dS_r·y_r, db_j += dS_r.
//          squared error: loss_r = (s_r − t_r)², dS_r = 2·(s_r − t_r)·scale.
//          binary cross-entropy: loss_r = log(1 + e^−|s_r|) + max(s_r, 0) − t_r·s_r, dS_r = (σ(s_r) − t_r)·scale.  sigmoid: σ(x).
// Source   torch.nn.functional.mse_loss and binary_cross_entropy_with_logits; `scale` is 1/count for the mean.
// Shapes   y, dY f32[rows, D] · items i32[rows] · table, dTable f32[V, D] · itemBias, dItemBias f32[V] · bias f32[1] ·
//          scores, targets, losses f32[rows]
// Layout   16-byte aligned bases, rows contiguous. The caller owns all memory; items are checked in TypeScript.
// Writes   scores, rows, losses: rows [begin, end), overwritten; the losses turn scores into dS in place.
//          items: table rows [begin, end), accumulated (+=), r ascending.
// Numerics f32, dots as dotF32 orders them; the logarithm in f64. Bound vs the f64 twin: test/assembly/head.test.ts
// Limits   V·D·4 bytes below 2^32.
// Cost     D·8 bytes moved a row.  npm run bench -- kernel

import { expF64, logF64, sigmoidF32x4 } from "../core/math";
import { addScaledF32, dotF32 } from "../core/v128";

/** Writes the score of one item for each of the rows [begin, end). */
export function headForwardF32(
  begin: i32,
  end: i32,
  width: i32,
  y: usize,
  items: usize,
  table: usize,
  itemBias: usize,
  bias: usize,
  scores: usize,
): void {
  const shift = load<f32>(bias);
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const item = <usize>load<u32>(items + ((<usize>r) << 2));
    const dot = dotF32(y + <usize>r * rowBytes, table + item * rowBytes, width);
    store<f32>(scores + ((<usize>r) << 2), dot + (shift + load<f32>(itemBias + (item << 2))));
  }
}

/** Writes dY, rows [begin, end): s = bias + b_j + <y, E_j>. */
export function headBackwardRowsF32(
  begin: i32,
  end: i32,
  width: i32,
  dScores: usize,
  items: usize,
  table: usize,
  dY: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const item = <usize>load<u32>(items + ((<usize>r) << 2));
    const out = dY + <usize>r * rowBytes;
    memory.fill(out, 0, rowBytes);
    addScaledF32(out, table + item * rowBytes, load<f32>(dScores + ((<usize>r) << 2)), width);
  }
}

/** Adds dE and db of the items [begin, end): s = bias + b_j + <y, E_j>. */
export function headBackwardItemsF32(
  begin: i32,
  end: i32,
  rows: i32,
  width: i32,
  dScores: usize,
  items: usize,
  y: usize,
  dTable: usize,
  dItemBias: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = 0; r < rows; r++) {
    const item = load<i32>(items + ((<usize>r) << 2));
    if (item < begin || item >= end) continue;
    const dScore = load<f32>(dScores + ((<usize>r) << 2));
    addScaledF32(dTable + <usize>item * rowBytes, y + <usize>r * rowBytes, dScore, width);
    const at = dItemBias + ((<usize>item) << 2);
    store<f32>(at, load<f32>(at) + dScore);
  }
}

/** Turns scores into squared errors and their gradient, rows [begin, end). */
export function squaredErrorF32(begin: i32, end: i32, scores: usize, targets: usize, scale: f32, losses: usize): void {
  for (let r = begin; r < end; r++) {
    const at = (<usize>r) << 2;
    const error = load<f32>(scores + at) - load<f32>(targets + at);
    store<f32>(losses + at, error * error);
    store<f32>(scores + at, 2 * error * scale);
  }
}

/** Turns scores into binary cross-entropies and their gradient, rows [begin, end). */
export function binaryCrossEntropyF32(
  begin: i32,
  end: i32,
  scores: usize,
  targets: usize,
  scale: f32,
  losses: usize,
): void {
  for (let r = begin; r < end; r++) {
    const at = (<usize>r) << 2;
    const score = load<f32>(scores + at);
    const target = load<f32>(targets + at);
    const s = <f64>score;
    // log(1 + e^s) = log(1 + e^−|s|) + max(s, 0), which never overflows.
    store<f32>(losses + at, <f32>(logF64(1 + expF64(-abs<f64>(s))) + max<f64>(s, 0) - <f64>target * s));
    const probability = f32x4.extract_lane(sigmoidF32x4(f32x4.splat(score)), 0);
    store<f32>(scores + at, (probability - target) * scale);
  }
}

/** Writes σ(x) of the floats [begin, end). */
export function sigmoidF32(begin: i32, end: i32, x: usize, y: usize): void {
  for (let i = begin; i < end; i++) {
    const at = (<usize>i) << 2;
    store<f32>(y + at, f32x4.extract_lane(sigmoidF32x4(f32x4.splat(load<f32>(x + at))), 0));
  }
}
