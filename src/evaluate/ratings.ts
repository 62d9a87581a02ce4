// How held-out ratings are measured: the model beside the three means anyone could predict, all from the training part only.

import type { HistoryRows } from "../data/histories.ts";
import type { Cases } from "../data/split.ts";
import type { Network } from "../model/network.ts";
import { predictPairs } from "../rank/predictor.ts";
import { type RatingMeans, ratingMetrics } from "./predictions.ts";
import type { Evaluation } from "./protocol.ts";

/**
 * Measures a rating model on held-out cases. Cases whose target the model does not know are skipped, by the means too.
 * @param cases in the model's numbering of items; target −1 is skipped
 * @param wanted the rating of each case, [cases]
 * @param means of the training part, and the cases' targets as the means number them
 */
export function evaluateRatings(
  network: Network,
  { offsets, item }: HistoryRows,
  cases: Cases,
  wanted: ArrayLike<number>,
  means: RatingMeans,
  meansTarget: ArrayLike<number> = cases.target,
): Evaluation {
  const known = Array.from(cases.user, (_, i) => i).filter((i) => cases.target[i] >= 0);
  const given = known.map((i) => wanted[i]);
  const predicted = predictPairs(
    network,
    known.map((i) => {
      const start = offsets[cases.user[i]];
      return { history: item.subarray(start, start + cases.prefix[i]), item: cases.target[i] };
    }),
  );
  const of = (mean: (i: number) => number) => ratingMetrics(known.map(mean), given);
  return {
    cases: known.length,
    skipped: cases.user.length - known.length,
    metrics: ratingMetrics(predicted, given),
    includeSeen: {},
    baselines: {
      globalMean: of(() => means.global),
      userMean: of((i) => means.user[cases.user[i]]),
      itemMean: of((i) => means.item[meansTarget[i]]),
    },
  };
}
