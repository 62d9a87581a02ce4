// What     The integer pass of exact top-K: lists for each query the positions p of the catalogue whose score can reach its
//          threshold: acc = Σ_k q_p[k]·q_u[k] ≥ τ·(1/S) − (a·N/S + ‖q_u‖·R/S).
// Source   docs/exact-ranking.md, which proves that no item of the list is missed; the letters are its own.
// Shapes   as kernel/quantize.ts · outPositions i32[queries, capacity] · counts i32[queries]
// Layout   16-byte aligned bases; the caller owns all memory.
// Writes   counts of queries of groups [begin, end), accumulated (+=), and that many entries of outPositions.
// Numerics integers, exact; thresholds in f32, whose rounding is part of the bound.
// Limits   capacity ≥ counts before + 64·(lastBlock − firstBlock).
// Cost     one multiply-and-add instruction for four (i16) or sixteen (i8) numbers.  npm run bench -- topk
//
// Compiled twice: with relaxed SIMD it multiplies i8 by the query's i7 (the module `relaxed`, which has nothing else), without it
// i16 by i16. Three things are passed over: a block none of four queries can want, by length; eight items none of the four can
// want, by the first `prefix` words and the length of the rest; and what is left once all words are multiplied.

const PANEL: i32 = 8;
const PANELS_OF_BLOCK: i32 = 8;

/** Adds the products of one word of four items and of a query. */
function addProducts(items: v128, query: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(items, query, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(items, query));
}

/** Turns thresholds into integers t so that acc ≥ threshold only if acc > t. */
function below(thresholdF32x4: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.sub(f32x4.floor(thresholdF32x4), f32x4.splat(1)));
}

function bothOver(low: v128, high: v128, t: v128): v128 {
  return v128.or(i32x4.gt_s(low, t), i32x4.gt_s(high, t));
}

function maskOver(low: v128, high: v128, t: v128): i32 {
  return i32x4.bitmask(i32x4.gt_s(low, t)) | (i32x4.bitmask(i32x4.gt_s(high, t)) << 4);
}

/** Appends the positions of a mask of eight items. */
function append(
  mask: i32,
  first: i32,
  items: i32,
  query: i32,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  const at = counts + ((<usize>query) << 2);
  let count = load<i32>(at);
  const to = outPositions + ((<usize>query * <usize>capacity) << 2);
  while (mask !== 0) {
    const position = first + ctz(mask);
    mask &= mask - 1;
    if (position >= items) break;
    store<i32>(to + ((<usize>count) << 2), position);
    count++;
  }
  store<i32>(at, count);
}

/** Lists what blocks [firstBlock, lastBlock) may hold for groups [begin, end) of four queries. */
export function scanCatalogue(
  begin: i32,
  end: i32,
  queries: i32,
  items: i32,
  firstBlock: i32,
  lastBlock: i32,
  words: i32,
  prefix: i32,
  panels: usize,
  corrections: usize,
  blockBounds: usize,
  q: usize,
  queryBounds: usize,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  const panelBytes = ((<usize>words) << 2) * PANEL;
  const queryBytes = (<usize>words) << 2;
  for (let group = begin; group < end; group++) {
    const bounds = queryBounds + ((<usize>group) << 6);
    const tauF32x4 = v128.load(bounds);
    const aF32x4 = v128.load(bounds, 16);
    const lengthF32x4 = v128.load(bounds, 32);
    const tailF32x4 = v128.load(bounds, 48);
    const query = q + <usize>(group * 4) * queryBytes;
    const alone = group * 4 + 1 === queries;
    for (let block = firstBlock; block < lastBlock; block++) {
      // 1. The thresholds of the block, and whether anything in it is long enough for one of them.
      const own = blockBounds + ((<usize>block) << 5);
      const thresholdF32x4 = f32x4.sub(
        f32x4.mul(tauF32x4, v128.load32_splat(own)),
        f32x4.add(f32x4.mul(aF32x4, v128.load32_splat(own, 4)), f32x4.mul(lengthF32x4, v128.load32_splat(own, 8))),
      );
      const reachF32x4 = f32x4.mul(lengthF32x4, v128.load32_splat(own, 12));
      if (!v128.any_true(f32x4.le(thresholdF32x4, reachF32x4))) continue;
      const full = below(thresholdF32x4);
      const early = below(f32x4.sub(thresholdF32x4, f32x4.mul(tailF32x4, v128.load32_splat(own, 16))));
      // 2. Panels.
      const firstPanel = block * PANELS_OF_BLOCK;
      for (let panel = firstPanel; panel < firstPanel + PANELS_OF_BLOCK; panel++) {
        const at = panels + <usize>panel * panelBytes;
        const correction = corrections + ((<usize>(panel * 2 * PANEL)) << 2);
        if (alone) {
          scanAlone(
            at,
            correction,
            query,
            words,
            prefix,
            early,
            full,
            panel * PANEL,
            items,
            group * 4,
            capacity,
            outPositions,
            counts,
          );
        } else {
          scanFour(
            at,
            correction,
            query,
            words,
            prefix,
            early,
            full,
            panel * PANEL,
            items,
            group * 4,
            capacity,
            outPositions,
            counts,
          );
        }
      }
    }
  }
}

function scanFour(
  panel: usize,
  correction: usize,
  query: usize,
  words: i32,
  prefix: i32,
  early: v128,
  full: v128,
  first: i32,
  items: i32,
  firstQuery: i32,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  const queryBytes = (<usize>words) << 2;
  let s00 = i32x4.splat(0);
  let s01 = s00;
  if (ASC_FEATURE_RELAXED_SIMD) {
    s00 = v128.load(correction);
    s01 = v128.load(correction, 16);
  }
  let s10 = s00;
  let s11 = s01;
  let s20 = s00;
  let s21 = s01;
  let s30 = s00;
  let s31 = s01;
  let t = early;
  let at = panel;
  let q0 = query;
  let q1 = q0 + queryBytes;
  let q2 = q1 + queryBytes;
  let q3 = q2 + queryBytes;
  let stop = panel + ((<usize>prefix) << 5);
  const last = panel + ((<usize>words) << 5);
  while (true) {
    for (; at < stop; at += 32) {
      const x0 = v128.load(at);
      const x1 = v128.load(at, 16);
      const w0 = v128.load32_splat(q0);
      s00 = addProducts(x0, w0, s00);
      s01 = addProducts(x1, w0, s01);
      const w1 = v128.load32_splat(q1);
      s10 = addProducts(x0, w1, s10);
      s11 = addProducts(x1, w1, s11);
      const w2 = v128.load32_splat(q2);
      s20 = addProducts(x0, w2, s20);
      s21 = addProducts(x1, w2, s21);
      const w3 = v128.load32_splat(q3);
      s30 = addProducts(x0, w3, s30);
      s31 = addProducts(x1, w3, s31);
      q0 += 4;
      q1 += 4;
      q2 += 4;
      q3 += 4;
    }
    if (stop === last) t = full;
    const t0 = v128.shuffle<i32>(t, t, 0, 0, 0, 0);
    const t1 = v128.shuffle<i32>(t, t, 1, 1, 1, 1);
    const t2 = v128.shuffle<i32>(t, t, 2, 2, 2, 2);
    const t3 = v128.shuffle<i32>(t, t, 3, 3, 3, 3);
    const any = v128.or(
      v128.or(bothOver(s00, s01, t0), bothOver(s10, s11, t1)),
      v128.or(bothOver(s20, s21, t2), bothOver(s30, s31, t3)),
    );
    if (!v128.any_true(any)) return;
    if (stop === last) {
      append(maskOver(s00, s01, t0), first, items, firstQuery, capacity, outPositions, counts);
      append(maskOver(s10, s11, t1), first, items, firstQuery + 1, capacity, outPositions, counts);
      append(maskOver(s20, s21, t2), first, items, firstQuery + 2, capacity, outPositions, counts);
      append(maskOver(s30, s31, t3), first, items, firstQuery + 3, capacity, outPositions, counts);
      return;
    }
    stop = last;
    if (ASC_FEATURE_RELAXED_SIMD) {
      const c0 = v128.load(correction, 32);
      const c1 = v128.load(correction, 48);
      s00 = i32x4.add(s00, c0);
      s01 = i32x4.add(s01, c1);
      s10 = i32x4.add(s10, c0);
      s11 = i32x4.add(s11, c1);
      s20 = i32x4.add(s20, c0);
      s21 = i32x4.add(s21, c1);
      s30 = i32x4.add(s30, c0);
      s31 = i32x4.add(s31, c1);
    }
  }
}

function scanAlone(
  panel: usize,
  correction: usize,
  query: usize,
  words: i32,
  prefix: i32,
  early: v128,
  full: v128,
  first: i32,
  items: i32,
  firstQuery: i32,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  let s0 = i32x4.splat(0);
  let s1 = s0;
  if (ASC_FEATURE_RELAXED_SIMD) {
    s0 = v128.load(correction);
    s1 = v128.load(correction, 16);
  }
  let t = early;
  let at = panel;
  let q0 = query;
  let stop = panel + ((<usize>prefix) << 5);
  const last = panel + ((<usize>words) << 5);
  while (true) {
    for (; at < stop; at += 32) {
      const w0 = v128.load32_splat(q0);
      s0 = addProducts(v128.load(at), w0, s0);
      s1 = addProducts(v128.load(at, 16), w0, s1);
      q0 += 4;
    }
    if (stop === last) t = full;
    const t0 = v128.shuffle<i32>(t, t, 0, 0, 0, 0);
    if (!v128.any_true(bothOver(s0, s1, t0))) return;
    if (stop === last) {
      append(maskOver(s0, s1, t0), first, items, firstQuery, capacity, outPositions, counts);
      return;
    }
    stop = last;
    if (ASC_FEATURE_RELAXED_SIMD) {
      s0 = i32x4.add(s0, v128.load(correction, 32));
      s1 = i32x4.add(s1, v128.load(correction, 48));
    }
  }
}
