// What     table: the scores s = <y, E_j> of all items for one query.  rescore: those (+ bias_j) of the positions that the integer pass
//          listed, and the K best of all of them so far; then the threshold of the next positions.  sort: the K best in order.
// Source   docs/exact-ranking.md; the heap is topKF32's (kernel/rank.ts).
// Shapes   y f32[rows, D] · table f32[V, D] · bias f32[V] or none at 0 · order i32[V], the item of each position · barred u8[V] or
//          none at 0 · excluded items of row r, ascending: ids[offsets[r] … offsets[r + 1]) · positions i32[rows, capacity] ·
//          counts, heapCounts i32[rows] · scales, guesses, queryBounds as kernel/quantize.ts · heapIds i32[rows, K] · heapScores f32[rows, K]
// Layout   16-byte aligned bases; the caller owns all memory and sets heapCounts to zero first.
// Writes   table: scores of items [begin, end), overwritten. The others: rows [begin, end) of heaps, of counts (zero), of positions (used up) where `least` are listed, and τ in queryBounds.
// Numerics f32, k ascending, multiply then add, as gemmF32; a lane is an item. Equal to it bit for bit: test/assembly/rescore.test.ts
// Limits   K ≥ 1; scores are finite.
// Cost     2·D flops a position; four rows of the table are turned at a time.  bench/ranking.ts

import { storeLanes } from "../core/v128";
import { GROUP_BYTES } from "./quantize";
import { siftDown, siftUp, sinks, sortHeap } from "./rank";

/** Whether an ascending list holds an item. */
function holds(ids: usize, first: i32, last: i32, item: i32): bool {
  while (first < last) {
    const middle = (first + last) >>> 1;
    const id = load<i32>(ids + ((<usize>middle) << 2));
    if (id === item) return true;
    if (id < item) first = middle + 1;
    else last = middle;
  }
  return false;
}

/** Scores four items at once. */
function scoreFour(y: usize, width: i32, r0: usize, r1: usize, r2: usize, r3: usize): v128 {
  let sum = f32x4.splat(0);
  const full = width & ~3;
  const stop = y + ((<usize>full) << 2);
  for (; y < stop; y += 16) {
    const a = v128.load(r0);
    const b = v128.load(r1);
    const c = v128.load(r2);
    const d = v128.load(r3);
    const abLow = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
    const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
    const cdLow = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y), v128.shuffle<i64>(abLow, cdLow, 0, 2)));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 4), v128.shuffle<i64>(abLow, cdLow, 1, 3)));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 8), v128.shuffle<i64>(abHigh, cdHigh, 0, 2)));
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 12), v128.shuffle<i64>(abHigh, cdHigh, 1, 3)));
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
  }
  for (let k = full; k < width; k++) {
    let column = v128.load32_zero(r0);
    column = v128.load_lane<f32>(r1, column, 1);
    column = v128.load_lane<f32>(r2, column, 2);
    column = v128.load_lane<f32>(r3, column, 3);
    sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y), column));
    y += 4;
    r0 += 4;
    r1 += 4;
    r2 += 4;
    r3 += 4;
  }
  return sum;
}

/** Scores items [begin, end) for one query, f32[V], without bias: straight from the table, for catalogues that are read once. */
export function scoreTableF32(begin: i32, end: i32, width: i32, y: usize, table: usize, scores: usize): void {
  const rowBytes = (<usize>width) << 2;
  for (let item = begin; item < end; item += 4) {
    const at = table + <usize>item * rowBytes;
    const most = end - item - 1;
    const r1 = at + <usize>min(1, most) * rowBytes;
    const r2 = at + <usize>min(2, most) * rowBytes;
    const r3 = at + <usize>min(3, most) * rowBytes;
    storeLanes(scores + ((<usize>item) << 2), scoreFour(y, width, at, r1, r2, r3), most + 1);
  }
}

/** Scores what the integer pass listed for those of rows [begin, end) that have `least` or more, keeps each row's K best and sets its threshold. */
export function rescoreF32(
  begin: i32,
  end: i32,
  k: i32,
  width: i32,
  y: usize,
  table: usize,
  bias: usize,
  order: usize,
  barred: usize,
  offsets: usize,
  ids: usize,
  positions: usize,
  capacity: i32,
  least: i32,
  counts: usize,
  scales: usize,
  guesses: usize,
  queryBounds: usize,
  heapIds: usize,
  heapScores: usize,
  heapCounts: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const r4 = (<usize>r) << 2;
    const listed = load<i32>(counts + r4);
    if (listed < least) continue;
    store<i32>(counts + r4, 0);
    // 1. From positions to items that may be listed, in place.
    const list = positions + ((<usize>r * <usize>capacity) << 2);
    const first = load<i32>(offsets + r4);
    const last = load<i32>(offsets + r4, 4);
    let left = 0;
    for (let i = 0; i < listed; i++) {
      const item = load<i32>(order + ((<usize>load<u32>(list + ((<usize>i) << 2))) << 2));
      if (barred !== 0 && load<u8>(barred + <usize>item) !== 0) continue;
      if (first < last && holds(ids, first, last, item)) continue;
      store<i32>(list + ((<usize>left) << 2), item);
      left++;
    }
    // 2. Scores, four at a time; the last item stands in for missing ones.
    const query = y + <usize>r * rowBytes;
    const ownIds = heapIds + ((<usize>r * <usize>k) << 2);
    const ownScores = heapScores + ((<usize>r * <usize>k) << 2);
    let count = load<i32>(heapCounts + r4);
    for (let i = 0; i < left; i += 4) {
      const at = list + ((<usize>i) << 2);
      const most = left - i - 1;
      const i0 = load<i32>(at);
      const i1 = load<i32>(at + ((<usize>min(1, most)) << 2));
      const i2 = load<i32>(at + ((<usize>min(2, most)) << 2));
      const i3 = load<i32>(at + ((<usize>min(3, most)) << 2));
      let scores = scoreFour(
        query,
        width,
        table + <usize>i0 * rowBytes,
        table + <usize>i1 * rowBytes,
        table + <usize>i2 * rowBytes,
        table + <usize>i3 * rowBytes,
      );
      if (bias !== 0) {
        let biases = v128.load32_zero(bias + ((<usize>i0) << 2));
        biases = v128.load_lane<f32>(bias + ((<usize>i1) << 2), biases, 1);
        biases = v128.load_lane<f32>(bias + ((<usize>i2) << 2), biases, 2);
        biases = v128.load_lane<f32>(bias + ((<usize>i3) << 2), biases, 3);
        scores = f32x4.add(scores, biases);
      }
      if (count === k && !v128.any_true(f32x4.ge(scores, v128.load32_splat(ownScores)))) continue;
      const stop = min(4, left - i);
      for (let lane = 0; lane < stop; lane++) {
        const item = load<i32>(at + ((<usize>lane) << 2));
        const score = f32x4.extract_lane(scores, 0);
        scores = v128.shuffle<i32>(scores, scores, 1, 2, 3, 0);
        if (count < k) siftUp(count++, item, score, ownIds, ownScores);
        else if (sinks(load<i32>(ownIds), load<f32>(ownScores), item, score))
          siftDown(k, item, score, ownIds, ownScores);
      }
    }
    store<i32>(heapCounts + r4, count);
    // 3. Whatever is to enter the list now has to reach the worst of it.
    if (count < k) continue;
    const theta = max(load<f32>(ownScores), load<f32>(guesses + r4));
    const scale = scales + ((<usize>r) << 5);
    store<f32>(
      queryBounds + <usize>(r >> 2) * GROUP_BYTES + ((<usize>(r & 3)) << 2),
      <f32>((<f64>theta - load<f64>(scale)) / load<f64>(scale, 8)),
    );
  }
}

/** Puts the lists of rows [begin, end) in order, best first. */
export function sortTopKF32(begin: i32, end: i32, k: i32, heapIds: usize, heapScores: usize, heapCounts: usize): void {
  for (let r = begin; r < end; r++) {
    const own = (<usize>r * <usize>k) << 2;
    sortHeap(load<i32>(heapCounts + ((<usize>r) << 2)), heapIds + own, heapScores + own);
  }
}
