import { type BaselinePreset, popularity, ScoreRanker } from "./baseline.ts";

/** Ranks by the number of events in the training part; the same list for everybody. */
export const popular: BaselinePreset = {
  name: "popular",
  summary: "the most popular items, for everybody the same",
  fit(part) {
    const counts = popularity(part);
    return new ScoreRanker(counts, (_history, scores) => scores.set(counts));
  },
};
