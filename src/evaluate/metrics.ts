// Ranking metrics of one target per case, from its rank alone. Natural means over the cases; a miss counts as 0.

/** Metrics by name: `hr@10`, `ndcg@10`, `mrr@10`, … */
export type Metrics = Record<string, number>;

/**
 * Computes HR@k, NDCG@k and MRR@k for each cut-off.
 *
 * HR@k = share of cases with rank ≤ k; NDCG@k = mean of 1/log2(rank + 1) where rank ≤ k (one relevant item, so the ideal is
 * 1; Järvelin & Kekäläinen, TOIS 2002); MRR@k = mean of 1/rank where rank ≤ k. No cases: all are 0.
 * @param ranks from 1, Int32[cases]; ties were already counted against the target
 * @param cutoffs the k of each metric
 * @param log2 base-2 logarithm; the kernels' own, because the host's may differ between engines
 */
export function rankMetrics(
  ranks: ArrayLike<number>,
  cutoffs: readonly number[],
  log2: (x: number) => number,
): Metrics {
  const metrics: Metrics = {};
  for (const k of cutoffs) {
    let hits = 0;
    let gain = 0;
    let reciprocal = 0;
    for (let i = 0; i < ranks.length; i++) {
      const rank = ranks[i];
      if (rank > k) continue;
      hits++;
      gain += 1 / log2(rank + 1);
      reciprocal += 1 / rank;
    }
    const cases = Math.max(1, ranks.length);
    metrics[`hr@${k}`] = hits / cases;
    metrics[`ndcg@${k}`] = gain / cases;
    metrics[`mrr@${k}`] = reciprocal / cases;
  }
  return metrics;
}
