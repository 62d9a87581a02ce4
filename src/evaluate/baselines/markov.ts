import { type BaselinePreset, eachTrainingHistory, popularity, ScoreRanker } from "./baseline.ts";

/**
 * Ranks by how often an item directly followed the last item of the history: a first-order Markov chain by counts, as in the
 * item-to-item baseline of Hidasi et al., ICLR 2016. Items that never followed it come after, most popular first.
 */
export const markov: BaselinePreset = {
  name: "markov",
  summary: "what most often came right after the last item; then the most popular",
  fit(part) {
    const follows = new Map<number, Map<number, number>>();
    eachTrainingHistory(part, (items) => {
      for (let i = 1; i < items.length; i++) {
        let counts = follows.get(items[i - 1]);
        if (!counts) {
          counts = new Map();
          follows.set(items[i - 1], counts);
        }
        counts.set(items[i], (counts.get(items[i]) ?? 0) + 1);
      }
    });
    return new ScoreRanker(popularity(part), (history, scores) => {
      if (history.length === 0) return;
      for (const [item, count] of follows.get(history[history.length - 1]) ?? []) scores[item] += count;
    });
  },
};
