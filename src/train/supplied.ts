// Vectors from outside in a network: where they are put, and which of them training must leave as they are.

import type { Vectors } from "../data/vectors.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import type { Network } from "../model/network.ts";

/** What was trained elsewhere. */
export interface SuppliedVectors {
  /** Interest of each user; never trained. */
  interests?: Vectors;
  /** Embeddings of items; `itemTuning` says whether they are trained on. */
  items?: Vectors;
}

/**
 * Overwrites initial weights with what was supplied, and freezes what is not to be trained. Items without a vector keep their
 * initial embedding, and are trained.
 */
export function placeVectors(network: Network, supplied: SuppliedVectors, items: Vocabulary): void {
  const { parameters, config } = network;
  const { memory } = network.engine;
  if (supplied.interests) {
    const table = parameters.get("attention.users");
    memory.f32(table.value, table.size).set(supplied.interests.values);
    parameters.freeze(memory, table.offset, table.offset + table.size);
  }
  if (supplied.items) {
    const { ids, width, values } = supplied.items;
    const table = parameters.get("embedding.weight");
    const weights = memory.f32(table.value, table.size);
    let start = 0;
    // Runs of frozen rows, each frozen at once.
    for (let item = 0; item <= items.size; item++) {
      const row = item < items.size ? ids.indexOf(items.idOf(item)) : -1;
      if (row >= 0) {
        weights.set(values.subarray(row * width, (row + 1) * width), item * width);
        continue;
      }
      if (config.itemTuning === "frozen" && item > start) {
        parameters.freeze(memory, table.offset + start * width, table.offset + item * width);
      }
      start = item + 1;
    }
  }
  network.prepare();
}
