// Vectors from outside in a network: where they are put, and which of them training must leave as they are.

import type { Vectors } from "../data/vectors.ts";
import type { Ids } from "../data/vocabulary.ts";
import type { Network } from "../model/network.ts";

/** What was trained elsewhere. */
export interface SuppliedVectors {
  /** Interest of each user; never trained. */
  interests?: Vectors;
  /** Embeddings of items; `itemTuning` says whether they are trained on. */
  items?: Vectors;
}

/** Supplied vectors as the tables of one model have them. */
export interface PlacedVectors {
  /** f32[users, D], whole. */
  interests: Float32Array | undefined;
  /** Where each item's vector is among the supplied ones, or −1, i32[V]; and those, f32[n, D]. */
  items: { rows: Int32Array; width: number; values: Float32Array } | undefined;
}

/** Finds the vectors of a catalogue's items. */
export function vectorsFor({ interests, items }: SuppliedVectors, catalogue: Ids): PlacedVectors {
  return {
    interests: interests?.values,
    items: items && {
      rows: Int32Array.from(catalogue, (id) => items.ids.indexOf(id)),
      width: items.width,
      values: items.values,
    },
  };
}

/**
 * Overwrites initial weights with what was supplied, and freezes what is not to be trained. Items without a vector keep their
 * initial embedding, and are trained.
 */
export function placeVectors(network: Network, vectors: PlacedVectors): void {
  const { parameters, config } = network;
  const { memory } = network.engine;
  if (vectors.interests) {
    const table = parameters.get("attention.users");
    memory.f32(table.value, table.size).set(vectors.interests);
    parameters.freeze(memory, table.offset, table.offset + table.size);
  }
  if (vectors.items) {
    const { rows, width, values } = vectors.items;
    const table = parameters.get("embedding.weight");
    const weights = memory.f32(table.value, table.size);
    let start = 0;
    // Runs of frozen rows, each frozen at once.
    for (let item = 0; item <= rows.length; item++) {
      const row = item < rows.length ? rows[item] : -1;
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
