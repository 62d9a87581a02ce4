// What     The integer pass of exact top-K: lists for each query the positions p of the catalogue whose score can reach its
//          threshold: acc = Σ_k q_p[k]·q_u[k] ≥ τ·(1/S) − (a·N/S + ‖q_u‖·R/S).
// Source   docs/exact-ranking.md, which proves that no item of the list is missed; the letters are its own.
// Shapes   as kernel/quantize.ts · outPositions i32[queries, capacity] · counts i32[queries]
// Layout   16-byte aligned bases; words and prefix even; the caller owns all memory.
// Writes   counts of queries of groups [begin, end), accumulated (+=), and that many entries of outPositions.
// Numerics integers, exact; thresholds in f32, whose rounding is part of the bound.
// Limits   capacity ≥ counts before + 64·(lastBlock − firstBlock).
// Cost     two instructions for eight products (i16), one for sixteen (i8), or five for 32 (i8, inPairs).  bench/ranking.ts
//
// Compiled twice: with relaxed SIMD it multiplies i7 by i7 (the module `relaxed`, which has nothing else), in one instruction or, inPairs, in
// several that are less work where a processor does not have that one; without it i16 by i16. Three things are passed over: a block none of
// four queries can want, by length; eight items none of the four can want, by the words of the first stages and the length of the rest; and
// what is left once all words are multiplied.

import { GROUP_BYTES, STAGES } from "./quantize";

const PANEL: i32 = 8;
const PANELS_OF_BLOCK: i32 = 8;

/** No sum of products is as far from zero, so that a sum minus a threshold stays within i32. */
const FARTHEST: f32 = 1e9;

/** Adds the products of one word of four items and of a query. */
function addProducts(items: v128, query: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(query, items, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(items, query));
}

/** Adds the products of two words of four items and of a query: pairs of products as i16, four of which fit, and those as i32. */
function addPaired(items0: v128, items1: v128, query0: v128, query1: v128, sum: v128, ones: v128): v128 {
  const fours = i16x8.add(
    i16x8.relaxed_dot_i8x16_i7x16_s(query0, items0),
    i16x8.relaxed_dot_i8x16_i7x16_s(query1, items1),
  );
  return i32x4.add(sum, i32x4.dot_i16x8_s(fours, ones));
}

/** Turns thresholds into integers t so that no sum that reaches a threshold is below its t. */
function toIntegers(thresholdF32x4: v128): v128 {
  const inReach = f32x4.min(f32x4.max(thresholdF32x4, f32x4.splat(-FARTHEST)), f32x4.splat(FARTHEST));
  return i32x4.trunc_sat_f32x4_s(f32x4.floor(inReach));
}

/** Appends the positions of eight items whose sums, their thresholds taken off, are not negative. */
function append(
  low: v128,
  high: v128,
  first: i32,
  items: i32,
  query: i32,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  let mask = (i32x4.bitmask(low) | (i32x4.bitmask(high) << 4)) ^ 0xff;
  if (mask === 0) return;
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

/** Where a group's bounds hold, once for each query and in all lanes, what sums start at and what they are compared with after a stage. */
const STARTS: usize = 128;
const LIMITS: usize = 192;

/** Lists what blocks [firstBlock, lastBlock) of all `blocks` may hold for groups [begin, end) of four queries. */
export function scanCatalogue(
  begin: i32,
  end: i32,
  queries: i32,
  items: i32,
  blocks: i32,
  firstBlock: i32,
  lastBlock: i32,
  words: i32,
  stages: usize,
  panels: usize,
  blockBounds: usize,
  q: usize,
  queryBounds: usize,
  capacity: i32,
  outPositions: usize,
  counts: usize,
  inPairs: i32,
): void {
  const ones = i16x8.splat(<i16>inPairs);
  const firstStop = load<i32>(stages);
  /** Bytes of one word of all items. */
  const wordBytes = (<usize>blocks) << 8;
  for (let block = firstBlock; block < lastBlock; block++) {
    const own = blockBounds + ((<usize>block) << 5);
    const lastPanel = (block + 1) * PANELS_OF_BLOCK;
    for (let group = begin; group < end; group++) {
      // 1. The thresholds of the block, and whether anything in it is long enough for one of them.
      const bounds = queryBounds + <usize>group * GROUP_BYTES;
      const lengthF32x4 = v128.load(bounds, 32);
      const thresholdF32x4 = f32x4.sub(
        f32x4.mul(v128.load(bounds), v128.load32_splat(own)),
        f32x4.add(
          f32x4.mul(v128.load(bounds, 16), v128.load32_splat(own, 4)),
          f32x4.mul(lengthF32x4, v128.load32_splat(own, 8)),
        ),
      );
      const reachF32x4 = f32x4.mul(lengthF32x4, v128.load32_splat(own, 12));
      if (!v128.any_true(f32x4.le(thresholdF32x4, reachF32x4))) continue;
      // 2. What the sums start at, so that after all words only their signs count, and what they have to be above after each stage
      //    for the rest to be able to bring one to zero. In memory, as no registers are left for them beside the sums.
      spread(i32x4.sub(i32x4.neg(v128.load(bounds, 80)), toIntegers(thresholdF32x4)), bounds + STARTS);
      for (let stage: usize = 0; stage < STAGES; stage++) {
        if (load<i32>(stages + (stage << 2)) === words) break;
        const restF32x4 = f32x4.mul(v128.load(bounds + (stage << 4), 48), v128.load32_splat(own + (stage << 2), 16));
        const rest = i32x4.trunc_sat_f32x4_s(f32x4.ceil(restF32x4));
        // −(rest + 64·Σq of the rest) − 1 in two's complement.
        spread(v128.not(i32x4.add(rest, v128.load(bounds + (stage << 4), 96))), bounds + LIMITS + (stage << 6));
      }
      // 3. Panels of eight items.
      const query = q + ((<usize>group * <usize>words) << 4);
      const alone = group * 4 + 1 === queries;
      for (let panel = block * PANELS_OF_BLOCK; panel < lastPanel; panel++) {
        let from = 0;
        let stop = firstStop;
        let nextStage = stages + 4;
        let limits = bounds + LIMITS;
        let qAt = query;
        if (alone) {
          let s0 = v128.load(bounds + STARTS);
          let s1 = s0;
          while (true) {
            const bytes = (<usize>(stop - from)) << 5;
            let at = panels + <usize>from * wordBytes + <usize>panel * bytes;
            for (const atEnd = at + bytes; at < atEnd; at += 64) {
              const w0 = v128.load32_splat(qAt);
              const w1 = v128.load32_splat(qAt, 16);
              if (ASC_FEATURE_RELAXED_SIMD && inPairs) {
                s0 = addPaired(v128.load(at), v128.load(at, 32), w0, w1, s0, ones);
                s1 = addPaired(v128.load(at, 16), v128.load(at, 48), w0, w1, s1, ones);
              } else {
                s0 = addProducts(v128.load(at), w0, s0);
                s1 = addProducts(v128.load(at, 16), w0, s1);
                s0 = addProducts(v128.load(at, 32), w1, s0);
                s1 = addProducts(v128.load(at, 48), w1, s1);
              }
              qAt += 32;
            }
            if (stop === words) {
              append(s0, s1, panel * PANEL, items, group * 4, capacity, outPositions, counts);
              break;
            }
            if (!v128.any_true(i32x4.gt_s(i32x4.max_s(s0, s1), v128.load(limits)))) break;
            from = stop;
            stop = load<i32>(nextStage);
            nextStage += 4;
            limits += 64;
          }
          continue;
        }
        let s00 = v128.load(bounds + STARTS);
        let s01 = s00;
        let s10 = v128.load(bounds + STARTS, 16);
        let s11 = s10;
        let s20 = v128.load(bounds + STARTS, 32);
        let s21 = s20;
        let s30 = v128.load(bounds + STARTS, 48);
        let s31 = s30;
        while (true) {
          const bytes = (<usize>(stop - from)) << 5;
          let at = panels + <usize>from * wordBytes + <usize>panel * bytes;
          const atEnd = at + bytes;
          if (ASC_FEATURE_RELAXED_SIMD && inPairs) {
            for (; at < atEnd; at += 64) {
              const x0 = v128.load(at);
              const x1 = v128.load(at, 16);
              const x2 = v128.load(at, 32);
              const x3 = v128.load(at, 48);
              let w0 = v128.load32_splat(qAt);
              let w1 = v128.load32_splat(qAt, 16);
              s00 = addPaired(x0, x2, w0, w1, s00, ones);
              s01 = addPaired(x1, x3, w0, w1, s01, ones);
              w0 = v128.load32_splat(qAt, 4);
              w1 = v128.load32_splat(qAt, 20);
              s10 = addPaired(x0, x2, w0, w1, s10, ones);
              s11 = addPaired(x1, x3, w0, w1, s11, ones);
              w0 = v128.load32_splat(qAt, 8);
              w1 = v128.load32_splat(qAt, 24);
              s20 = addPaired(x0, x2, w0, w1, s20, ones);
              s21 = addPaired(x1, x3, w0, w1, s21, ones);
              w0 = v128.load32_splat(qAt, 12);
              w1 = v128.load32_splat(qAt, 28);
              s30 = addPaired(x0, x2, w0, w1, s30, ones);
              s31 = addPaired(x1, x3, w0, w1, s31, ones);
              qAt += 32;
            }
          }
          for (; at < atEnd; at += 32) {
            const x0 = v128.load(at);
            const x1 = v128.load(at, 16);
            let w = v128.load32_splat(qAt);
            s00 = addProducts(x0, w, s00);
            s01 = addProducts(x1, w, s01);
            w = v128.load32_splat(qAt, 4);
            s10 = addProducts(x0, w, s10);
            s11 = addProducts(x1, w, s11);
            w = v128.load32_splat(qAt, 8);
            s20 = addProducts(x0, w, s20);
            s21 = addProducts(x1, w, s21);
            w = v128.load32_splat(qAt, 12);
            s30 = addProducts(x0, w, s30);
            s31 = addProducts(x1, w, s31);
            qAt += 16;
          }
          if (stop === words) {
            const negative = v128.and(
              v128.and(v128.and(s00, s01), v128.and(s10, s11)),
              v128.and(v128.and(s20, s21), v128.and(s30, s31)),
            );
            if (i32x4.bitmask(negative) === 15) break;
            append(s00, s01, panel * PANEL, items, group * 4, capacity, outPositions, counts);
            append(s10, s11, panel * PANEL, items, group * 4 + 1, capacity, outPositions, counts);
            append(s20, s21, panel * PANEL, items, group * 4 + 2, capacity, outPositions, counts);
            append(s30, s31, panel * PANEL, items, group * 4 + 3, capacity, outPositions, counts);
            break;
          }
          const above = v128.or(
            v128.or(
              i32x4.gt_s(i32x4.max_s(s00, s01), v128.load(limits)),
              i32x4.gt_s(i32x4.max_s(s10, s11), v128.load(limits, 16)),
            ),
            v128.or(
              i32x4.gt_s(i32x4.max_s(s20, s21), v128.load(limits, 32)),
              i32x4.gt_s(i32x4.max_s(s30, s31), v128.load(limits, 48)),
            ),
          );
          if (!v128.any_true(above)) break;
          from = stop;
          stop = load<i32>(nextStage);
          nextStage += 4;
          limits += 64;
        }
      }
    }
  }
}

/** Writes each of four lanes into all lanes of a vector of its own. */
function spread(fourI32x4: v128, to: usize): void {
  v128.store(to, v128.shuffle<i32>(fourI32x4, fourI32x4, 0, 0, 0, 0));
  v128.store(to, v128.shuffle<i32>(fourI32x4, fourI32x4, 1, 1, 1, 1), 16);
  v128.store(to, v128.shuffle<i32>(fourI32x4, fourI32x4, 2, 2, 2, 2), 32);
  v128.store(to, v128.shuffle<i32>(fourI32x4, fourI32x4, 3, 3, 3, 3), 48);
}
