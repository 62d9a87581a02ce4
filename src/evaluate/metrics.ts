// Ranking metrics of one target per case, from its rank alone, and what can be said of lists whatever the targets. Natural means
// over the cases; a miss counts as 0.

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

/**
 * Computes recall@k for each cut-off: the mean over questions of the share of a question's targets with rank ≤ k. Where every
 * question has one target this is HR@k; where some have several, HR@k is the mean over targets instead. No questions: 0.
 * @param ranks from 1, Int32[cases]
 * @param question number of the question of each case, from 0 and without gaps, ascending
 */
export function recallMetrics(
  ranks: ArrayLike<number>,
  question: ArrayLike<number>,
  cutoffs: readonly number[],
): Metrics {
  const cases = ranks.length;
  const questions = cases === 0 ? 0 : question[cases - 1] + 1;
  const targets = new Float64Array(questions);
  for (let i = 0; i < cases; i++) targets[question[i]]++;
  const metrics: Metrics = {};
  for (const k of cutoffs) {
    const hits = new Float64Array(questions);
    for (let i = 0; i < cases; i++) if (ranks[i] <= k) hits[question[i]]++;
    let recall = 0;
    for (let q = 0; q < questions; q++) recall += hits[q] / targets[q];
    metrics[`recall@${k}`] = recall / Math.max(1, questions);
  }
  return metrics;
}

/**
 * Adds up what recommendation lists are like, whatever the targets, for each cut-off:
 *
 * - `coverage@k` = share of the catalogue that is among the first k of any list (Herlocker et al., TOIS 2004);
 * - `popularity@k` = mean over lists of the mean over their first k items of n(i) / max n, the popularity relative to the most
 *   popular item (Ludewig & Jannach, UMUAI 2018);
 * - `novelty@k` = the same of −log2(n(i) / Σ n), in bits (Zhou et al., PNAS 2010); an item without events counts as if it had one.
 *
 * n(i) = training events of item i. Lists may be shorter than k; empty ones count for nothing. No lists: all are 0.
 */
export class ListMetrics {
  readonly #cutoffs: readonly number[];
  readonly #popularity: Float64Array;
  readonly #novelty: Float64Array;
  /** Best place of each item in any list, from 0. */
  readonly #bestPlace: Int32Array;
  readonly #popularitySums: Float64Array;
  readonly #noveltySums: Float64Array;
  #lists = 0;

  /**
   * @param counts training events of each item, [V]
   * @param log2 base-2 logarithm; the kernels' own
   */
  constructor(counts: ArrayLike<number>, cutoffs: readonly number[], log2: (x: number) => number) {
    let most = 1;
    let total = 0;
    for (let item = 0; item < counts.length; item++) {
      most = Math.max(most, counts[item]);
      total += counts[item];
    }
    this.#cutoffs = cutoffs;
    this.#popularity = Float64Array.from(counts, (count) => count / most);
    this.#novelty = Float64Array.from(counts, (count) => log2(Math.max(1, total) / Math.max(1, count)));
    this.#bestPlace = new Int32Array(counts.length).fill(2_147_483_647);
    this.#popularitySums = new Float64Array(cutoffs.length);
    this.#noveltySums = new Float64Array(cutoffs.length);
  }

  /** Adds one list, best first. */
  add(items: ArrayLike<number>): void {
    if (items.length === 0) return;
    this.#lists++;
    for (let place = 0; place < items.length; place++) {
      this.#bestPlace[items[place]] = Math.min(this.#bestPlace[items[place]], place);
    }
    for (const [c, k] of this.#cutoffs.entries()) {
      const length = Math.min(k, items.length);
      let popularity = 0;
      let novelty = 0;
      for (let place = 0; place < length; place++) {
        popularity += this.#popularity[items[place]];
        novelty += this.#novelty[items[place]];
      }
      this.#popularitySums[c] += popularity / length;
      this.#noveltySums[c] += novelty / length;
    }
  }

  /** Returns the metrics of the lists added so far. */
  metrics(): Metrics {
    const metrics: Metrics = {};
    const lists = Math.max(1, this.#lists);
    for (const [c, k] of this.#cutoffs.entries()) {
      let listed = 0;
      for (const place of this.#bestPlace) if (place < k) listed++;
      metrics[`coverage@${k}`] = listed / Math.max(1, this.#bestPlace.length);
      metrics[`popularity@${k}`] = this.#popularitySums[c] / lists;
      metrics[`novelty@${k}`] = this.#noveltySums[c] / lists;
    }
    return metrics;
  }
}
