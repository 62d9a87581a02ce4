/** The K best items. */

/** Items and their scores, best first. */
export interface TopK {
  items: number[];
  scores: number[];
}

/**
 * Lists at most k items by (score descending, item ascending).
 *
 * NaN and excluded items are never listed, infinities are; +0 and −0 tie. With fewer than k items left the list is shorter.
 *
 * @param scores a score for each item, [V]
 * @param k length of the list, a whole number ≥ 0
 * @param excluded item indices to leave out; ones outside [0, V) mean nothing
 */
export function topK(scores: ArrayLike<number>, k: number, excluded: Iterable<number> = []): TopK {
  const out = new Set(excluded);
  const items = Array.from({ length: scores.length }, (_, item) => item)
    .filter((item) => !Number.isNaN(scores[item]) && !out.has(item))
    .sort((one, other) => {
      if (scores[one] > scores[other]) return -1;
      if (scores[one] < scores[other]) return 1;
      return one - other;
    })
    .slice(0, k);
  return { items, scores: items.map((item) => scores[item]) };
}
