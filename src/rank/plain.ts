// Top-K by scoring the whole catalogue, a block of rows at a time: for lists that hold much of it, for queries and catalogues that
// the integer pass has no bounds for, and until there have been enough queries to be worth an integer copy.

import type { Network } from "../model/network.ts";
import { type Barred, joinLists } from "./search.ts";
import type { UseList } from "./shortlist.ts";

/**
 * Lists the best `k` items of rows y f32[rows, D].
 * @param use called for each row in order, with views to copy from
 */
export function searchPlainly(
  network: Network,
  rows: number,
  y: number,
  k: number,
  { offsets, ids, flags }: Barred,
  use: UseList,
): void {
  const { engine, scorer } = network;
  const { memory } = engine;
  const { items, stride, blockRows } = scorer;
  const shared = flags ? Int32Array.from(flags.keys()).filter((item) => flags[item] === 1) : [];
  for (let first = 0; first < rows; first += blockRows) {
    const block = Math.min(blockRows, rows - first);
    const mark = memory.mark();
    const scores = memory.planF32(block * stride);
    network.score(block, y + 4 * first * scorer.width, scores);
    const own = joinLists(
      Array.from({ length: block }, (_, r) => [...shared, ...ids.subarray(offsets[first + r], offsets[first + r + 1])]),
    );
    const [offsetsAt, idsAt] = [memory.place(own.offsets), memory.place(own.ids)];
    const outIds = memory.planI32(block * k);
    const outScores = memory.planF32(block * k);
    const outCounts = memory.planI32(block);
    engine.each("topKF32", block, 1, items, stride, scores, offsetsAt, idsAt, k, outIds, outScores, outCounts);
    for (let r = 0; r < block; r++) {
      const count = memory.i32(outCounts, block)[r];
      use(first + r, count, memory.i32(outIds + 4 * r * k, count), memory.f32(outScores + 4 * r * k, count));
    }
    memory.release(mark);
  }
}
