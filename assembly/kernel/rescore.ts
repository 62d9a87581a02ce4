// What     table: the scores s = <y, E_j> of all items for one query.  rescore: those (+ bias_j) of the positions that the integer pass
//          listed, and the K best of all of them so far; then the threshold of the next positions.  take: the K best in order.
// Source   docs/exact-ranking.md; the heap is topKF32's (kernel/rank.ts).
// Shapes   y f32[rows, D] · table f32[V, D] · bias f32[V] or none at 0 · order i32[V], the item of each position · barred u8[V] or
//          none at 0 · excluded items of row r, ascending: ids[offsets[r] … offsets[r + 1]) · positions i32[rows, capacity] ·
//          counts, listCounts, outCounts i32[rows] · scales, guesses, queryBounds as kernel/quantize.ts · listIds i32, listScores f32[rows, 4⌈K/4⌉] ·
//          scratch f32[rows, 8] · places i32[rows], each of 0 … rows − 1 once · outIds i32, outScores f32[rows, K]
// Layout   16-byte aligned bases; the caller owns all memory and sets listCounts to zero and listScores to −∞ first.
// Writes   table: scores of items [begin, end), overwritten. rescore: rows [begin, end) of lists, of counts (zero), of positions and scratch (used up)
//          where `least` are listed, and τ in queryBounds. take: the places of rows [begin, end), overwritten; entries beyond the count are undefined.
// Numerics f32, k ascending, multiply then add, as gemmF32; a lane is an item. Equal to it bit for bit: test/assembly/rescore.test.ts
// Limits   K ≥ 1; scores are finite.
// Cost     2·D flops a position; four rows of the table are turned at a time.  bench/ranking.ts

import { storeLanes } from "../core/v128";
import { GROUP_BYTES } from "./quantize";
import { insertSorted, siftDown, siftUp, sinks, sortHeap } from "./rank";

/** Lists up to this length are kept in order, longer ones as a heap. */
const MOST_SORTED: i32 = 64;

/** Floats of a list: whole vectors. */
function listStride(k: i32): usize {
  return (<usize>k + 3) & ~3;
}

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

/** Adds the products of four numbers of a query and of four items, k ascending, to four sums. */
function addFour(sum: v128, y: usize, a: v128, b: v128, c: v128, d: v128): v128 {
  const abLow = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y), v128.shuffle<i64>(abLow, cdLow, 0, 2)));
  sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 4), v128.shuffle<i64>(abLow, cdLow, 1, 3)));
  sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 8), v128.shuffle<i64>(abHigh, cdHigh, 0, 2)));
  return f32x4.add(sum, f32x4.mul(v128.load32_splat(y, 12), v128.shuffle<i64>(abHigh, cdHigh, 1, 3)));
}

/** Scores four items at once. */
function scoreFour(y: usize, width: i32, r0: usize, r1: usize, r2: usize, r3: usize): v128 {
  let sum = f32x4.splat(0);
  const full = width & ~3;
  const stop = y + ((<usize>full) << 2);
  for (; y < stop; y += 16) {
    sum = addFour(sum, y, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3));
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

/** Returns the address of the row of the n-th item of a list. */
function rowOf(ids: usize, n: i32, table: usize, rowBytes: usize): usize {
  return table + <usize>load<i32>(ids + ((<usize>n) << 2)) * rowBytes;
}

/** Scores `count` items, 1 to 8, of a list: eight sums at once where there are more than four, as one waits for each addition. */
function scoreListed(y: usize, width: i32, count: i32, ids: usize, table: usize, bias: usize, scores: usize): void {
  const rowBytes = (<usize>width) << 2;
  // The last item stands in for missing ones.
  const last = count - 1;
  let r0 = rowOf(ids, 0, table, rowBytes);
  let r1 = rowOf(ids, min(1, last), table, rowBytes);
  let r2 = rowOf(ids, min(2, last), table, rowBytes);
  let r3 = rowOf(ids, min(3, last), table, rowBytes);
  if (count > 4 && (width & 3) === 0) {
    let r4 = rowOf(ids, 4, table, rowBytes);
    let r5 = rowOf(ids, min(5, last), table, rowBytes);
    let r6 = rowOf(ids, min(6, last), table, rowBytes);
    let r7 = rowOf(ids, min(7, last), table, rowBytes);
    let low = f32x4.splat(0);
    let high = low;
    for (const end = y + rowBytes; y !== end; y += 16) {
      low = addFour(low, y, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3));
      high = addFour(high, y, v128.load(r4), v128.load(r5), v128.load(r6), v128.load(r7));
      r0 += 16;
      r1 += 16;
      r2 += 16;
      r3 += 16;
      r4 += 16;
      r5 += 16;
      r6 += 16;
      r7 += 16;
    }
    v128.store(scores, low);
    v128.store(scores, high, 16);
  } else {
    v128.store(scores, scoreFour(y, width, r0, r1, r2, r3));
    if (count > 4) {
      r0 = rowOf(ids, 4, table, rowBytes);
      r1 = rowOf(ids, min(5, last), table, rowBytes);
      r2 = rowOf(ids, min(6, last), table, rowBytes);
      r3 = rowOf(ids, min(7, last), table, rowBytes);
      v128.store(scores, scoreFour(y, width, r0, r1, r2, r3), 16);
    }
  }
  if (bias === 0) return;
  for (const end = ids + ((<usize>count) << 2); ids !== end; ids += 4, scores += 4) {
    store<f32>(scores, load<f32>(scores) + load<f32>(bias + ((<usize>load<i32>(ids)) << 2)));
  }
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
  listIds: usize,
  listScores: usize,
  listCounts: usize,
  scratch: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  const isSorted = k <= MOST_SORTED;
  const stride = listStride(k);
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
    // 2. Scores; what reaches neither the guess nor the worst of a full list is left out.
    const query = y + <usize>r * rowBytes;
    const own = (<usize>r * stride) << 2;
    const ownIds = listIds + own;
    const ownScores = listScores + own;
    const worst = ownScores + (isSorted ? (<usize>(k - 1)) << 2 : 0);
    const scores = scratch + ((<usize>r) << 5);
    const guess = load<f32>(guesses + r4);
    let count = load<i32>(listCounts + r4);
    for (let i = 0; i < left; i += 8) {
      const at = list + ((<usize>i) << 2);
      const some = min(8, left - i);
      scoreListed(query, width, some, at, table, bias, scores);
      const least = f32x4.splat(count === k ? max(guess, load<f32>(worst)) : guess);
      const reaching =
        i32x4.bitmask(f32x4.ge(v128.load(scores), least)) |
        (i32x4.bitmask(f32x4.ge(v128.load(scores, 16), least)) << 4);
      for (let mask = reaching & ((1 << some) - 1); mask !== 0; mask &= mask - 1) {
        const lane = (<usize>ctz(mask)) << 2;
        const item = load<i32>(at + lane);
        const score = load<f32>(scores + lane);
        if (isSorted) {
          insertSorted(stride << 2, item, score, ownIds, ownScores);
          count = min(k, count + 1);
        } else if (count < k) siftUp(count++, item, score, ownIds, ownScores);
        else if (sinks(load<i32>(ownIds), load<f32>(ownScores), item, score))
          siftDown(k, item, score, ownIds, ownScores);
      }
    }
    store<i32>(listCounts + r4, count);
    // 3. Whatever is to enter the list now has to reach the worst of it.
    if (count < k) continue;
    const theta = max(load<f32>(worst), guess);
    const scale = scales + ((<usize>r) << 5);
    store<f32>(
      queryBounds + <usize>(r >> 2) * GROUP_BYTES + ((<usize>(r & 3)) << 2),
      <f32>((<f64>theta - load<f64>(scale)) / load<f64>(scale, 8)),
    );
  }
}

/** Copies the lists of rows [begin, end), best first, to `places` of the outputs. */
export function takeTopKF32(
  begin: i32,
  end: i32,
  k: i32,
  listIds: usize,
  listScores: usize,
  listCounts: usize,
  places: usize,
  outIds: usize,
  outScores: usize,
  outCounts: usize,
): void {
  const stride = listStride(k);
  const bytes = (<usize>k) << 2;
  for (let r = begin; r < end; r++) {
    const own = (<usize>r * stride) << 2;
    const count = load<i32>(listCounts + ((<usize>r) << 2));
    if (k > MOST_SORTED) sortHeap(count, listIds + own, listScores + own);
    const place = <usize>load<u32>(places + ((<usize>r) << 2));
    memory.copy(outIds + place * bytes, listIds + own, bytes);
    memory.copy(outScores + place * bytes, listScores + own, bytes);
    store<i32>(outCounts + (place << 2), count);
  }
}
