// What     topK: the K best items of a row of scores, ordered by (score descending, item ascending).
//          rank: 1 + #{j ≠ y : not (s_j < s_y)}, over all items and again without the excluded ones.
// Source   design §2 (ties and NaN count against us) and §3 (exact top-K).
// Shapes   scores f32[rows, stride ≥ V] · excluded items of row r: ids[offsets[r] … offsets[r + 1]) · targets i32[rows] ·
//          outIds i32[rows, K] · outScores f32[rows, K] · outCounts i32[rows] · outRanks i32[rows, 2] = (all, without excluded)
// Layout   a block of rows at a time; the caller owns all memory. An id must not stand twice in one row's exclusions.
// Writes   rows [begin, end) of the outputs, overwritten; topK sets excluded scores to NaN.
// Numerics comparisons only: exact. NaN never enters a list; a NaN target is beaten by every item.
// Limits   K ≥ 1; entries of outIds and outScores beyond outCounts[r] are undefined. An excluded target has rank V.
// Cost     one compare a score, plus log K for each that enters the list.  npm run bench -- kernel

/** Writes the best K items of rows [begin, end). */
export function topKF32(
  begin: i32,
  end: i32,
  items: i32,
  stride: i32,
  scores: usize,
  offsets: usize,
  ids: usize,
  k: i32,
  outIds: usize,
  outScores: usize,
  outCounts: usize,
): void {
  for (let r = begin; r < end; r++) {
    const row = scores + ((<usize>r * <usize>stride) << 2);
    const last = load<i32>(offsets + ((<usize>r) << 2), 4);
    for (let e = load<i32>(offsets + ((<usize>r) << 2)); e < last; e++) {
      store<f32>(row + ((<usize>load<u32>(ids + ((<usize>e) << 2))) << 2), NaN);
    }
    const heapIds = outIds + ((<usize>r * <usize>k) << 2);
    const heapScores = outScores + ((<usize>r * <usize>k) << 2);
    const count = fillHeap(row, items, k, heapIds, heapScores);
    sortHeap(count, heapIds, heapScores);
    store<i32>(outCounts + ((<usize>r) << 2), count);
  }
}

/** Keeps the best k in a heap whose root is the worst kept: the lowest score, and of equal ones the highest item. */
function fillHeap(row: usize, items: i32, k: i32, ids: usize, scores: usize): i32 {
  let count = 0;
  let j = 0;
  for (; j < items && count < k; j++) {
    const score = load<f32>(row + ((<usize>j) << 2));
    if (score !== score) continue;
    siftUp(count, j, score, ids, scores);
    count++;
  }
  // Later items lose ties, so only a strictly larger score enters.
  while (j < items) {
    const rootF32x4 = f32x4.splat(load<f32>(scores));
    while (j + 4 <= items && !v128.any_true(f32x4.gt(v128.load(row + ((<usize>j) << 2)), rootF32x4))) j += 4;
    const stop = min(j + 4, items);
    for (; j < stop; j++) {
      const score = load<f32>(row + ((<usize>j) << 2));
      if (score > load<f32>(scores)) siftDown(count, j, score, ids, scores);
    }
  }
  return count;
}

/** Whether entry (a, scoreA) would stand below (b, scoreB) in the list. */
export function sinks(a: i32, scoreA: f32, b: i32, scoreB: f32): bool {
  return scoreA < scoreB || (scoreA === scoreB && a > b);
}

/**
 * Puts an entry in its place in a list that stands best first in whole vectors, `bytes` of them, and moves those below it on by one; the
 * last one falls out. Without a branch that depends on scores: the list is short, and where an entry belongs cannot be foreseen.
 */
export function insertSorted(bytes: usize, id: i32, score: f32, ids: usize, scores: usize): void {
  const scoreF32x4 = f32x4.splat(score);
  const idI32x4 = i32x4.splat(id);
  let at = bytes - 16;
  let s = v128.load(scores + at);
  let d = v128.load(ids + at);
  let stay = standBefore(d, s, idI32x4, scoreF32x4);
  while (true) {
    let sBefore = scoreF32x4;
    let dBefore = idI32x4;
    let stayBefore = i32x4.splat(-1);
    if (at !== 0) {
      sBefore = v128.load(scores + at - 16);
      dBefore = v128.load(ids + at - 16);
      stayBefore = standBefore(dBefore, sBefore, idI32x4, scoreF32x4);
    }
    // Where the entry before stays and the own one does not is the new one's place; beyond it, the one before comes.
    const isPlace = v128.shuffle<i32>(stayBefore, stay, 3, 4, 5, 6);
    const sMoved = v128.bitselect(scoreF32x4, v128.shuffle<i32>(sBefore, s, 3, 4, 5, 6), isPlace);
    const dMoved = v128.bitselect(idI32x4, v128.shuffle<i32>(dBefore, d, 3, 4, 5, 6), isPlace);
    v128.store(scores + at, v128.bitselect(s, sMoved, stay));
    v128.store(ids + at, v128.bitselect(d, dMoved, stay));
    if (at === 0) break;
    at -= 16;
    s = sBefore;
    d = dBefore;
    stay = stayBefore;
  }
}

/** Lanes whose entry stands before another in a list. */
function standBefore(ids: v128, scores: v128, id: v128, score: v128): v128 {
  return v128.or(f32x4.gt(scores, score), v128.and(f32x4.eq(scores, score), i32x4.lt_s(ids, id)));
}

/** Adds an entry at the end of the heap and lifts it above better ones. */
export function siftUp(count: i32, id: i32, score: f32, ids: usize, scores: usize): void {
  let hole = count;
  while (hole > 0) {
    const parent = (hole - 1) >> 1;
    const parentId = load<i32>(ids + ((<usize>parent) << 2));
    const parentScore = load<f32>(scores + ((<usize>parent) << 2));
    if (!sinks(id, score, parentId, parentScore)) break;
    store<i32>(ids + ((<usize>hole) << 2), parentId);
    store<f32>(scores + ((<usize>hole) << 2), parentScore);
    hole = parent;
  }
  store<i32>(ids + ((<usize>hole) << 2), id);
  store<f32>(scores + ((<usize>hole) << 2), score);
}

/** Puts an entry in place of the root and lets it sink below worse ones. */
export function siftDown(count: i32, id: i32, score: f32, ids: usize, scores: usize): void {
  let hole = 0;
  while (true) {
    let child = 2 * hole + 1;
    if (child >= count) break;
    let childId = load<i32>(ids + ((<usize>child) << 2));
    let childScore = load<f32>(scores + ((<usize>child) << 2));
    if (child + 1 < count) {
      const otherId = load<i32>(ids + ((<usize>child) << 2), 4);
      const otherScore = load<f32>(scores + ((<usize>child) << 2), 4);
      if (sinks(otherId, otherScore, childId, childScore)) {
        child++;
        childId = otherId;
        childScore = otherScore;
      }
    }
    if (!sinks(childId, childScore, id, score)) break;
    store<i32>(ids + ((<usize>hole) << 2), childId);
    store<f32>(scores + ((<usize>hole) << 2), childScore);
    hole = child;
  }
  store<i32>(ids + ((<usize>hole) << 2), id);
  store<f32>(scores + ((<usize>hole) << 2), score);
}

/** Turns the heap into a list, best first: the worst goes to the end, again and again. */
export function sortHeap(count: i32, ids: usize, scores: usize): void {
  for (let last = count - 1; last > 0; last--) {
    const at = (<usize>last) << 2;
    const id = load<i32>(ids + at);
    const score = load<f32>(scores + at);
    store<i32>(ids + at, load<i32>(ids));
    store<f32>(scores + at, load<f32>(scores));
    siftDown(last, id, score, ids, scores);
  }
}

/** Writes the rank of each target of rows [begin, end), with and without the excluded items. */
export function rankF32(
  begin: i32,
  end: i32,
  items: i32,
  stride: i32,
  scores: usize,
  targets: usize,
  offsets: usize,
  ids: usize,
  outRanks: usize,
): void {
  for (let r = begin; r < end; r++) {
    const row = scores + ((<usize>r * <usize>stride) << 2);
    const target = load<i32>(targets + ((<usize>r) << 2));
    const targetScore = load<f32>(row + ((<usize>target) << 2));
    let notBelow = 0;
    const targetF32x4 = f32x4.splat(targetScore);
    let belowI32x4 = i32x4.splat(0);
    const full = items & ~3;
    for (let j = 0; j < full; j += 4) {
      belowI32x4 = i32x4.add(belowI32x4, f32x4.lt(v128.load(row + ((<usize>j) << 2)), targetF32x4));
    }
    // A true lane is −1, so the sums count the scores below; all others, the target itself among them, are not below.
    notBelow =
      full +
      i32x4.extract_lane(belowI32x4, 0) +
      i32x4.extract_lane(belowI32x4, 1) +
      i32x4.extract_lane(belowI32x4, 2) +
      i32x4.extract_lane(belowI32x4, 3);
    for (let j = full; j < items; j++) {
      if (!(load<f32>(row + ((<usize>j) << 2)) < targetScore)) notBelow++;
    }
    let excludedNotBelow = 0;
    let targetExcluded = false;
    const last = load<i32>(offsets + ((<usize>r) << 2), 4);
    for (let e = load<i32>(offsets + ((<usize>r) << 2)); e < last; e++) {
      const id = load<i32>(ids + ((<usize>e) << 2));
      if (id === target) targetExcluded = true;
      else if (!(load<f32>(row + ((<usize>id) << 2)) < targetScore)) excludedNotBelow++;
    }
    store<i32>(outRanks + ((<usize>r) << 3), notBelow);
    store<i32>(outRanks + ((<usize>r) << 3), targetExcluded ? items : notBelow - excludedNotBelow, 4);
  }
}
