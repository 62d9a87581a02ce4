// What baselines share: they score sparsely, so most items tie at zero. So that the rule that ties count against the target
// does not weaken them, each gives a total order: score, then popularity, then item order.
//
// Constants are the same for all data. They were chosen on validation parts: leave-one-out on ml-100k (5-core), ml-latest-small
// and beauty, seen items excluded; every prefix with seen items included on online-retail (the tenth after the first 80 % of
// time-ordered events) and yoochoose-100k (its own tuning split); by the geometric mean of NDCG@10 over the five, one constant
// after another. "Mean" in the docstrings is that number.

import type { TrainingPart } from "../../data/training-part.ts";
import type { Query, RankedList, Ranker, Ranks } from "../../rank/ranker.ts";
import { SparseScores } from "./sparse.ts";

export { eachTrainingHistory, popularity, type TrainingPart } from "../../data/training-part.ts";

/** A named baseline: how it is made from training data. */
export interface BaselinePreset {
  name: string;
  /** What it does, in a line, with its source. */
  summary: string;
  /** @param log2 base-2 logarithm; the kernels' own, because the host's may differ between engines */
  fit(part: TrainingPart, log2: (x: number) => number): ScoreRanker;
}

/** Lists the items from most to least popular, item order among equals. i32[V] */
export function itemsByPopularity(popularity: Float64Array): Int32Array {
  return Int32Array.from(popularity.keys()).sort((a, b) => popularity[b] - popularity[a] || a - b);
}

/** Finds the place of each item in a list of all. i32[V] */
export function placesIn(order: Int32Array): Int32Array {
  const places = new Int32Array(order.length);
  order.forEach((item, place) => {
    places[item] = place;
  });
  return places;
}

/** Weights of the last events of a history, latest first: 1, 1/2, 1/3, … */
export function recencyWeights(events: number): Float64Array {
  return Float64Array.from({ length: events }, (_, back) => 1 / (1 + back));
}

/** Adds the scores of a history, whose items may be anything, to sums that are 0 before. */
export type AddScores = (history: ArrayLike<number>, scores: SparseScores) => void;

/** Ranks by a score per item and history, 0 or more, in the total order (score, popularity, item). */
export class ScoreRanker implements Ranker {
  /** Items from most to least popular, item order among equals. */
  readonly #byPopularity: Int32Array;
  /** Place of each item in that order. */
  readonly #place: Int32Array;
  readonly #addScores: AddScores;
  readonly #scores: SparseScores;

  /** @param popularity events per item, f64[V] */
  constructor(popularity: Float64Array, addScores: AddScores) {
    this.#byPopularity = itemsByPopularity(popularity);
    this.#place = placesIn(this.#byPopularity);
    this.#addScores = addScores;
    this.#scores = new SparseScores(popularity.length);
  }

  /** Scores the whole catalogue for a history. f64[V] */
  scoresOf(history: ArrayLike<number>): Float64Array {
    return this.#score(history).values.slice();
  }

  topK(queries: readonly Query[], k: number): RankedList[] {
    return queries.map(({ history, excluded }) => {
      const scores = this.#score(history);
      const banned = new Set(excluded);
      const scored = scores.best(k, this.#place, (item) => !banned.has(item));
      const items = Int32Array.from({ length: Math.min(k, this.#place.length) });
      items.set(scored);
      let count = scored.length;
      for (let place = 0; count < items.length && place < this.#byPopularity.length; place++) {
        const item = this.#byPopularity[place];
        if (scores.values[item] === 0 && !banned.has(item)) items[count++] = item;
      }
      const listed = items.subarray(0, count);
      return { items: listed, scores: Float32Array.from(listed, (item) => scores.values[item]) };
    });
  }

  ranks(queries: readonly Query[], targets: ArrayLike<number>): Ranks {
    const all = new Int32Array(queries.length);
    const allowed = new Int32Array(queries.length);
    for (const [index, { history, excluded }] of queries.entries()) {
      const { values, ids, count } = this.#score(history);
      const target = targets[index];
      const score = values[target];
      const place = this.#place[target];
      const isAhead = (item: number) => values[item] > score || (values[item] === score && this.#place[item] < place);
      // Ahead are scored items and, where the target has no score, all that are more popular: of those, the scored ones
      // were counted already.
      let rank = 1 + (score === 0 ? place : 0);
      for (let at = 0; at < count; at++) {
        const item = ids[at];
        if (isAhead(item) && !(score === 0 && this.#place[item] < place)) rank++;
      }
      all[index] = rank;
      const banned = excluded.includes(target);
      allowed[index] = banned ? this.#place.length : rank - excluded.filter(isAhead).length;
    }
    return { all, allowed };
  }

  #score(history: ArrayLike<number>): SparseScores {
    this.#scores.clear();
    this.#addScores(history, this.#scores);
    return this.#scores;
  }
}
