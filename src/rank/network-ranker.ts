// Ranks with a network: histories are encoded in batches, and the catalogue is scored a block of rows at a time. A query's
// answer has the same bits whatever else is in its batch.

import { NO_USER } from "../model/example.ts";
import type { Network } from "../model/network.ts";
import { cutBatches } from "./batches.ts";
import { integerCopy } from "./integer-copy.ts";
import { searchPlainly } from "./plain.ts";
import type { Query, RankedList, Ranker, Ranks } from "./ranker.ts";
import { type Barred, joinLists, search } from "./search.ts";
import { searchShortlist } from "./shortlist.ts";

/** Lists of more than this part of the catalogue are cut from whole rows; of fewer allowed items, only those are scored. */
const FEW_SHARE = 8;
/** Queries that are encoded to learn how long they are. */
const SAMPLE = 1;

/** A network as a ranker. Histories must not be empty. */
export class NetworkRanker implements Ranker {
  /**
   * @param userRows row in `attention.users` of each user that queries name, or NO_USER; without it queries name rows. A query
   * without user asks for a user the model does not know.
   */
  constructor(
    readonly network: Network,
    readonly userRows?: ArrayLike<number>,
  ) {}

  topK(asked: readonly Query[], k: number, barred?: Uint8Array): RankedList[] {
    const { network } = this;
    const queries = this.#withoutNewest(asked);
    const { items } = network;
    const lists: RankedList[] = [];
    let allowed = items;
    if (barred) for (const flag of barred) allowed -= flag;
    const size = Math.min(k, allowed);
    if (size < 1) return queries.map(() => ({ items: new Int32Array(0), scores: new Float32Array(0) }));
    const add = (_row: number, count: number, ids: Int32Array, scores: Float32Array) =>
      lists.push({ items: ids.slice(0, count), scores: this.#tell(scores.slice(0, count)) });
    const few = barred !== undefined && allowed <= items / FEW_SHARE;
    for (const { first, count } of cutBatches(queries.length, (index) => queries[index].history.length)) {
      network.releaseStep();
      const batch = queries.slice(first, first + count);
      const histories = batch.map((query) => query.history);
      const users = batch.map((query) => this.#rowOf(query.user));
      const excluded = joinLists(
        batch.map(({ excluded }) => (excluded.length > 1 ? excluded.slice().sort() : excluded)),
      );
      const restriction: Barred = { ...excluded, flags: barred };
      const catalogue =
        few || size > items / FEW_SHARE
          ? undefined
          : integerCopy(network, count, () => network.encode(histories.slice(0, SAMPLE), users.slice(0, SAMPLE)).y);
      let steps = 0;
      for (const history of histories) steps += history.length;
      network.expectSteps(steps);
      const { y } = network.encode(histories, users);
      if (few) searchShortlist(network, count, y, size, restriction, add);
      else if (catalogue) {
        const found = search(network, catalogue, count, y, size, restriction);
        for (let r = 0; r < count; r++) {
          if (found.left.includes(r))
            searchPlainly(network, 1, y + 4 * r * network.scorer.width, size, only(restriction, r), add);
          else {
            const [from, to] = [r * size, r * size + found.counts[r]];
            lists.push({ items: found.items.subarray(from, to), scores: this.#tell(found.scores.subarray(from, to)) });
          }
        }
      } else searchPlainly(network, count, y, size, restriction, add);
    }
    network.releaseStep();
    return lists;
  }

  ranks(asked: readonly Query[], targets: ArrayLike<number>): Ranks {
    const { network } = this;
    const queries = this.#withoutNewest(asked);
    const { memory } = network.engine;
    const { items, stride } = network.scorer;
    const all = new Int32Array(queries.length);
    const allowed = new Int32Array(queries.length);
    this.#scoreAll(queries, (first, count, scores) => {
      if (this.#listsNoNewest) {
        const rows = memory.f32(scores, count * stride);
        for (let r = 0; r < count; r++) rows[r * stride + newest(queries[first + r])] = -Infinity;
      }
      const { offsets, ids } = this.#placeExclusions(queries, first, count);
      const targetsAt = memory.place(Array.from({ length: count }, (_, r) => targets[first + r]));
      const out = memory.planI32(2 * count);
      network.engine.each("rankF32", count, 1, items, stride, scores, targetsAt, offsets, ids, out);
      const both = memory.i32(out, 2 * count);
      for (let r = 0; r < count; r++) {
        all[first + r] = both[2 * r];
        allowed[first + r] = both[2 * r + 1];
      }
    });
    return { all, allowed };
  }

  /** Encodes and scores all queries; calls `use` for each block of rows while its scores are in memory. */
  #scoreAll(queries: readonly Query[], use: (first: number, count: number, scores: number) => void): void {
    const { network } = this;
    const { memory } = network.engine;
    const { scorer } = network;
    for (const { first, count } of cutBatches(queries.length, (index) => queries[index].history.length)) {
      network.releaseStep();
      const batch = queries.slice(first, first + count);
      const histories = batch.map((query) => query.history);
      const users = batch.map((query) => this.#rowOf(query.user));
      const { y } = network.encode(histories, users);
      for (let r = 0; r < count; r += scorer.blockRows) {
        const rows = Math.min(scorer.blockRows, count - r);
        const mark = memory.mark();
        const scores = memory.planF32(rows * scorer.stride);
        network.score(rows, y + 4 * r * scorer.width, scores);
        use(first + r, rows, scores);
        memory.release(mark);
      }
    }
    network.releaseStep();
  }

  /** Ranked by logit, where probabilities next to 1 still differ; told as probabilities. */
  #tell(scores: Float32Array): Float32Array {
    const { network } = this;
    if (network.head?.task !== "click") return scores;
    const { memory } = network.engine;
    const mark = memory.mark();
    const at = memory.planF32(scores.length);
    memory.f32(at, scores.length).set(scores);
    network.engine.each("sigmoidF32", scores.length, 4, at, at);
    scores.set(memory.f32(at, scores.length));
    memory.release(mark);
    return scores;
  }

  /** Whether the newest item of a history was never compared with the next one, so that its score means nothing. */
  get #listsNoNewest(): boolean {
    return this.network.config.rivals === "others";
  }

  /** Excludes the newest item of each history where no list may have it. */
  #withoutNewest(queries: readonly Query[]): readonly Query[] {
    if (!this.#listsNoNewest) return queries;
    return queries.map((query) => {
      const item = newest(query);
      if (query.excluded.includes(item)) return query;
      const excluded = new Int32Array(query.excluded.length + 1).fill(item);
      excluded.set(query.excluded);
      return { ...query, excluded };
    });
  }

  #rowOf(user: number | undefined): number {
    if (user === undefined) return NO_USER;
    return this.userRows ? this.userRows[user] : user;
  }

  #placeExclusions(queries: readonly Query[], first: number, count: number): { offsets: number; ids: number } {
    const { memory } = this.network.engine;
    const offsets = new Int32Array(count + 1);
    for (let r = 0; r < count; r++) offsets[r + 1] = offsets[r] + queries[first + r].excluded.length;
    const ids = new Int32Array(offsets[count]);
    for (let r = 0; r < count; r++) ids.set(queries[first + r].excluded, offsets[r]);
    return { offsets: memory.place(offsets), ids: memory.place(ids) };
  }
}

function newest({ history }: Query): number {
  return history[history.length - 1];
}

/** What row `r` may not list, as if it were alone. */
function only({ offsets, ids, flags }: Barred, r: number): Barred {
  return { ...joinLists([ids.subarray(offsets[r], offsets[r + 1])]), flags };
}
