// What     Cross-entropy of a target t among S negatives that stand for the whole catalogue, each for w_j items:
//          Z_r = e^{t_r} + Σ_j w_j·e^{s_rj},  loss_r = log Z_r − t_r,  dS_rj = scale·w_j·e^{s_rj}/Z_r,  dT_r = scale·(e^{t_r}/Z_r − 1).
//          A negative that is the row's own target counts once, as the target. dS_rj = f_r·g_rj as in loss.ts.
// Source   Importance-weighted softmax (Bengio & Senécal, IEEE TNN 2008; Jean et al., ACL 2015), w_j = 1 / expected count of j;
//          the target is no draw and has none (Khrylchenko et al., RecSys 2025).
// Shapes   scores f32[rows, stride ≥ S] · weights f32[S] · own i32[rows], −1 for none · targetScores, losses, factors, dTargets f32[rows]
// Layout   a block of rows at a time; the products around it are gemm.ts's.
// Writes   rows [begin, end): losses, factors and dTargets overwritten, scores turned into g in place.
// Numerics f32; the largest score is taken out first; weights multiply exponentials, four lane sums added as sumF32x4 does; log in f64.
//          Bound vs the f64 twin: test/assembly/sampled.test.ts
// Limits   0 ≤ S; own below S; weights from 0 to 1e30.
// Cost     one exp and about 4 flops a score.  npm run bench -- kernel

import { expAllF32, expF32, expF32x4, logF64 } from "../core/math";
import { loadTail, maxF32x4, storeTail, sumF32x4 } from "../core/v128";

/** Turns scores of negatives into losses and their gradient, rows [begin, end). */
export function sampledCrossEntropyF32(
  begin: i32,
  end: i32,
  negatives: i32,
  stride: i32,
  scores: usize,
  weights: usize,
  own: usize,
  targetScores: usize,
  scale: f32,
  losses: usize,
  factors: usize,
  dTargets: usize,
): void {
  const full = negatives & ~3;
  const rest = negatives - full;
  const weightsEnd = weights + ((<usize>full) << 2);
  for (let r = begin; r < end; r++) {
    const at = (<usize>r) << 2;
    const row = scores + ((<usize>r * <usize>stride) << 2);
    const rowEnd = row + ((<usize>full) << 2);
    const target = load<f32>(targetScores + at);
    const same = load<i32>(own + at);
    if (same >= 0) store<f32>(row + ((<usize>same) << 2), -Infinity);
    // 1. the largest score; pmax passes over NaN, which shows in the sum
    let largestF32x4 = f32x4.splat(-Infinity);
    for (let s = row; s < rowEnd; s += 16) largestF32x4 = f32x4.pmax(largestF32x4, v128.load(s));
    let largest = max<f32>(target, maxF32x4(largestF32x4));
    for (let j = full; j < negatives; j++) largest = max<f32>(largest, load<f32>(row + ((<usize>j) << 2)));
    // 2. weighted exponentials and their sum
    const shiftF32x4 = f32x4.splat(largest);
    expAllF32(row, rowEnd, shiftF32x4);
    let sumOfLanes = f32x4.splat(0);
    for (let w = weights, s = row; w < weightsEnd; w += 16, s += 16) {
      const weighted = f32x4.mul(v128.load(s), v128.load(w));
      v128.store(s, weighted);
      sumOfLanes = f32x4.add(sumOfLanes, weighted);
    }
    if (rest > 0) {
      const weighted = f32x4.mul(expF32x4(f32x4.sub(loadTail(rowEnd, rest), shiftF32x4)), loadTail(weightsEnd, rest));
      storeTail(rowEnd, weighted, rest);
      sumOfLanes = f32x4.add(sumOfLanes, loadTail(rowEnd, rest));
    }
    const others = sumF32x4(sumOfLanes);
    const sum = others + expF32(target - largest);
    const factor = scale / sum;
    store<f32>(losses + at, <f32>(logF64(sum) + (<f64>largest - <f64>target)));
    store<f32>(factors + at, factor);
    // 3. e^t / Z − 1 = −Σ_j w_j·e^{s_j} / Z
    store<f32>(dTargets + at, -others * factor);
  }
}
