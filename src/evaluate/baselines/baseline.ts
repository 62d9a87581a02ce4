// What baselines share: they score sparsely, so most items tie at zero. So that the rule that ties count against the target
// does not weaken them, each gives a total order: score, then popularity, then item order.

import type { Histories } from "../../data/histories.ts";
import type { Query, RankedList, Ranker, Ranks } from "../../rank/ranker.ts";

/** The part of the data a baseline may learn from. */
export interface TrainingPart {
  histories: Histories;
  /** Leading events of each user that training may see. */
  trainLength: ArrayLike<number>;
}

/** A named baseline: how it is made from training data. */
export interface BaselinePreset {
  name: string;
  /** What it does, in a line, with its source. */
  summary: string;
  fit(part: TrainingPart): Ranker;
}

/** Counts the events of each item in the training part. f64[V] */
export function popularity({ histories, trainLength }: TrainingPart): Float64Array {
  const counts = new Float64Array(histories.items.size);
  eachTrainingHistory({ histories, trainLength }, (items) => {
    for (const item of items) counts[item]++;
  });
  return counts;
}

/** Calls `use` with the training items of every user, oldest first. */
export function eachTrainingHistory({ histories, trainLength }: TrainingPart, use: (items: Uint32Array) => void): void {
  for (let user = 0; user + 1 < histories.offsets.length; user++) {
    const start = histories.offsets[user];
    use(histories.item.subarray(start, start + trainLength[user]));
  }
}

/** Ranks by a score per item and history, in the total order (score, popularity, item). */
export class ScoreRanker implements Ranker {
  /** Items from most to least popular, item order among equals. */
  readonly #byPopularity: Int32Array;
  /** Place of each item in that order. */
  readonly #place: Int32Array;

  /**
   * @param popularity events per item, f64[V]
   * @param addScores adds the scores of a history to f64[V], which is zero before
   */
  constructor(
    popularity: Float64Array,
    readonly addScores: (history: ArrayLike<number>, scores: Float64Array) => void,
  ) {
    this.#byPopularity = Int32Array.from(popularity, (_, item) => item).sort(
      (a, b) => popularity[b] - popularity[a] || a - b,
    );
    this.#place = new Int32Array(popularity.length);
    this.#byPopularity.forEach((item, place) => {
      this.#place[item] = place;
    });
  }

  topK(queries: readonly Query[], k: number): RankedList[] {
    return queries.map((query) => {
      const scores = this.#score(query);
      const banned = new Set(query.excluded);
      const items = this.#byPopularity
        .filter((item) => !banned.has(item))
        .sort((a, b) => scores[b] - scores[a] || this.#place[a] - this.#place[b])
        .slice(0, k);
      return { items, scores: Float32Array.from(items, (item) => scores[item]) };
    });
  }

  ranks(queries: readonly Query[], targets: ArrayLike<number>): Ranks {
    const all = new Int32Array(queries.length);
    const allowed = new Int32Array(queries.length);
    for (const [index, query] of queries.entries()) {
      const scores = this.#score(query);
      const target = targets[index];
      const isAhead = (item: number) =>
        scores[item] > scores[target] || (scores[item] === scores[target] && this.#place[item] < this.#place[target]);
      all[index] = 1;
      for (let item = 0; item < scores.length; item++) if (isAhead(item)) all[index]++;
      const banned = query.excluded.includes(target);
      allowed[index] = banned ? scores.length : all[index] - query.excluded.filter(isAhead).length;
    }
    return { all, allowed };
  }

  #score(query: Query): Float64Array {
    const scores = new Float64Array(this.#place.length);
    this.addScores(query.history, scores);
    return scores;
  }
}
