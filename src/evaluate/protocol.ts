// How a held-out part is measured: every case's history is ranked over the whole catalogue, with and without the items the
// user has seen.

import type { HistoryRows } from "../data/histories.ts";
import type { Cases } from "../data/split.ts";
import { distinctItems, type Query, type Ranker } from "../rank/ranker.ts";
import { ListMetrics, type Metrics, rankMetrics, recallMetrics } from "./metrics.ts";

/** Cut-offs reported where none are asked for. */
export const DEFAULT_CUTOFFS: readonly number[] = [5, 10, 20];

/** Cases put to the ranker at once, so that memory does not grow with the held-out part. A rank does not depend on it. */
const CHUNK_CASES = 4096;

/** Rank of a case that nothing can be hit in. */
const MISS = 2_147_483_647;

const NOTHING = new Int32Array(0);

/** A measured part. */
export interface Evaluation {
  /** Number of cases (under leave-one-out: of users). */
  cases: number;
  /**
   * Metrics by the rule of the model: seen items excluded, unless it recommends them. Where lists were asked for, also
   * `recall@k`, `coverage@k`, `popularity@k`, `novelty@k`.
   */
  metrics: Metrics;
  /** Metrics with seen items in the ranking; of the further ones, `recall@k`. Empty for heads, which rank nothing. */
  includeSeen: Metrics;
  /** What plain predictors get on the same cases, for heads. */
  baselines?: Record<string, Metrics>;
  /** Cases left out because the model does not know their item, for heads. */
  skipped?: number;
}

/**
 * Measures a ranker on held-out cases. A target outside the vocabulary, or without a history before it, is a miss. Neighbouring
 * cases with one user and prefix are one question with several targets.
 * @param seen whether `metrics` leaves out the items of the history
 * @param log2 base-2 logarithm; the kernels' own
 * @param counts training events of each item, [V]. With them each question's list is made as well, which takes about as long as
 * the ranks, and the metrics of lists are reported
 */
export function evaluateCases(
  ranker: Ranker,
  histories: HistoryRows,
  cases: Cases,
  seen: "exclude" | "include",
  cutoffs: readonly number[],
  log2: (x: number) => number,
  counts?: ArrayLike<number>,
): Evaluation {
  const count = cases.user.length;
  const all = new Int32Array(count).fill(MISS);
  const allowed = new Int32Array(count).fill(MISS);
  const question = new Uint32Array(count);
  const lists = counts && new ListMetrics(counts, cutoffs, log2);
  let questions = 0;
  let query: Query | undefined;
  for (let first = 0; first < count; first += CHUNK_CASES) {
    const asked: Query[] = [];
    const known: number[] = [];
    const queries: Query[] = [];
    for (let i = first; i < Math.min(count, first + CHUNK_CASES); i++) {
      if (i === 0 || cases.user[i] !== cases.user[i - 1] || cases.prefix[i] !== cases.prefix[i - 1]) {
        query = queryOf(histories, cases.user[i], cases.prefix[i]);
        if (query) asked.push(query);
        questions++;
      }
      question[i] = questions - 1;
      if (!query || cases.target[i] < 0) continue;
      known.push(i);
      queries.push(query);
    }
    const targets = known.map((i) => cases.target[i]);
    const ranks = ranker.ranks(queries, targets);
    for (const [position, i] of known.entries()) {
      all[i] = ranks.all[position];
      allowed[i] = ranks.allowed[position];
    }
    if (!lists) continue;
    const listed = seen === "exclude" ? asked : asked.map((one) => ({ ...one, excluded: NOTHING }));
    for (const { items } of ranker.topK(listed, Math.max(0, ...cutoffs))) lists.add(items);
  }

  const measure = (ranks: Int32Array): Metrics => ({
    ...rankMetrics(ranks, cutoffs, log2),
    ...(lists && recallMetrics(ranks, question, cutoffs)),
  });
  const includeSeen = measure(all);
  const metrics = { ...(seen === "include" ? includeSeen : measure(allowed)), ...lists?.metrics() };
  return { cases: count, metrics, includeSeen };
}

/** Makes the question what follows the first `prefix` events of a user; none where there are no events. */
function queryOf({ offsets, item }: HistoryRows, user: number, prefix: number): Query | undefined {
  if (prefix === 0) return undefined;
  const history = item.subarray(offsets[user], offsets[user] + prefix);
  return { user, history, excluded: distinctItems(history) };
}
