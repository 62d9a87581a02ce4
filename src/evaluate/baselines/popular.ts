import { type BaselinePreset, popularity, ScoreRanker } from "./baseline.ts";

/** Ranks by the number of events in the training part; the same list for everybody. No item has a score: ties do it all. */
export const popular: BaselinePreset = {
  name: "popular",
  summary: "the most popular items, for everybody the same",
  fit: (part) => new ScoreRanker(popularity(part), () => {}),
};
