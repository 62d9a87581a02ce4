// What     Score of an item x and an interest u.  dot: <x, u>.  gaussian: −c·‖x − u‖², c = 1/(2σ²).  mlp: Σ_a v_a·tanh(x_a + u_a),
//          where x stands for W·x and u for U·u + b (linear maps outside).
//          backward: dot dx = dz·u, du = dz·x;  gaussian dx = −du = −2c·dz·(x − u), dc = −dz·‖x − u‖²;
//          mlp dx = du = dz·v·(1 − t²), dv = dz·t, t = tanh(x + u).
// Source   design §1; mlp: Bahdanau, Cho, Bengio, ICLR 2015 (additive attention); gaussian: a radial basis kernel.
// Shapes   offsets i32[T + 1] · x, dX f32[rows, A] · u, dU f32[B, A] · v f32[A] · z, dZ f32[rows] · dV f32[B, A]
// Layout   packed rows (core/packed.ts), A = D but for mlp. The caller owns all memory. v is read by mlp only, c by gaussian only.
// Writes   sequences [begin, end): z, dU overwritten; dX accumulated (+=); dV accumulated (+=): mlp dv, gaussian dc in dV[b, 0].
// Numerics f32; dots as dotF32 orders them, steps in order. Bound vs the f64 twin: test/assembly/attention.test.ts
// Limits   none beyond memory.
// Cost     dot 2·A flops a row, gaussian 3·A, mlp one tanh for each of A.  npm run bench -- kernel

import { tanhF32x4 } from "../core/math";
import { stepRow, stepsOf } from "../core/packed";
import { addScaledF32, dotF32, loadLanes, storeLanes, sumF32x4 } from "../core/v128";

/** Kinds of score; the numbers are part of the interface. */
const DOT: i32 = 0;
const GAUSSIAN: i32 = 1;

/** Returns the score of one pair. */
export function pairScore(kind: i32, width: i32, x: usize, u: usize, v: usize, c: f32): f32 {
  if (kind === DOT) return dotF32(x, u, width);
  let sumOfLanes = f32x4.splat(0);
  for (let d = 0; d < width; d += 4) {
    const count = width - d;
    const at = (<usize>d) << 2;
    const xF32x4 = loadLanes(x + at, count);
    const uF32x4 = loadLanes(u + at, count);
    if (kind === GAUSSIAN) {
      const gap = f32x4.sub(xF32x4, uF32x4);
      sumOfLanes = f32x4.add(sumOfLanes, f32x4.mul(gap, gap));
    } else {
      const t = tanhF32x4(f32x4.add(xF32x4, uF32x4));
      sumOfLanes = f32x4.add(sumOfLanes, f32x4.mul(loadLanes(v + at, count), t));
    }
  }
  const sum = sumF32x4(sumOfLanes);
  return kind === GAUSSIAN ? -c * sum : sum;
}

/** Adds what dz of one pair asks of dx, du and dv (of gaussian: of c, in dv[0]). */
export function pairScoreBackward(
  kind: i32,
  width: i32,
  x: usize,
  u: usize,
  v: usize,
  c: f32,
  dz: f32,
  dx: usize,
  du: usize,
  dv: usize,
): void {
  if (kind === DOT) {
    addScaledF32(dx, u, dz, width);
    addScaledF32(du, x, dz, width);
    return;
  }
  const dzF32x4 = f32x4.splat(dz);
  const factorF32x4 = f32x4.splat(-2 * c * dz);
  let sumOfLanes = f32x4.splat(0);
  for (let d = 0; d < width; d += 4) {
    const count = width - d;
    const at = (<usize>d) << 2;
    const xF32x4 = loadLanes(x + at, count);
    const uF32x4 = loadLanes(u + at, count);
    if (kind === GAUSSIAN) {
      const gap = f32x4.sub(xF32x4, uF32x4);
      const change = f32x4.mul(factorF32x4, gap);
      storeLanes(dx + at, f32x4.add(loadLanes(dx + at, count), change), count);
      storeLanes(du + at, f32x4.sub(loadLanes(du + at, count), change), count);
      sumOfLanes = f32x4.add(sumOfLanes, f32x4.mul(gap, gap));
    } else {
      const t = tanhF32x4(f32x4.add(xF32x4, uF32x4));
      const slope = f32x4.sub(f32x4.splat(1), f32x4.mul(t, t));
      const change = f32x4.mul(f32x4.mul(dzF32x4, loadLanes(v + at, count)), slope);
      storeLanes(dx + at, f32x4.add(loadLanes(dx + at, count), change), count);
      storeLanes(du + at, f32x4.add(loadLanes(du + at, count), change), count);
      storeLanes(dv + at, f32x4.add(loadLanes(dv + at, count), f32x4.mul(dzF32x4, t)), count);
    }
  }
  if (kind === GAUSSIAN) store<f32>(dv, load<f32>(dv) - dz * sumF32x4(sumOfLanes));
}

/** Scores every row of sequences [begin, end) against the interest of its sequence. */
export function scoreForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  kind: i32,
  x: usize,
  u: usize,
  v: usize,
  c: f32,
  z: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    for (let t = 0; t < length; t++) {
      const row = <usize>(stepRow(t, offsets) + b);
      store<f32>(z + (row << 2), pairScore(kind, width, x + row * rowBytes, u + <usize>b * rowBytes, v, c));
    }
  }
}

/** Takes dz back to x (+=), to the interest of each sequence (overwritten), and to v or c (+=). */
export function scoreBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  kind: i32,
  x: usize,
  u: usize,
  v: usize,
  c: f32,
  dZ: usize,
  dX: usize,
  dU: usize,
  dV: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const own = <usize>b * rowBytes;
    memory.fill(dU + own, 0, rowBytes);
    for (let t = 0; t < length; t++) {
      const row = <usize>(stepRow(t, offsets) + b);
      const at = row * rowBytes;
      const dz = load<f32>(dZ + (row << 2));
      pairScoreBackward(kind, width, x + at, u + own, v, c, dz, dX + at, dU + own, dV + own);
    }
  }
}
