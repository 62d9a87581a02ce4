// What     The integer pass of exact top-K: lists for each query the positions p of the catalogue whose score can reach its
//          threshold: acc = Σ_k q_p[k]·q_u[k] ≥ τ·(1/S) − (a·N/S + ‖q_u‖·R/S).
// Source   docs/exact-ranking.md, which proves that no item of the list is missed; the letters are its own.
// Shapes   as kernel/quantize.ts · outPositions i32[queries, capacity] · counts i32[queries]
// Layout   16-byte aligned bases; words and prefix even; the caller owns all memory.
// Writes   counts of queries of groups [begin, end), accumulated (+=), and that many entries of outPositions.
// Numerics integers, exact; thresholds in f32, whose rounding is part of the bound.
// Limits   capacity ≥ counts before + 64·(lastBlock − firstBlock).
// Cost     one multiply-and-add instruction for four (i16) or sixteen (i8) numbers.  bench/ranking.ts
//
// Compiled twice: with relaxed SIMD it multiplies the items' i7 by i8 (the module `relaxed`, which has nothing else), without it
// i16 by i16. Three things are passed over: a block none of four queries can want, by length; eight items none of the four can
// want, by the first `prefix` words and the length of the rest; and what is left once all words are multiplied.

const PANEL: i32 = 8;
const PANELS_OF_BLOCK: i32 = 8;

/** No sum of products is as far from zero, so that a sum minus a threshold stays within i32. */
const FARTHEST: f32 = 1e9;

/** Adds the products of one word of four items and of a query. */
function addProducts(items: v128, query: v128, sum: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(query, items, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(items, query));
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
  heads: usize,
  tails: usize,
  blockBounds: usize,
  q: usize,
  queryBounds: usize,
  capacity: i32,
  outPositions: usize,
  counts: usize,
): void {
  const headBytes = (<usize>prefix) << 5;
  const tailBytes = (<usize>(words - prefix)) << 5;
  const single = prefix === words;
  for (let block = firstBlock; block < lastBlock; block++) {
    const own = blockBounds + ((<usize>block) << 5);
    const firstHead = heads + <usize>(block * PANELS_OF_BLOCK) * headBytes;
    const firstTail = tails + <usize>(block * PANELS_OF_BLOCK) * tailBytes;
    const lastItem = (block + 1) * PANELS_OF_BLOCK * PANEL;
    for (let group = begin; group < end; group++) {
      // 1. The thresholds of the block, and whether anything in it is long enough for one of them.
      const bounds = queryBounds + <usize>group * 224;
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
      // 2. What the sums start at, so that after the prefix and after all words only their signs count.
      const early = f32x4.sub(thresholdF32x4, f32x4.mul(v128.load(bounds, 48), v128.load32_splat(own, 16)));
      const start = i32x4.sub(
        i32x4.neg(v128.load(bounds + (single ? 80 : 64))),
        toIntegers(single ? thresholdF32x4 : early),
      );
      const rest = i32x4.sub(i32x4.neg(i32x4.add(v128.load(bounds, 80), toIntegers(thresholdF32x4))), start);
      // In memory, as no registers are left for them beside the sums.
      v128.store(bounds, v128.shuffle<i32>(start, start, 0, 0, 0, 0), 96);
      v128.store(bounds, v128.shuffle<i32>(start, start, 1, 1, 1, 1), 112);
      v128.store(bounds, v128.shuffle<i32>(start, start, 2, 2, 2, 2), 128);
      v128.store(bounds, v128.shuffle<i32>(start, start, 3, 3, 3, 3), 144);
      v128.store(bounds, v128.shuffle<i32>(rest, rest, 0, 0, 0, 0), 160);
      v128.store(bounds, v128.shuffle<i32>(rest, rest, 1, 1, 1, 1), 176);
      v128.store(bounds, v128.shuffle<i32>(rest, rest, 2, 2, 2, 2), 192);
      v128.store(bounds, v128.shuffle<i32>(rest, rest, 3, 3, 3, 3), 208);
      // 3. Panels of eight items.
      const query = q + ((<usize>group * <usize>words) << 4);
      let first = block * PANELS_OF_BLOCK * PANEL;
      let head = firstHead;
      let tail = firstTail;
      if (group * 4 + 1 === queries) {
        for (; first < lastItem; first += PANEL) {
          let s0 = v128.load(bounds, 96);
          let s1 = s0;
          let qAt = query;
          let at = head;
          let stop = head + headBytes;
          head = stop;
          let left = !single;
          while (true) {
            for (; at < stop; at += 64) {
              const w0 = v128.load32_splat(qAt);
              s0 = addProducts(v128.load(at), w0, s0);
              s1 = addProducts(v128.load(at, 16), w0, s1);
              const w1 = v128.load32_splat(qAt, 16);
              s0 = addProducts(v128.load(at, 32), w1, s0);
              s1 = addProducts(v128.load(at, 48), w1, s1);
              qAt += 32;
            }
            if (i32x4.bitmask(v128.and(s0, s1)) === 15) break;
            if (!left) {
              append(s0, s1, first, items, group * 4, capacity, outPositions, counts);
              break;
            }
            left = false;
            at = tail;
            stop = tail + tailBytes;
            const r0 = v128.load(bounds, 160);
            s0 = i32x4.add(s0, r0);
            s1 = i32x4.add(s1, r0);
          }
          tail += tailBytes;
        }
        continue;
      }
      for (; first < lastItem; first += PANEL) {
        let s00 = v128.load(bounds, 96);
        let s01 = s00;
        let s10 = v128.load(bounds, 112);
        let s11 = s10;
        let s20 = v128.load(bounds, 128);
        let s21 = s20;
        let s30 = v128.load(bounds, 144);
        let s31 = s30;
        let qAt = query;
        let at = head;
        let stop = head + headBytes;
        head = stop;
        let left = !single;
        while (true) {
          for (; at < stop; at += 32) {
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
          const negative = v128.and(
            v128.and(v128.and(s00, s01), v128.and(s10, s11)),
            v128.and(v128.and(s20, s21), v128.and(s30, s31)),
          );
          if (i32x4.bitmask(negative) === 15) break;
          if (!left) {
            append(s00, s01, first, items, group * 4, capacity, outPositions, counts);
            append(s10, s11, first, items, group * 4 + 1, capacity, outPositions, counts);
            append(s20, s21, first, items, group * 4 + 2, capacity, outPositions, counts);
            append(s30, s31, first, items, group * 4 + 3, capacity, outPositions, counts);
            break;
          }
          left = false;
          at = tail;
          stop = tail + tailBytes;
          const r0 = v128.load(bounds, 160);
          const r1 = v128.load(bounds, 176);
          const r2 = v128.load(bounds, 192);
          const r3 = v128.load(bounds, 208);
          s00 = i32x4.add(s00, r0);
          s01 = i32x4.add(s01, r0);
          s10 = i32x4.add(s10, r1);
          s11 = i32x4.add(s11, r1);
          s20 = i32x4.add(s20, r2);
          s21 = i32x4.add(s21, r2);
          s30 = i32x4.add(s30, r3);
          s31 = i32x4.add(s31, r3);
        }
        tail += tailBytes;
      }
    }
  }
}
