// What     The user's interest vector u as the mean of embedded items.  sequence: u_b = (1/T)·Σ_t x_t.
//          causal: u_t = (1/t)·Σ_{i≤t} x_i (t from 1).  (`learned`, `user` and `last` are gathers: kernel/gather.ts.)
//          backward: dx_t += du_b/T;   dx_i += Σ_{t≥i} du_t/t.
// Source   design: interest `mean` (STAMP's m_s, Liu et al. KDD 2018, eq. 2); the causal form is the same mean at every step.
// Shapes   offsets i32[T + 1] · x, dX f32[rows, D] · u, dU f32[B, D] (sequence) or f32[rows, D] (causal)
// Layout   Packed rows: step t of sequence b is row offsets[t] + b, and lives while offsets[t+1] − offsets[t] > b.
// Writes   u of sequences [begin, end), overwritten; dX accumulated (+=); causal backward uses dU as its running sum.
// Numerics f32, steps in order (backward: from the last step down).
// Limits   at least one step per sequence.
// Cost     2·D flops a row.  npm run bench -- kernel

import { stepsOf } from "../core/packed";
import { addScaledF32 } from "../core/v128";

/** Writes the mean of each whole history. */
export function meanForwardF32(begin: i32, end: i32, steps: i32, offsets: usize, width: i32, x: usize, u: usize): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const uRow = u + <usize>b * rowBytes;
    memory.fill(uRow, 0, rowBytes);
    const factor = <f32>1 / <f32>length;
    for (let t = 0; t < length; t++) {
      const row = <usize>(load<i32>(offsets + ((<usize>t) << 2)) + b);
      addScaledF32(uRow, x + row * rowBytes, factor, width);
    }
  }
}

/** Spreads du over the history it is the mean of. */
export function meanBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  dU: usize,
  dX: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const factor = <f32>1 / <f32>length;
    for (let t = 0; t < length; t++) {
      const row = <usize>(load<i32>(offsets + ((<usize>t) << 2)) + b);
      addScaledF32(dX + row * rowBytes, dU + <usize>b * rowBytes, factor, width);
    }
  }
}

/** Writes the mean of everything up to each step. */
export function runningMeanForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  x: usize,
  u: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    let before: usize = 0;
    for (let t = 0; t < length; t++) {
      const at = <usize>(load<i32>(offsets + ((<usize>t) << 2)) + b) * rowBytes;
      // u_t = u_{t−1} + (x_t − u_{t−1})/t, from one row to the next.
      const factor = <f32>1 / <f32>(t + 1);
      memory.fill(u + at, 0, rowBytes);
      if (t > 0) addScaledF32(u + at, u + before, 1 - factor, width);
      addScaledF32(u + at, x + at, factor, width);
      before = at;
    }
  }
}

/** Takes du_t back to every x_i it averaged; dU is used up. */
export function runningMeanBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  dU: usize,
  dX: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    let after: usize = 0;
    for (let t = length - 1; t >= 0; t--) {
      const at = <usize>(load<i32>(offsets + ((<usize>t) << 2)) + b) * rowBytes;
      // With g_t = ∂L/∂u_t in full: u_t = (1 − 1/t)·u_{t−1} + x_t/t, so dx_t += g_t/t and g_{t−1} += (1 − 1/t)·g_t.
      if (t < length - 1) addScaledF32(dU + at, dU + after, 1 - <f32>1 / <f32>(t + 2), width);
      addScaledF32(dX + at, dU + at, <f32>1 / <f32>(t + 1), width);
      after = at;
    }
  }
}
