// What everything that ranks a catalogue has in common, so that models and baselines go through one protocol.

/** A question: what follows this history? Items are indices. */
export interface Query {
  /** Items the user interacted with, oldest first. May be empty. */
  history: ArrayLike<number>;
  /** Number of the user, whose own interest a model may know. */
  user?: number;
  /** Items that may not be listed, each once. */
  excluded: Int32Array;
}

/** Best items of one query, best first. At most K: fewer where fewer are allowed. */
export interface RankedList {
  items: Int32Array;
  scores: Float32Array;
}

/** Ranks of targets, from 1. A target that is itself excluded, or that no history leads to, counts as last. */
export interface Ranks {
  /** Among the whole catalogue; last for an item that the ranker never lists. */
  all: Int32Array;
  /** Among the items that are not excluded. */
  allowed: Int32Array;
}

/** Ranks the whole catalogue. Lists order by (score descending, item ascending) unless a ranker says otherwise. */
export interface Ranker {
  /** Lists the best `k` items of each query. */
  topK(queries: readonly Query[], k: number): RankedList[];
  /** Ranks one target item for each query: 1 + the number of other items that do not score below it. */
  ranks(queries: readonly Query[], targets: ArrayLike<number>): Ranks;
}

/** Returns the distinct items of a history: what is excluded when seen items are. */
export function distinctItems(history: ArrayLike<number>): Int32Array {
  return Int32Array.from(new Set(Array.from(history)));
}
