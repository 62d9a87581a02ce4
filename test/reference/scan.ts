/** The integer pass of exact top-K, one sum after the other. */

import type { InferenceKernels } from "../../src/wasm/kernels.ts";
import type { Memory } from "../../src/wasm/memory.ts";

/** Multiplies an integer of an item and one of a query. */
export type Product = (item: number, query: number) => number;

/**
 * Makes a form of `scanCatalogue` that reads the kernels' layout (assembly/kernel/scan.ts) and lists for each query, in order, the
 * positions with Σ item·query ≥ ⌊threshold⌋, passing nothing over but whole blocks.
 *
 * @param perWord integers of a 32-bit word: 2, or 4 with items stored plus 64
 * @param product what a pair adds; another product makes a form that lies
 */
export function scanTwin(
  memory: Memory,
  perWord: 2 | 4,
  product: Product = (a, b) => a * b,
): InferenceKernels["scanCatalogue"] {
  const { fround } = Math;
  return (
    begin,
    end,
    queries,
    items,
    blocks,
    firstBlock,
    lastBlock,
    words,
    stages,
    panels,
    bounds,
    q,
    queryBounds,
    capacity,
    out,
    counts,
  ) => {
    const view = new DataView(memory.wasm.buffer);
    const integer = (at: number, part: number, ofItem: boolean): number => {
      if (perWord === 2) return view.getInt16(at + 2 * part, true);
      return ofItem ? view.getUint8(at + part) : view.getInt8(at + part);
    };
    for (let query = 4 * begin; query < Math.min(4 * end, queries); query++) {
      const stops = [0, 4, 8].map((at) => view.getInt32(stages + at, true));
      const lane = queryBounds + 320 * (query >> 2) + 4 * (query & 3);
      const [tau, a, length] = [0, 16, 32].map((offset) => view.getFloat32(lane + offset, true));
      const offset = view.getInt32(lane + 80, true);
      for (let block = firstBlock; block < lastBlock; block++) {
        const [inverse, farthest, residue, reach] = [0, 4, 8, 12].map((at) =>
          view.getFloat32(bounds + 32 * block + at, true),
        );
        const errors = fround(fround(a * farthest) + fround(length * residue));
        const threshold = fround(fround(tau * inverse) - errors);
        if (threshold > fround(length * reach)) continue;
        const least = Math.floor(Math.max(-1e9, Math.min(1e9, threshold))) + offset;
        for (let position = 64 * block; position < Math.min(items, 64 * block + 64); position++) {
          let sum = 0;
          for (let word = 0; word < words; word++) {
            const stage = stops.findIndex((stop) => word < stop);
            const from = stops[stage - 1] ?? 0;
            const panel = (stops[stage] - from) * (position >> 3) + word - from;
            const itemAt = panels + 256 * blocks * from + 32 * panel + 4 * (position & 7);
            const queryAt = q + 16 * words * (query >> 2) + 16 * word + 4 * (query & 3);
            for (let part = 0; part < perWord; part++) {
              sum += product(integer(itemAt, part, true), integer(queryAt, part, false));
            }
          }
          if (sum < least) continue;
          const count = view.getInt32(counts + 4 * query, true);
          view.setInt32(out + 4 * (query * capacity + count), position, true);
          view.setInt32(counts + 4 * query, count + 1, true);
        }
      }
    }
  };
}
