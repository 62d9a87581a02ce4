// Catalogues and queries without an encoder, and what brute force says of them.

import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { findPreset } from "../../src/model/presets/index.ts";
import { type Catalogue, fillCatalogue, planCatalogue } from "../../src/rank/catalogue.ts";
import { searchPlainly } from "../../src/rank/plain.ts";
import { joinLists, search } from "../../src/rank/search.ts";
import { searchShortlist } from "../../src/rank/shortlist.ts";
import type { Engine } from "../../src/wasm/engine.ts";
import { topK } from "../reference/topk.ts";

/** A catalogue, queries to it, and what they may not list. */
export interface Case {
  /** f32[V][D]. */
  table: number[][];
  biases?: number[];
  /** f32[rows][D]. */
  y: number[][];
  excluded: number[][];
  barred?: number[];
  k: number;
}

/** Lists of each row: items, and the bits of their scores. */
export type Lists = { items: number[]; scores: number[] }[];

/** Makes a network of a table, and of biases if there are any. */
export function networkOf(engine: Engine, { table, biases }: Case): Network {
  const width = table[0].length;
  const config = resolveConfig(
    { ...findPreset("gru4rec").settings, embedding: width, hidden: width, ...(biases && { task: "rating" as const }) },
    { preset: "gru4rec" },
  );
  const network = new Network(engine, config, table.length, false);
  const { memory } = engine;
  for (const { value, size } of network.parameters.list) memory.f32(value, size).fill(0);
  memory.f32(network.scorer.embedding.value, table.length * width).set(table.flat());
  if (biases) memory.f32(network.parameters.get("head.item_bias").value, biases.length).set(biases);
  network.prepare();
  return network;
}

/** Scores in the canonical order, lists by the twin. */
export function bruteForce({ table, biases, y, excluded, barred = [], k }: Case): Lists {
  return y.map((query, r) => {
    const scores = table.map((row, item) => {
      let sum = 0;
      for (let d = 0; d < row.length; d++) sum = Math.fround(sum + Math.fround(query[d] * row[d]));
      return biases ? Math.fround(sum + biases[item]) : sum;
    });
    return topK(scores, k, [...excluded[r], ...barred]);
  });
}

/** The lists of every way to make them; undefined where the integer copy has no bounds. */
export function allWays(
  engine: Engine,
  one: Case,
): Record<"integer" | "guessing" | "plain" | "shortlist", Lists | undefined> {
  const network = networkOf(engine, one);
  const { memory } = engine;
  const { y, k } = one;
  const width = y[0].length;
  const length = Math.sqrt(y[0].reduce((sum, value) => sum + value * value, 0));
  const catalogue = fillCatalogue(network, planCatalogue(network), length);
  const at = memory.planF32(y.length * width);
  memory.f32(at, y.length * width).set(y.flat());
  const flags = new Uint8Array(one.table.length);
  for (const item of one.barred ?? []) flags[item] = 1;
  const barred = { ...joinLists(one.excluded.map((list) => [...list].sort((a, b) => a - b))), flags };
  const size = Math.min(k, one.table.length);
  const collect = (way: typeof searchPlainly) => {
    const lists: Lists = [];
    way(network, y.length, at, size, barred, (_, count, items, scores) => {
      lists.push({ items: [...items.slice(0, count)], scores: [...scores.slice(0, count)] });
    });
    return lists;
  };
  const integer = (copy: Catalogue): Lists => {
    const found = search(network, copy, y.length, at, size, barred);
    const plain = found.left.length > 0 ? collect(searchPlainly) : [];
    return y.map((_, r) => {
      if (found.left.includes(r)) return plain[r];
      const [from, to] = [r * size, r * size + found.counts[r]];
      return { items: [...found.items.slice(from, to)], scores: [...found.scores.slice(from, to)] };
    });
  };
  const first = catalogue && integer(catalogue);
  if (catalogue) for (const [key, z] of catalogue.guesses) catalogue.guesses.set(key, z + 0.5);
  return {
    integer: first,
    guessing: catalogue && integer(catalogue),
    plain: collect(searchPlainly),
    shortlist: collect(searchShortlist),
  };
}
