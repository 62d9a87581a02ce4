import {
  type BaselinePreset,
  itemsByPopularity,
  placesIn,
  popularity,
  recencyWeights,
  ScoreRanker,
} from "./baseline.ts";
import { SparseRows } from "./sparse.ts";
import { eachNeighbourhood } from "./window.ts";

/** Steps to either side at which two events still occur together. */
export const WINDOW = 20;

/** Added below the similarity, so that a few chance meetings of rare items count little. */
export const SHRINK = 10;

/** Most similar items that are kept for each item. */
export const NEIGHBOURS = 200;

/** Events of the history that bring their neighbours. */
export const LAST = 50;

/**
 * Ranks by the similarity of items to those of the history, recent ones first; the similarity is a cosine of co-occurrence, as in
 * Sarwar et al., WWW 2001, shrunk as in Bell & Koren, ICDM 2007:
 *
 *     near(a, b)  = Σ d^(−1/2)  over the pairs of events of a and of b in one training history, d = 1 … 20 events apart
 *     sim(a, b)   = near(a, b) / (√(n(a) · n(b)) + 10)                         the 200 greatest of each a are kept
 *     score(b)    = Σ_t  1/(1 + t) · sim(a_t, b)                               a_t: t events before the last, t < 50
 *
 * n(x) = training events of x; b = a is an item like any other, so repeats are learned. What differs from the sources: a history
 * may be years long, so only events near each other count as together, which also bounds the time by the number of events.
 *
 * Chosen on validation (see `baseline.ts`): window 20 with d^(−1/2) (of 5 … 100, and 1, d^(−1/2), 1/d; mean .125, against .120
 * unweighted and .097 for whole histories), shrinkage 10 (of 0 … 40), 200 neighbours (of 50 … 500; 500 is a little better and
 * twice as slow).
 */
export const itemKnn: BaselinePreset = {
  name: "item-knn",
  summary: "items that often stand near those of the history (shrunk cosine), recent ones counting more",
  fit(part) {
    const counts = popularity(part);
    const place = placesIn(itemsByPopularity(counts));
    const neighbours = new SparseRows(counts.length);
    const weights = Float64Array.from({ length: WINDOW }, (_, step) => 1 / Math.sqrt(step + 1));
    eachNeighbourhood(part, weights, weights, (a, sums) => {
      sums.scale((b) => 1 / (Math.sqrt(counts[a] * counts[b]) + SHRINK));
      neighbours.append(sums.best(NEIGHBOURS, place), (b) => sums.values[b]);
    });
    const recency = recencyWeights(LAST);
    return new ScoreRanker(counts, (history, scores) => {
      for (let back = 0; back < Math.min(LAST, history.length); back++) {
        neighbours.addRow(history[history.length - 1 - back], recency[back], scores);
      }
    });
  },
};
