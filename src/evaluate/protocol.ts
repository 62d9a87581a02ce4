// How a held-out part is measured: every case's history is ranked over the whole catalogue, with and without the items the
// user has seen.

import type { Histories } from "../data/histories.ts";
import type { Cases } from "../data/split.ts";
import { distinctItems, type Ranker } from "../rank/ranker.ts";
import { type Metrics, rankMetrics } from "./metrics.ts";

/** Cut-offs reported where none are asked for. */
export const DEFAULT_CUTOFFS: readonly number[] = [5, 10, 20];

/** A measured part. */
export interface Evaluation {
  /** Number of cases (under leave-one-out: of users). */
  cases: number;
  /** Metrics by the rule of the model: seen items excluded, unless it recommends them. */
  metrics: Metrics;
  /** Metrics with seen items in the ranking. */
  includeSeen: Metrics;
}

/**
 * Measures a ranker on held-out cases. A target outside the vocabulary is a miss.
 * @param seen whether `metrics` leaves out the items of the history
 */
export function evaluateCases(
  ranker: Ranker,
  histories: Histories,
  cases: Cases,
  seen: "exclude" | "include",
  cutoffs: readonly number[],
  log2: (x: number) => number,
): Evaluation {
  const count = cases.user.length;
  const all = new Int32Array(count).fill(2_147_483_647);
  const allowed = new Int32Array(count).fill(2_147_483_647);
  const known: number[] = [];
  for (let i = 0; i < count; i++) if (cases.target[i] >= 0 && cases.prefix[i] > 0) known.push(i);
  const queries = known.map((i) => {
    const start = histories.offsets[cases.user[i]];
    const history = histories.item.subarray(start, start + cases.prefix[i]);
    return { history, excluded: distinctItems(history) };
  });
  const ranks = ranker.ranks(
    queries,
    known.map((i) => cases.target[i]),
  );
  for (const [position, i] of known.entries()) {
    all[i] = ranks.all[position];
    allowed[i] = ranks.allowed[position];
  }
  const includeSeen = rankMetrics(all, cutoffs, log2);
  const metrics = seen === "include" ? includeSeen : rankMetrics(allowed, cutoffs, log2);
  return { cases: count, metrics, includeSeen };
}
