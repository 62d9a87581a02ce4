// What     Cross-entropy over the whole catalogue: loss_r = log Σ_j e^{s_rj} − s_r,y,  dS_rj = (e^{s_rj}/Σ − [j = y])·scale,
//          given as dS_rj = f_r·g_rj with g_rj = e^{s_rj − max} − [j = y]·Z_r, f_r = scale/Z_r: the factor goes to the narrow sides
//          of the products that follow, not to V-wide rows.
// Source   Categorical cross-entropy as torch.nn.functional.cross_entropy; `scale` is 1/count for the mean.
// Shapes   scores f32[rows, stride ≥ V] · targets i32[rows] · losses, factors f32[rows]
// Layout   a block of rows at a time, so that the V-wide scores stay in cache; the products around it are gemm.ts's.
// Writes   rows [begin, end): losses and factors overwritten, scores turned into g in place.
// Numerics f32; the largest score is taken out first; four lane sums added as sumF32x4 does; log in f64.
//          Bound vs the f64 twin: test/assembly/loss.test.ts
// Limits   1 ≤ V; targets in [0, V), checked in TypeScript.
// Cost     one exp and about 3 flops a score.  npm run bench -- kernel

import { expAllF32, expF32x4, logF64 } from "../core/math";
import { loadTail, maxF32x4, storeTail, sumF32x4 } from "../core/v128";

/** Turns scores into losses and their gradient, rows [begin, end). */
export function crossEntropyF32(
  begin: i32,
  end: i32,
  items: i32,
  stride: i32,
  scores: usize,
  targets: usize,
  scale: f32,
  losses: usize,
  factors: usize,
): void {
  const full = items & ~3;
  const rest = items - full;
  for (let r = begin; r < end; r++) {
    const row = scores + ((<usize>r * <usize>stride) << 2);
    const rowEnd = row + ((<usize>full) << 2);
    // 1. the largest score; pmax passes over NaN, which shows in the sum
    let largestF32x4 = f32x4.splat(-Infinity);
    for (let at = row; at < rowEnd; at += 16) largestF32x4 = f32x4.pmax(largestF32x4, v128.load(at));
    let largest = maxF32x4(largestF32x4);
    for (let j = full; j < items; j++) largest = max<f32>(largest, load<f32>(row + ((<usize>j) << 2)));
    const target = row + ((<usize>load<u32>(targets + ((<usize>r) << 2))) << 2);
    const targetScore = load<f32>(target);
    // 2. exponentials and their sum
    const shiftF32x4 = f32x4.splat(largest);
    let sumOfLanes = expAllF32(row, rowEnd, shiftF32x4);
    if (rest > 0) {
      storeTail(rowEnd, expF32x4(f32x4.sub(loadTail(rowEnd, rest), shiftF32x4)), rest);
      sumOfLanes = f32x4.add(sumOfLanes, loadTail(rowEnd, rest));
    }
    const sum = sumF32x4(sumOfLanes);
    store<f32>(losses + ((<usize>r) << 2), <f32>(logF64(sum) + (<f64>largest - <f64>targetScore)));
    // 3. the gradient but for its factor
    store<f32>(target, load<f32>(target) - sum);
    store<f32>(factors + ((<usize>r) << 2), scale / sum);
  }
}
