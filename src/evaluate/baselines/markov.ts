import { type BaselinePreset, popularity, ScoreRanker } from "./baseline.ts";
import { SparseRows } from "./sparse.ts";
import { eachNeighbourhood } from "./window.ts";

/**
 * Ranks by how often an item directly followed the last item of the history: a first-order Markov chain by counts, as in the
 * item-to-item baseline of Hidasi et al., ICLR 2016. Items that never followed it come after, most popular first.
 */
export const markov: BaselinePreset = {
  name: "markov",
  summary: "what most often came right after the last item; then the most popular",
  fit(part) {
    const counts = popularity(part);
    const follows = new SparseRows(counts.length);
    eachNeighbourhood(part, [], [1], (_from, sums) => follows.append(sums.scored(), (to) => sums.values[to]));
    return new ScoreRanker(counts, (history, scores) => follows.addRow(history[history.length - 1], 1, scores));
  },
};
