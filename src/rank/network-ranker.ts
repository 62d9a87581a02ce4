// Ranks with a network: histories are encoded in batches, and the catalogue is scored a block of rows at a time. A query's
// answer has the same bits whatever else is in its batch.

import { type Network, NO_USER } from "../model/network.ts";
import { cutBatches } from "./batches.ts";
import type { Query, RankedList, Ranker, Ranks } from "./ranker.ts";

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

  topK(queries: readonly Query[], k: number): RankedList[] {
    const { network } = this;
    const { memory } = network.engine;
    const { items, stride } = network.scorer;
    const size = Math.min(k, items);
    const lists: RankedList[] = [];
    this.#scoreAll(queries, (first, count, scores) => {
      const { offsets, ids } = this.#placeExclusions(queries, first, count);
      const outIds = memory.planI32(count * size);
      const outScores = memory.planF32(count * size);
      const outCounts = memory.planI32(count);
      network.engine.each("topKF32", count, 1, items, stride, scores, offsets, ids, size, outIds, outScores, outCounts);
      // Ranked by logit, where probabilities next to 1 still differ; told as probabilities.
      if (network.head?.task === "click") {
        network.engine.each("sigmoidF32", count * size, 4, outScores, outScores);
      }
      for (let r = 0; r < count; r++) {
        const length = memory.i32(outCounts, count)[r];
        lists.push({
          items: memory.i32(outIds + 4 * r * size, length).slice(),
          scores: memory.f32(outScores + 4 * r * size, length).slice(),
        });
      }
    });
    return lists;
  }

  ranks(queries: readonly Query[], targets: ArrayLike<number>): Ranks {
    const { network } = this;
    const { memory } = network.engine;
    const { items, stride } = network.scorer;
    const all = new Int32Array(queries.length);
    const allowed = new Int32Array(queries.length);
    this.#scoreAll(queries, (first, count, scores) => {
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
