// What     For each head: s_ti = <q_t, k_i>/√d for i ≤ t, p_t = softmax(s_t), o_t = Σ_i m_ti·p_ti·v_i, m the dropout mask.
//          backward, g_ti = m_ti·<do_t, v_i>: dv_i += m_ti·p_ti·do_t;  ds_ti = p_ti·(g_ti − Σ_j p_tj·g_tj);
//          dq_t = Σ_i ds_ti·k_i/√d;  dk_i += ds_ti·q_t/√d.
// Source   Vaswani et al., NIPS 2017, eq. 1, masked to the past as in SASRec (Kang & McAuley, ICDM 2018); the inside of
//          torch.nn.MultiheadAttention.
// Shapes   offsets i32[T + 1] · qkv, dQkv f32[rows, 3D] = (q, k, v) · o, dO f32[rows, D] · scratch f32[B, T·3D + T'] forward, f32[B, T·6D + 3T'] backward, T' = T up to the next 4
// Layout   packed rows (core/packed.ts); head n owns columns [n·d, (n+1)·d) of q, k and v, d = D/N. The caller owns all memory.
//          A sequence's rows, B rows apart, are copied next to each other first: their distance may be one that caches have few places for.
// Writes   sequences [begin, end): o, dQkv overwritten. scratch is used up.
// Numerics f32, steps in order, but Σ e^s and Σ p·g: four lane sums, added as sumF32x4 does; the largest score taken out first.
//          Probabilities are computed again in backward, so nothing T² long is kept. Bound vs the f64 twin: test/assembly/self-attention.test.ts
// Limits   D a multiple of N; T² dots a sequence, so windows bound it.
// Cost     4·D flops and one exp a pair (t, i) forward, 10·D backward.  npm run bench -- kernel

import { expAllF32 } from "../core/math";
import { stepRow, stepsOf } from "../core/packed";
import { keepFourF32x4, leastKeptI32x4, streamKey } from "../core/rng";
import { loadLanes, loadTail, maxF32x4, storeLanes, sumF32x4 } from "../core/v128";

/**
 * Writes factor·<a, row i> for rows 0 … count − 1, each with the bits of dotF32; four at a time, what is beyond the last row as for the
 * last row.
 */
function dots(count: i32, depth: i32, a: usize, rows: usize, rowBytes: usize, factor: f32, out: usize): void {
  const factorF32x4 = f32x4.splat(factor);
  const fullBytes = (<usize>(depth & ~3)) << 2;
  const rest = depth & 3;
  for (let i = 0; i < count; i += 4) {
    const most = count - i - 1;
    const r0 = rows + <usize>i * rowBytes;
    const r1 = r0 + <usize>min(1, most) * rowBytes;
    const r2 = r0 + <usize>min(2, most) * rowBytes;
    const r3 = r0 + <usize>min(3, most) * rowBytes;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let d: usize = 0;
    if (fullBytes > 0) {
      do {
        const own = v128.load(a + d);
        s0 = f32x4.add(s0, f32x4.mul(own, v128.load(r0 + d)));
        s1 = f32x4.add(s1, f32x4.mul(own, v128.load(r1 + d)));
        s2 = f32x4.add(s2, f32x4.mul(own, v128.load(r2 + d)));
        s3 = f32x4.add(s3, f32x4.mul(own, v128.load(r3 + d)));
        d += 16;
      } while (d < fullBytes);
    }
    if (rest > 0) {
      const own = loadTail(a + d, rest);
      s0 = f32x4.add(s0, f32x4.mul(own, loadTail(r0 + d, rest)));
      s1 = f32x4.add(s1, f32x4.mul(own, loadTail(r1 + d, rest)));
      s2 = f32x4.add(s2, f32x4.mul(own, loadTail(r2 + d, rest)));
      s3 = f32x4.add(s3, f32x4.mul(own, loadTail(r3 + d, rest)));
    }
    // (lane 0 + lane 1) + (lane 2 + lane 3) of each.
    const low01 = v128.shuffle<f32>(s0, s1, 0, 4, 1, 5);
    const low23 = v128.shuffle<f32>(s2, s3, 0, 4, 1, 5);
    const high01 = v128.shuffle<f32>(s0, s1, 2, 6, 3, 7);
    const high23 = v128.shuffle<f32>(s2, s3, 2, 6, 3, 7);
    const firstF32x4 = f32x4.add(v128.shuffle<i64>(low01, low23, 0, 2), v128.shuffle<i64>(low01, low23, 1, 3));
    const secondF32x4 = f32x4.add(v128.shuffle<i64>(high01, high23, 0, 2), v128.shuffle<i64>(high01, high23, 1, 3));
    v128.store(out + ((<usize>i) << 2), f32x4.mul(f32x4.add(firstF32x4, secondF32x4), factorF32x4));
  }
}

/** Writes Σ_i weight_i·row_i over rows 0 … count − 1 in order; sums stay in registers. */
function weightedSum(count: i32, depth: i32, weights: usize, rows: usize, rowBytes: usize, out: usize): void {
  const end = weights + ((<usize>count) << 2);
  let d = 0;
  for (; d + 16 <= depth; d += 16) {
    const at = (<usize>d) << 2;
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let row = rows + at;
    let weight = weights;
    do {
      const weightF32x4 = v128.load32_splat(weight);
      s0 = f32x4.add(s0, f32x4.mul(weightF32x4, v128.load(row)));
      s1 = f32x4.add(s1, f32x4.mul(weightF32x4, v128.load(row, 16)));
      s2 = f32x4.add(s2, f32x4.mul(weightF32x4, v128.load(row, 32)));
      s3 = f32x4.add(s3, f32x4.mul(weightF32x4, v128.load(row, 48)));
      row += rowBytes;
      weight += 4;
    } while (weight < end);
    v128.store(out + at, s0);
    v128.store(out + at, s1, 16);
    v128.store(out + at, s2, 32);
    v128.store(out + at, s3, 48);
  }
  for (; d < depth; d += 4) {
    const at = (<usize>d) << 2;
    let sumOfRows = f32x4.splat(0);
    let row = rows + at;
    for (let weight = weights; weight < end; weight += 4) {
      sumOfRows = f32x4.add(sumOfRows, f32x4.mul(v128.load32_splat(weight), loadLanes(row, depth - d)));
      row += rowBytes;
    }
    storeLanes(out + at, sumOfRows, depth - d);
  }
}

/** Adds weight_i·x to row i, rows 0 … count − 1; x stays in registers. */
function addOuter(count: i32, depth: i32, weights: usize, x: usize, rows: usize, rowBytes: usize): void {
  const end = weights + ((<usize>count) << 2);
  let d = 0;
  for (; d + 16 <= depth; d += 16) {
    const at = (<usize>d) << 2;
    const x0 = v128.load(x + at);
    const x1 = v128.load(x + at, 16);
    const x2 = v128.load(x + at, 32);
    const x3 = v128.load(x + at, 48);
    let row = rows + at;
    let weight = weights;
    do {
      const weightF32x4 = v128.load32_splat(weight);
      v128.store(row, f32x4.add(v128.load(row), f32x4.mul(weightF32x4, x0)));
      v128.store(row, f32x4.add(v128.load(row, 16), f32x4.mul(weightF32x4, x1)), 16);
      v128.store(row, f32x4.add(v128.load(row, 32), f32x4.mul(weightF32x4, x2)), 32);
      v128.store(row, f32x4.add(v128.load(row, 48), f32x4.mul(weightF32x4, x3)), 48);
      row += rowBytes;
      weight += 4;
    } while (weight < end);
  }
  for (; d < depth; d += 4) {
    const at = (<usize>d) << 2;
    const xF32x4 = loadLanes(x + at, depth - d);
    let row = rows + at;
    for (let weight = weights; weight < end; weight += 4) {
      const product = f32x4.mul(v128.load32_splat(weight), xF32x4);
      storeLanes(row, f32x4.add(loadLanes(row, depth - d), product), depth - d);
      row += rowBytes;
    }
  }
}

/** Writes the probabilities of one step over steps 0 … count − 1 of one head; 0 in what is beyond, up to the next 4. */
function probabilities(count: i32, depth: i32, q: usize, k: usize, rowBytes: usize, scale: f32, p: usize): void {
  dots(count, depth, q, k, rowBytes, scale, p);
  const end = p + ((<usize>((count + 3) & ~3)) << 2);
  for (let at = p + ((<usize>count) << 2); at < end; at += 4) store<f32>(at, -Infinity);
  let largestF32x4 = v128.load(p);
  for (let at = p + 16; at < end; at += 16) largestF32x4 = f32x4.max(largestF32x4, v128.load(at));
  const sum = sumF32x4(expAllF32(p, end, f32x4.splat(maxF32x4(largestF32x4))));
  const factorF32x4 = f32x4.splat(<f32>1 / sum);
  for (let at = p; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), factorF32x4));
}

/** Returns where the random numbers of the pairs of a row and a head begin: one for four pairs. */
function firstIndex(row: u32, head: i32, heads: i32): u64 {
  return (<u64>row * <u64>heads + <u64>head) << 24;
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
  const factorF32x4 = f32x4.splat(<f32>1 / (1 - rate));
  const leastI32x4 = leastKeptI32x4(rate);
  const depth = width / heads;
  const rowBytes = (<usize>width * 3) << 2;
  const scale = <f32>1 / sqrt<f32>(<f32>depth);
  const stepsBytes = (<usize>((steps + 3) & ~3)) << 2;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const p = scratch + <usize>b * (<usize>steps * rowBytes + stepsBytes);
    const own = p + stepsBytes;
    for (let t = 0; t < length; t++) {
      memory.copy(own + <usize>t * rowBytes, qkv + <usize>(stepRow(t, offsets) + b) * rowBytes, rowBytes);
    }
    for (let t = 0; t < length; t++) {
      const row = stepRow(t, offsets) + b;
      const oRow = o + ((<usize>row * <usize>width) << 2);
      for (let head = 0; head < heads; head++) {
        const column = (<usize>head * <usize>depth) << 2;
        const k = own + ((<usize>width) << 2) + column;
        const v = k + ((<usize>width) << 2);
        probabilities(t + 1, depth, own + <usize>t * rowBytes + column, k, rowBytes, scale, p);
        if (rate > 0) {
          let index = firstIndex(firstRow + <u32>row, head, heads);
          for (let at = p, pEnd = p + ((<usize>t) << 2); at <= pEnd; at += 16) {
            const keepF32x4 = keepFourF32x4(key, index++, leastI32x4, factorF32x4);
            v128.store(at, f32x4.mul(v128.load(at), keepF32x4));
          }
        }
        weightedSum(t + 1, depth, p, v, rowBytes, oRow + column);
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
  const factorF32x4 = f32x4.splat(<f32>1 / (1 - rate));
  const leastI32x4 = leastKeptI32x4(rate);
  const depth = width / heads;
  const rowBytes = (<usize>width * 3) << 2;
  const scale = <f32>1 / sqrt<f32>(<f32>depth);
  const scaleF32x4 = f32x4.splat(scale);
  const stepsBytes = (<usize>((steps + 3) & ~3)) << 2;
  const sequenceBytes = <usize>steps * rowBytes;
  for (let b = begin; b < end; b++) {
    const length = stepsOf(b, steps, offsets);
    const p = scratch + <usize>b * (2 * sequenceBytes + 3 * stepsBytes);
    const kept = p + stepsBytes;
    const g = kept + stepsBytes;
    const own = g + stepsBytes;
    const dOwn = own + sequenceBytes;
    for (let t = 0; t < length; t++) {
      memory.copy(own + <usize>t * rowBytes, qkv + <usize>(stepRow(t, offsets) + b) * rowBytes, rowBytes);
    }
    memory.fill(dOwn, 0, <usize>length * rowBytes);
    for (let t = 0; t < length; t++) {
      const row = stepRow(t, offsets) + b;
      const ownRow = <usize>t * rowBytes;
      for (let head = 0; head < heads; head++) {
        const column = (<usize>head * <usize>depth) << 2;
        const toK = ((<usize>width) << 2) + column;
        const toV = toK + ((<usize>width) << 2);
        const q = own + ownRow + column;
        const dORow = dO + ((<usize>row * <usize>width) << 2) + column;
        probabilities(t + 1, depth, q, own + toK, rowBytes, scale, p);
        // 1. through o_t = Σ_i m_ti·p_ti·v_i: g_ti = m_ti·<do_t, v_i>, dv_i += m_ti·p_ti·do_t
        dots(t + 1, depth, dORow, own + toV, rowBytes, 1, g);
        let sumOfLanes = f32x4.splat(0);
        let index = firstIndex(firstRow + <u32>row, head, heads);
        const last = (<usize>t) << 2;
        for (let at: usize = 0; at <= last; at += 16) {
          const keepF32x4 = keepFourF32x4(key, index++, leastI32x4, factorF32x4);
          const probability = v128.load(p + at);
          const gradient = f32x4.mul(keepF32x4, v128.load(g + at));
          sumOfLanes = f32x4.add(sumOfLanes, f32x4.mul(probability, gradient));
          v128.store(g + at, gradient);
          v128.store(kept + at, f32x4.mul(keepF32x4, probability));
        }
        const meanF32x4 = f32x4.splat(sumF32x4(sumOfLanes));
        addOuter(t + 1, depth, kept, dORow, dOwn + toV, rowBytes);
        // 2. through the softmax and s_ti = <q_t, k_i>/√d
        for (let at: usize = 0; at <= last; at += 16) {
          const dLogit = f32x4.mul(v128.load(p + at), f32x4.sub(v128.load(g + at), meanF32x4));
          v128.store(g + at, f32x4.mul(dLogit, scaleF32x4));
        }
        weightedSum(t + 1, depth, g, own + toK, rowBytes, dOwn + ownRow + column);
        addOuter(t + 1, depth, g, q, dOwn + toK, rowBytes);
      }
    }
    for (let t = 0; t < length; t++) {
      memory.copy(dQkv + <usize>(stepRow(t, offsets) + b) * rowBytes, dOwn + <usize>t * rowBytes, rowBytes);
    }
  }
}
