// What     For each head: s_ti = <q_t, k_i>/√d for i ≤ t, p_t = softmax(s_t), o_t = Σ_i m_ti·p_ti·v_i, m the dropout mask.
//          backward, g_ti = m_ti·<do_t, v_i>: dv_i += m_ti·p_ti·do_t;  ds_ti = p_ti·(g_ti − Σ_j p_tj·g_tj);
//          dq_t = Σ_i ds_ti·k_i/√d;  dk_i += ds_ti·q_t/√d.
// Source   Vaswani et al., NIPS 2017, eq. 1, masked to the past as in SASRec (Kang & McAuley, ICDM 2018); the inside of
//          torch.nn.MultiheadAttention.
// Shapes   offsets i32[T + 1] · qkv, dQkv f32[rows, 3D] = (q, k, v) · o, dO f32[rows, D] · scratch f32[B, 2T]
// Layout   packed rows (core/packed.ts); head n owns columns [n·d, (n+1)·d) of q, k and v, d = D/N. The caller owns all memory.
// Writes   sequences [begin, end): o, dQkv overwritten. scratch is used up.
// Numerics f32, steps in order, but exponentials: four lane sums and then the last 1–3; the largest score taken out first.
//          Probabilities are computed again in backward, so nothing T² long is kept. Bound vs the f64 twin: test/assembly/self-attention.test.ts
// Limits   D a multiple of N; T² dots a sequence, so windows bound it.
// Cost     4·D flops and one exp a pair (t, i) forward, 10·D backward.  npm run bench -- kernel

import { expAllF32, expF32 } from "../core/math";
import { stepRow, stepsOf } from "../core/packed";
import { randomUnitF32, streamKey } from "../core/rng";
import { addScaledF32, dotF32, sumF32x4 } from "../core/v128";

/** Writes the probabilities of step t over steps 0 … t of one head. */
function probabilities(
  t: i32,
  b: i32,
  offsets: usize,
  depth: i32,
  q: usize,
  k: usize,
  rowBytes: usize,
  scale: f32,
  p: usize,
): void {
  let largest: f32 = -Infinity;
  for (let i = 0; i <= t; i++) {
    const score = dotF32(q, k + <usize>(stepRow(i, offsets) + b) * rowBytes, depth) * scale;
    store<f32>(p + ((<usize>i) << 2), score);
    largest = max<f32>(largest, score);
  }
  const full = (t + 1) & ~3;
  let sum = sumF32x4(expAllF32(p, p + ((<usize>full) << 2), f32x4.splat(largest)));
  for (let i = full; i <= t; i++) {
    const at = p + ((<usize>i) << 2);
    const e = expF32(load<f32>(at) - largest);
    store<f32>(at, e);
    sum += e;
  }
  const factor = <f32>1 / sum;
  for (let i = 0; i <= t; i++) {
    const at = p + ((<usize>i) << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}

/** Returns the dropout factor of pair (row, i) of a head: 0 or 1/(1 − rate). */
function keepFactor(key: u64, row: u32, head: i32, heads: i32, i: i32, rate: f32): f32 {
  if (rate === 0) return 1;
  const index = ((<u64>row * <u64>heads + <u64>head) << 24) + <u64>i;
  return randomUnitF32(key, index) >= rate ? <f32>1 / (1 - rate) : 0;
}

/** Attends over the past for sequences [begin, end). */
export function selfAttentionForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  heads: i32,
  qkv: usize,
  o: usize,
  scratch: usize,
  rate: f32,
  seed: u32,
  stream: u32,
  step: u32,
  firstRow: u32,
): void {
  const key = streamKey(seed, stream, step);
  const depth = width / heads;
  const rowBytes = (<usize>width * 3) << 2;
  const scale = <f32>1 / sqrt<f32>(<f32>depth);
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const p = scratch + ((<usize>b * <usize>steps) << 3);
    for (let t = 0; t < length; t++) {
      const row = stepRow(t, offsets) + b;
      const oRow = o + ((<usize>row * <usize>width) << 2);
      memory.fill(oRow, 0, (<usize>width) << 2);
      for (let head = 0; head < heads; head++) {
        const column = (<usize>head * <usize>depth) << 2;
        const q = qkv + <usize>row * rowBytes + column;
        const k = qkv + ((<usize>width) << 2) + column;
        const v = k + ((<usize>width) << 2);
        probabilities(t, b, offsets, depth, q, k, rowBytes, scale, p);
        for (let i = 0; i <= t; i++) {
          const weight = load<f32>(p + ((<usize>i) << 2)) * keepFactor(key, firstRow + <u32>row, head, heads, i, rate);
          addScaledF32(oRow + column, v + <usize>(stepRow(i, offsets) + b) * rowBytes, weight, depth);
        }
      }
    }
  }
}

/** Takes dO back to (dq, dk, dv) for sequences [begin, end). */
export function selfAttentionBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  heads: i32,
  qkv: usize,
  dO: usize,
  dQkv: usize,
  scratch: usize,
  rate: f32,
  seed: u32,
  stream: u32,
  step: u32,
  firstRow: u32,
): void {
  const key = streamKey(seed, stream, step);
  const depth = width / heads;
  const rowBytes = (<usize>width * 3) << 2;
  const scale = <f32>1 / sqrt<f32>(<f32>depth);
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const p = scratch + ((<usize>b * <usize>steps) << 3);
    const g = p + ((<usize>steps) << 2);
    for (let t = 0; t < length; t++) {
      memory.fill(dQkv + <usize>(stepRow(t, offsets) + b) * rowBytes, 0, rowBytes);
    }
    for (let t = 0; t < length; t++) {
      const row = stepRow(t, offsets) + b;
      for (let head = 0; head < heads; head++) {
        const column = (<usize>head * <usize>depth) << 2;
        const toK = ((<usize>width) << 2) + column;
        const toV = toK + ((<usize>width) << 2);
        const q = qkv + <usize>row * rowBytes + column;
        const dORow = dO + ((<usize>row * <usize>width) << 2) + column;
        probabilities(t, b, offsets, depth, q, qkv + toK, rowBytes, scale, p);
        // 1. through o_t = Σ m·p·v
        let sum: f32 = 0;
        for (let i = 0; i <= t; i++) {
          const at = <usize>(stepRow(i, offsets) + b) * rowBytes;
          const keep = keepFactor(key, firstRow + <u32>row, head, heads, i, rate);
          const probability = load<f32>(p + ((<usize>i) << 2));
          const gradient = keep * dotF32(dORow, qkv + toV + at, depth);
          store<f32>(g + ((<usize>i) << 2), gradient);
          sum += probability * gradient;
          addScaledF32(dQkv + toV + at, dORow, keep * probability, depth);
        }
        // 2. through the softmax and s_ti = <q_t, k_i>/√d
        for (let i = 0; i <= t; i++) {
          const at = <usize>(stepRow(i, offsets) + b) * rowBytes;
          const ds = load<f32>(p + ((<usize>i) << 2)) * (load<f32>(g + ((<usize>i) << 2)) - sum) * scale;
          addScaledF32(dQkv + <usize>row * rowBytes + column, qkv + toK + at, ds, depth);
          addScaledF32(dQkv + toK + at, q, ds, depth);
        }
      }
    }
  }
}
