import { type BaselinePreset, popularity, recencyWeights, ScoreRanker } from "./baseline.ts";
import { SparseRows } from "./sparse.ts";
import { eachNeighbourhood } from "./window.ts";

/** Steps a rule reaches ahead. */
export const WINDOW = 10;

/** Events of the history that bring their rules. */
export const LAST = 50;

/**
 * Ranks by rules "after a comes b", as in SR of Ludewig & Jannach, UMUAI 2018 (there for the last item only, undamped):
 *
 *     rule(a, b)  = Σ 1/d  over the pairs a … b in a training history, b being d = 1 … 10 events after a
 *     score(b)    = Σ_t  1/(1 + t) · rule(a_t, b) / (n(a_t)^(3/4) · n(b)^(1/8))      a_t: t events before the last, t < 50
 *
 * n(x) = training events of x. The window and 1/d were given. Chosen on validation (see `baseline.ts`): the decay (1/(1 + rt)
 * with r = .1 … 3, and r^t; mean .1325, against .1284 for the best r^t); then the powers (0, 1/2, 3/4, 1 for a, 0 … 3/4 for b), of
 * which 3/4 and 1/8 are best by HR and NDCG together, just ahead of 1/2 and 1/8 (means of NDCG .1311 and .1308).
 */
export const sequentialRules: BaselinePreset = {
  name: "sequential-rules",
  summary:
    "what came within ten events after the items of the history, near pairs and recent items first; popularity damped",
  fit(part) {
    const counts = popularity(part);
    const rules = new SparseRows(counts.length);
    const after = Float64Array.from({ length: WINDOW }, (_, step) => 1 / (step + 1));
    // Roots of roots: a host's power function may differ from another's in the last bit.
    const fourthRoot = counts.map((x) => Math.sqrt(Math.sqrt(x)));
    const damping = fourthRoot.map(Math.sqrt);
    eachNeighbourhood(part, [], after, (from, sums) => {
      const source = fourthRoot[from] * fourthRoot[from] * fourthRoot[from];
      rules.append(sums.scored(), (to) => sums.values[to] / (source * damping[to]));
    });
    const recency = recencyWeights(LAST);
    return new ScoreRanker(counts, (history, scores) => {
      for (let back = 0; back < Math.min(LAST, history.length); back++) {
        rules.addRow(history[history.length - 1 - back], recency[back], scores);
      }
    });
  },
};
