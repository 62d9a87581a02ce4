// What     Weights from scores z (kernel/score.ts).  sequence: p_t = e^{z_t} / Σ_{i≤T} e^{z_i}.
//          causal: p_t = e^{z_t} / Σ_{i≤t} e^{z_i}, as the (max, sum) recurrence m' = max(m, z), s' = s·e^{m−m'} + e^{z−m'}.  w_t = p_t·(length ? T or t : 1).
//          moving (causal, u_t changes with t): p_t = e^{z_tt} / Σ_{i≤t} e^{z_ti}, z_ti = score(x_i, u_t).
//          backward, g_t = p_t·dp_t: sequence dz_t = g_t − p_t·Σ g;  causal dz_t = g_t − p_t·a_t, a_t = g_t + (1 − p_{t+1})·a_{t+1};
//          moving dz_ti = g_t·([i = t] − P_ti).  Then dx, du from dz as in score.ts.
// Source   design §1; the recurrence is the online softmax of Milakov & Gimelshein (2018), alg. 3. The causal backward uses
//          Z_t/Z_{t+1} = 1 − p_{t+1}, so that no exponential of a difference can overflow.
// Shapes   offsets i32[T + 1] · x, dX f32[rows, A] · u, dU f32[rows, A] (moving) · z, dZ, w, dW f32[rows] ·
//          state f32[B, 2] = (m, s), or 0 · stats f32[rows, 2] = (m_t, Σ_t)
// Layout   packed rows (core/packed.ts). The caller owns all memory. dZ may be dW.
// Writes   z, w, dZ, dU, state, stats of sequences [begin, end): overwritten. dX: accumulated (+=).
// Numerics f32, steps in order. Bound vs the f64 twin: test/assembly/attention.test.ts
// Limits   none beyond memory; moving costs T² dots a sequence, so 10,000 steps take about a second.
// Cost     sequence, causal: 2·D flops and one exp a row; moving: (2·D flops and one exp)·T/2 a row.  npm run bench -- kernel

import { expF32 } from "../core/math";
import { stepRow, stepsOf } from "../core/packed";
import { pairScore, pairScoreBackward } from "./score";

/** Weighs every step against the whole history. */
export function softmaxSequenceForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  byLength: i32,
  z: usize,
  w: usize,
): void {
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    // 1. the largest score, 2. exponentials and their sum, 3. weights.
    let largest: f32 = -Infinity;
    for (let t = 0; t < length; t++) {
      largest = max<f32>(largest, load<f32>(z + ((<usize>(stepRow(t, offsets) + b)) << 2)));
    }
    let sum: f32 = 0;
    for (let t = 0; t < length; t++) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      const e = expF32(load<f32>(z + at) - largest);
      store<f32>(w + at, e);
      sum += e;
    }
    const factor = (byLength ? <f32>length : 1) / sum;
    for (let t = 0; t < length; t++) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      store<f32>(w + at, load<f32>(w + at) * factor);
    }
  }
}

/** Takes dw back to dz. */
export function softmaxSequenceBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  byLength: i32,
  w: usize,
  dW: usize,
  dZ: usize,
): void {
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    // w_t = scale·p_t, so g_t = p_t·dp_t = w_t·dw_t, and p_t = w_t/scale.
    const unscale: f32 = byLength ? <f32>1 / <f32>length : 1;
    let sum: f32 = 0;
    for (let t = 0; t < length; t++) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      sum += load<f32>(w + at) * load<f32>(dW + at);
    }
    for (let t = 0; t < length; t++) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      const weight = load<f32>(w + at);
      store<f32>(dZ + at, weight * load<f32>(dW + at) - weight * unscale * sum);
    }
  }
}

/**
 * Weighs every step against the steps up to it. With `state` the recurrence starts from the stored (m, s) of each sequence,
 * which has seen `before` steps (the same for all), and is stored again: how a stream takes one event at a time.
 */
export function softmaxCausalForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  byLength: i32,
  z: usize,
  w: usize,
  state: usize,
  before: i32,
): void {
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const stateAt = state + ((<usize>b) << 3);
    let largest: f32 = -Infinity;
    let sum: f32 = 0;
    if (state && before > 0) {
      largest = load<f32>(stateAt);
      sum = load<f32>(stateAt, 4);
    }
    for (let t = 0; t < length; t++) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      const score = load<f32>(z + at);
      const next = max<f32>(largest, score);
      const e = expF32(score - next);
      sum = (before + t > 0 ? sum * expF32(largest - next) : 0) + e;
      largest = next;
      store<f32>(w + at, (e / sum) * (byLength ? <f32>(before + t + 1) : 1));
    }
    if (state) {
      store<f32>(stateAt, largest);
      store<f32>(stateAt, sum, 4);
    }
  }
}

/** Takes dw back to dz; `w` starts at step 0 of each history. */
export function softmaxCausalBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  byLength: i32,
  w: usize,
  dW: usize,
  dZ: usize,
): void {
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    let after: f32 = 0; // (1 − p_{t+1})·a_{t+1}
    for (let t = length - 1; t >= 0; t--) {
      const at = (<usize>(stepRow(t, offsets) + b)) << 2;
      const weight = load<f32>(w + at);
      const p = byLength ? weight / <f32>(t + 1) : weight;
      const g = weight * load<f32>(dW + at);
      const a = g + after;
      store<f32>(dZ + at, g - p * a);
      after = (1 - p) * a;
    }
  }
}

/** Weighs step t against the steps up to it, all scored by the interest of step t. */
export function movingAttentionForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  kind: i32,
  byLength: i32,
  x: usize,
  u: usize,
  v: usize,
  c: f32,
  w: usize,
  stats: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    for (let t = 0; t < length; t++) {
      const row = <usize>(stepRow(t, offsets) + b);
      const uRow = u + row * rowBytes;
      let largest: f32 = -Infinity;
      let sum: f32 = 0;
      let own: f32 = 0;
      for (let i = 0; i <= t; i++) {
        own = pairScore(kind, width, x + <usize>(stepRow(i, offsets) + b) * rowBytes, uRow, v, c);
        const next = max<f32>(largest, own);
        sum = (i > 0 ? sum * expF32(largest - next) : 0) + expF32(own - next);
        largest = next;
      }
      store<f32>(w + (row << 2), (expF32(own - largest) / sum) * (byLength ? <f32>(t + 1) : 1));
      store<f32>(stats + (row << 3), largest);
      store<f32>(stats + (row << 3), sum, 4);
    }
  }
}

/** Takes dw back to x (+=), to the interest of every step (overwritten), and to v or c (+=). */
export function movingAttentionBackwardF32(
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
  w: usize,
  stats: usize,
  dW: usize,
  dX: usize,
  dU: usize,
  dV: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    for (let t = 0; t < length; t++) {
      const row = <usize>(stepRow(t, offsets) + b);
      const uRow = u + row * rowBytes;
      const dURow = dU + row * rowBytes;
      memory.fill(dURow, 0, rowBytes);
      const g = load<f32>(w + (row << 2)) * load<f32>(dW + (row << 2));
      const largest = load<f32>(stats + (row << 3));
      const factor = g / load<f32>(stats + (row << 3), 4);
      for (let i = 0; i <= t; i++) {
        const at = <usize>(stepRow(i, offsets) + b) * rowBytes;
        const score = pairScore(kind, width, x + at, uRow, v, c);
        const dz = (i === t ? g : 0) - factor * expF32(score - largest);
        pairScoreBackward(kind, width, x + at, uRow, v, c, dz, dX + at, dURow, dV + <usize>b * rowBytes);
      }
    }
  }
}
