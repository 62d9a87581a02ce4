// The best possible ranker of the shop's log. It knows every number in shop.ts, but of a user only what is in the log.
//
// "Best possible": for each history it computes the probability of every item to come next, exactly, and lists the most
// probable first. No ranker that sees the same histories has a higher HR@k or NDCG@k *in expectation*, for any k, because what
// a hit earns never grows with its rank. On a finite set of test cases a lucky ranker may exceed it, by about a standard error.
//
// Exact Bayes filter over (type of visitor, interest c), with belief b:
//
//   before an item   b′(type, c) = (1 − drift) · b(type, c) + drift · taste_type(c) · Σ_c′ b(type, c′)
//   next item        P(i) = Σ b′(type, c) · q(i | c, anchor) / Σ_{j unseen} q(j | c, anchor)        for i not seen yet
//   after item i     b(type, c) ∝ b′(type, c) · q(i | c, anchor) / Σ_{j unseen} q(j | c, anchor)
//
// where q is the chance of one draw: putting seen items back and drawing anew divides it by the chance of what is unseen.

import { EVERYDAY, itemsOn, type Shop } from "./shop.ts";

const impossible = (item: number, step: number) =>
  new RangeError(
    `history: got item ${item} at step ${step}, expected an item that can come there: none seen before, none of probability ` +
      "0. Use the shop that the log was drawn from.",
  );

/** Where the filter stands after some items. */
interface State {
  /** b′, for the item that comes next, f64[types · categories]. */
  belief: Float64Array;
  seen: Set<number>;
  /** Last item that was not an everyday one, or −1. */
  anchor: number;
}

/** Knows the shop; predicts its visitors. */
export class Oracle {
  readonly #shelves: Map<number, number[]>;

  constructor(readonly shop: Shop) {
    this.#shelves = new Map([EVERYDAY, ...shop.categories.keys()].map((shelf) => [shelf, itemsOn(shop, shelf)]));
  }

  /**
   * Returns the probability of each item to come next after a history: 0 for those in it, 1 in sum.
   * @param history items, oldest first; may be empty
   * @returns f64[V]
   * @throws RangeError when the shop cannot have led to the history
   */
  predict(history: ArrayLike<number>): Float64Array {
    const { shop } = this;
    const state = this.#start();
    for (let step = 0; step < history.length; step++) this.#observe(state, history[step], step);
    const { belief, seen, anchor } = state;
    const chances = new Float64Array(shop.names.length);
    for (const [c, unseen] of this.#unseenChances(seen, anchor).entries()) {
      let mass = 0;
      for (let type = 0; type < shop.tastes.length; type++) mass += belief[type * shop.categories.length + c];
      if (mass === 0) continue;
      for (let item = 0; item < chances.length; item++) {
        if (!seen.has(item)) chances[item] += (mass * this.#drawChance(item, c, anchor)) / unseen;
      }
    }
    return chances;
  }

  #start(): State {
    const { tastes } = this.shop;
    const belief = Float64Array.from(tastes.flatMap((taste) => Array.from(taste, (share) => share / tastes.length)));
    return { belief, seen: new Set(), anchor: -1 };
  }

  /** Takes in an item, then the move of the interest before the next one. */
  #observe(state: State, item: number, step: number): void {
    const { tastes, categories, category, drift } = this.shop;
    const { belief, seen, anchor } = state;
    const unseen = this.#unseenChances(seen, anchor);
    const likelihood = categories.map((_, c) => this.#drawChance(item, c, anchor) / unseen[c]);
    let total = 0;
    for (let s = 0; s < belief.length; s++) {
      belief[s] *= likelihood[s % categories.length];
      total += belief[s];
    }
    if (seen.has(item) || !(total > 0)) throw impossible(item, step);
    for (const [type, taste] of tastes.entries()) {
      const ofType = belief.subarray(type * categories.length, (type + 1) * categories.length);
      let mass = 0;
      for (const chance of ofType) mass += chance;
      for (const [c, chance] of ofType.entries()) ofType[c] = ((1 - drift) * chance + drift * taste[c] * mass) / total;
    }
    seen.add(item);
    if (category[item] !== EVERYDAY) state.anchor = item;
  }

  /** Returns q: the chance that one draw gives an item, seen or not. */
  #drawChance(item: number, interest: number, anchor: number): number {
    const { category, popularity, everyday } = this.shop;
    const shelf = category[item];
    let chance = 0;
    if (shelf === EVERYDAY) chance = everyday * popularity[item];
    else if (shelf === interest) chance = (1 - everyday) * popularity[item];
    const { follow, followers } = this.#calls(anchor);
    for (const follower of followers)
      if (follower.item === item) return follow * follower.share + (1 - follow) * chance;
    return (1 - follow) * chance;
  }

  /** Returns for each interest the chance that one draw gives an item not seen yet: the sum of q over them. */
  #unseenChances(seen: ReadonlySet<number>, anchor: number): number[] {
    const { categories, popularity, everyday } = this.shop;
    const unseenOn = (shelf: number) => {
      let share = 0;
      for (const item of this.#shelves.get(shelf)!) if (!seen.has(item)) share += popularity[item];
      return share;
    };
    const { follow, followers } = this.#calls(anchor);
    let called = 0;
    for (const { item, share } of followers) if (!seen.has(item)) called += share;
    const shared = follow * called + (1 - follow) * everyday * unseenOn(EVERYDAY);
    return categories.map((_, c) => shared + (1 - follow) * (1 - everyday) * unseenOn(c));
  }

  /** What the anchor calls for, and the probability that it is heard. */
  #calls(anchor: number): { follow: number; followers: Shop["followers"][number] } {
    const followers = anchor < 0 ? [] : this.shop.followers[anchor];
    return { follow: followers.length > 0 ? this.shop.follow : 0, followers };
  }
}

/** Lists items by probability, item order among equals. */
export function rankItems(chances: Float64Array): number[] {
  return [...chances.keys()].sort((a, b) => chances[b] - chances[a] || a - b);
}

/** HR@k and NDCG@k that a ranking has in expectation, if `chances` are the probabilities of the items to come next. */
export function expectedMetrics(
  ranking: readonly number[],
  chances: Float64Array,
  k: number,
): { hr: number; ndcg: number } {
  let hr = 0;
  let ndcg = 0;
  for (const [place, item] of ranking.slice(0, k).entries()) {
    hr += chances[item];
    ndcg += chances[item] / Math.log2(place + 2);
  }
  return { hr, ndcg };
}
