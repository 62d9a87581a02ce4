// Top-K of a few items that a request names: their rows are laid out as a catalogue of their own and scored one by one, in the same
// arithmetic as the whole.

import { multiply, pack, panelFloats, rowMajor } from "../model/layers/linear.ts";
import type { Network } from "../model/network.ts";
import { type Barred, joinLists } from "./search.ts";

/** Numbers of scores worked on at once: 1 MiB. */
const BLOCK_FLOATS = 262_144;

/** One row's list: how long, where. */
export type UseList = (row: number, count: number, items: Int32Array, scores: Float32Array) => void;

/**
 * Lists the best `k` of the items that `flags` leave, for rows y f32[rows, D].
 * @param use called for each row in order, with views to copy from
 */
export function searchShortlist(
  network: Network,
  rows: number,
  y: number,
  k: number,
  { offsets, ids, flags }: Barred,
  use: UseList,
): void {
  const { engine, scorer, head } = network;
  const { memory } = engine;
  const { width } = scorer;
  const items = Int32Array.from(flags!.keys()).filter((item) => flags![item] === 0);
  const count = items.length;
  if (count === 0) {
    for (let r = 0; r < rows; r++) use(r, 0, items, new Float32Array(0));
    return;
  }
  const mark = memory.mark();
  const itemsAt = memory.place(items);
  const table = memory.planF32(count * width);
  engine.each("gatherForwardF32", count, 1, scorer.embedding.value, itemsAt, width, table);
  const panels = memory.planF32(panelFloats(count, width));
  pack(engine, count, width, table, 1, width, panels);
  const biases = head ? memory.planF32(count) : 0;
  if (head) engine.each("gatherForwardF32", count, 1, head.sums, itemsAt, 1, biases);
  const places = new Map(Array.from(items, (item, place) => [item, place]));
  const size = Math.min(k, count);
  const blockRows = Math.max(1, Math.min(64, Math.floor(BLOCK_FLOATS / count)));
  for (let first = 0; first < rows; first += blockRows) {
    const block = Math.min(blockRows, rows - first);
    const inner = memory.mark();
    const scores = memory.planF32(block * count);
    multiply(engine, block, count, width, rowMajor(y + 4 * first * width, width), panels, scores, count);
    if (head) engine.each("addBiasF32", block, 1, count, biases, scores);
    const own = joinLists(
      Array.from({ length: block }, (_, r) =>
        Array.from(ids.subarray(offsets[first + r], offsets[first + r + 1]), (item) => places.get(item) ?? -1).filter(
          (place) => place >= 0,
        ),
      ),
    );
    const [offsetsAt, idsAt] = [memory.place(own.offsets), memory.place(own.ids)];
    const outIds = memory.planI32(block * size);
    const outScores = memory.planF32(block * size);
    const outCounts = memory.planI32(block);
    engine.each("topKF32", block, 1, count, count, scores, offsetsAt, idsAt, size, outIds, outScores, outCounts);
    const listed = memory.i32(outIds, block * size);
    for (let i = 0; i < listed.length; i++) listed[i] = items[listed[i]] ?? -1;
    for (let r = 0; r < block; r++) {
      const length = memory.i32(outCounts, block)[r];
      use(first + r, length, memory.i32(outIds + 4 * r * size, length), memory.f32(outScores + 4 * r * size, length));
    }
    memory.release(inner);
  }
  memory.release(mark);
}
