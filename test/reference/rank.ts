/** The place of a target among all items. */

/**
 * Returns `rank = 1 + #{j ≠ target : not (s_j < s_target)}` over items that are not excluded (design.md §2).
 *
 * Ties and NaN count against us: a competitor with the same score, or with NaN, comes before the target, and every competitor
 * comes before a target that is NaN.
 *
 * @param scores a score for each item, [V]
 * @param target item index in [0, V); it takes part even if excluded
 * @param excluded item indices that do not compete
 */
export function rankOf(scores: ArrayLike<number>, target: number, excluded: Iterable<number> = []): number {
  const out = new Set(excluded);
  let rank = 1;
  for (let j = 0; j < scores.length; j++) {
    if (j === target || out.has(j)) continue;
    const below = scores[j] < scores[target];
    if (!below) rank++;
  }
  return rank;
}
