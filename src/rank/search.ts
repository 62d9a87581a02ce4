// Exact top-K over an integer copy: for runs of blocks, the integer pass lists who can reach each query's threshold, those are
// scored in the canonical order, and the thresholds rise. Lists and scores are those of brute force, bit for bit.

import { multiply, rowMajor } from "../model/layers/linear.ts";
import type { Network } from "../model/network.ts";
import { BLOCK_ITEMS, type Catalogue, LONGEST, SHORTEST } from "./catalogue.ts";
import { CELL_AXES, orderByCells } from "./cells.ts";

/** Queries that the pass handles together, and floats of their bounds, as in assembly/kernel/quantize.ts. */
const GROUP_QUERIES = 4;
const GROUP_FLOATS = 80;
/** Lists take whole vectors, and items are scored eight at a time, as in assembly/kernel/rescore.ts. */
const VECTOR = 4;
const SCORED_TOGETHER = 8;
/** Most blocks of a run: their copy stays in cache while all queries see it. One query alone reads each once. */
const RUN_BLOCKS = 32;
const RUN_BLOCKS_ALONE = 128;
/** Fewer listed positions than this wait for the next run, as four are scored in the time of one. */
const FEW = 8;
/** Share of queries whose guess may prove too high, so that they have to ask again. */
const FAILING = 0.003;
/** Queries that together say where the guess should lie; fewer move it by a step, in deviations, that settles at that share. */
const MANY = 64;
const DOWN = 0.1;
const UP = 0.001;
/** Below a first threshold that was seen, in deviations. */
const MARGIN = 0.3;
const NO_GUESS = Number.NEGATIVE_INFINITY;

/** What may not be listed. */
export interface Barred {
  /** Per row: ascending items ids[offsets[r] … offsets[r + 1]). */
  offsets: Int32Array;
  ids: Int32Array;
  /** Flags u8[items] for all rows; undefined where all may be listed. */
  flags?: Uint8Array;
}

/** The best K of each row, best first: lists of length `counts[r]`, `k` apart. */
export interface Found {
  k: number;
  items: Int32Array;
  scores: Float32Array;
  counts: Int32Array;
  /** Rows too long or short for the bounds, whose lists are not filled. */
  left: number[];
}

/** Lists the best `k` items of rows y f32[rows, D] in the network's memory. */
export function search(
  network: Network,
  catalogue: Catalogue,
  rows: number,
  y: number,
  k: number,
  barred: Barred,
): Found {
  const { memory } = network.engine;
  const mark = memory.mark();
  const guess = catalogue.guesses.get(k) ?? NO_GUESS;
  const found = searchTogether(network, catalogue, rows, y, k, barred, guess);
  memory.release(mark);
  return found;
}

/** Lists for queries in an order in which like ones are next to each other, so that four of a group pass over the same items. */
function searchTogether(
  network: Network,
  catalogue: Catalogue,
  rows: number,
  y: number,
  k: number,
  barred: Barred,
  guess: number,
): Found {
  if (rows <= GROUP_QUERIES || catalogue.axes === 0) {
    const places = new Int32Array(rows);
    for (let r = 0; r < rows; r++) places[r] = r;
    return searchFrom(network, catalogue, places, y, k, barred, guess);
  }
  const order = orderOfQueries(network, catalogue, rows, y);
  return searchFrom(network, catalogue, order, rowsOf(network, y, order), k, barredOf(barred, order), guess);
}

/** Copies some rows of y, in the order in which they are named. */
function rowsOf({ engine, scorer }: Network, y: number, order: Int32Array): number {
  const chosen = engine.memory.planF32(order.length * scorer.width);
  engine.each("gatherForwardF32", order.length, 1, y, engine.memory.place(order), scorer.width, chosen);
  return chosen;
}

/** What some rows may not list, in the order in which they are named. */
function barredOf(barred: Barred, order: Int32Array): Barred {
  const { offsets, ids, flags } = barred;
  if (ids.length === 0) return barred;
  return { ...joinLists(Array.from(order, (r) => ids.subarray(offsets[r], offsets[r + 1]))), flags };
}

/** Orders queries by direction, axes weighed by how far scores move along them. */
function orderOfQueries(network: Network, catalogue: Catalogue, rows: number, y: number): Int32Array {
  const { memory } = network.engine;
  const mark = memory.mark();
  const wide = widen(network, catalogue, rows, y);
  const { width } = catalogue;
  const axes = Math.min(CELL_AXES, width);
  const leading = memory.planF32(rows * axes);
  multiply(network.engine, rows, axes, width, rowMajor(wide, width), catalogue.axes, leading, axes);
  const coordinates = memory.f32(leading, rows * axes);
  const moments = memory.f32(catalogue.moments, axes);
  for (let at = 0; at < coordinates.length; at += axes) {
    let square = 0;
    for (let axis = 0; axis < axes; axis++) square += coordinates[at + axis] * coordinates[at + axis];
    for (let axis = 0; axis < axes; axis++) coordinates[at + axis] *= Math.sqrt(moments[axis] / square);
  }
  const order = orderByCells(coordinates, rows, axes, GROUP_QUERIES);
  memory.release(mark);
  return order;
}

/** @param places where the list of each row belongs */
function searchFrom(
  network: Network,
  catalogue: Catalogue,
  places: Int32Array,
  y: number,
  k: number,
  barred: Barred,
  guess: number,
): Found {
  const { engine, scorer } = network;
  const { memory } = engine;
  const { scanner, width, words, blocks, items } = catalogue;
  const rows = places.length;
  const groups = Math.ceil(rows / GROUP_QUERIES);

  // 1. Queries as integers, with their bounds.
  const wide = widen(network, catalogue, rows, y);
  const turned = catalogue.axes === 0 ? wide : memory.planF32(rows * width);
  if (catalogue.axes !== 0) multiply(engine, rows, width, width, rowMajor(wide, width), catalogue.axes, turned, width);
  const q = memory.planI32(GROUP_QUERIES * groups * words);
  const queryBounds = memory.planF32(GROUP_FLOATS * groups);
  const scales = memory.planF64(4 * rows);
  const guesses = memory.planF32(rows);
  engine.each(
    "quantizeQueriesF32",
    groups,
    1,
    rows,
    scanner.perWord,
    width,
    words,
    catalogue.stages,
    wide,
    turned,
    catalogue.mean,
    catalogue.moments,
    catalogue.relativeError,
    catalogue.errorOfLength,
    catalogue.error,
    guess,
    q,
    queryBounds,
    scales,
    guesses,
  );
  const left: number[] = [];
  const scaleValues = memory.f64(scales, 4 * rows);
  for (let r = 0; r < rows; r++) {
    const scale = scaleValues[4 * r + 1];
    if (scale > SHORTEST && scale < LONGEST && Number.isFinite(scaleValues[4 * r])) continue;
    left.push(places[r]);
    memory.f32(queryBounds + 4 * (GROUP_FLOATS * (r >> 2) + (r & 3)), 1)[0] = Number.POSITIVE_INFINITY;
  }

  // 2. Runs of blocks; short ones first, as thresholds rise most at the start.
  const most = rows === 1 ? RUN_BLOCKS_ALONE : RUN_BLOCKS;
  const enough = Math.ceil(k / BLOCK_ITEMS);
  const capacity = Math.max(most, enough) * BLOCK_ITEMS + FEW;
  const positions = memory.planI32(GROUP_QUERIES * groups * capacity);
  const counts = memory.planI32(4 * groups);
  memory.i32(counts, 4 * groups).fill(0);
  const listFloats = rows * VECTOR * Math.ceil(k / VECTOR);
  const listIds = memory.planI32(listFloats);
  const listScores = memory.planF32(listFloats);
  memory.f32(listScores, listFloats).fill(Number.NEGATIVE_INFINITY);
  const listCounts = memory.planI32(rows);
  memory.i32(listCounts, rows).fill(0);
  const someScores = memory.planF32(SCORED_TOGETHER * rows);
  const offsets = memory.place(barred.offsets);
  const ids = memory.place(barred.ids);
  const flags = barred.flags ? memory.planF32(Math.ceil(items / 4)) : 0;
  if (barred.flags) new Uint8Array(memory.wasm.buffer, flags, items).set(barred.flags);
  let run = Math.min(most, enough);
  for (let block = 0; block < blocks; ) {
    const first = block;
    const next = Math.min(blocks, first + run);
    // Called as it is: the pass may be a module of its own, which only this thread has.
    scanner.scan(
      0,
      groups,
      rows,
      items,
      blocks,
      first,
      next,
      words,
      catalogue.stages,
      catalogue.panels,
      catalogue.bounds,
      q,
      queryBounds,
      capacity,
      positions,
      counts,
      scanner.inPairs,
    );
    engine.each(
      "rescoreF32",
      rows,
      1,
      k,
      scorer.width,
      y,
      scorer.embedding.value,
      catalogue.bias,
      catalogue.order,
      flags,
      offsets,
      ids,
      positions,
      capacity,
      next < blocks ? FEW : 1,
      counts,
      scales,
      guesses,
      queryBounds,
      listIds,
      listScores,
      listCounts,
      someScores,
    );
    block = next;
    run = Math.min(most, 2 * run);
  }

  // 3. A guess holds where K items reach it; the others ask again without one.
  const { again, found } = collect();
  if (again.length > 0) askAgain(again, found);
  learn(found);
  return found;

  function collect() {
    const failed: number[] = [];
    if (guess !== NO_GUESS) {
      // What is below a guess does not enter.
      const filled = memory.i32(listCounts, rows);
      for (let r = 0; r < rows; r++) if (filled[r] < k && !left.includes(places[r])) failed.push(r);
    }
    const [outIds, outScores, outCounts] = [memory.planI32(rows * k), memory.planF32(rows * k), memory.planI32(rows)];
    const placesAt = memory.place(places);
    engine.each("takeTopKF32", rows, 1, k, listIds, listScores, listCounts, placesAt, outIds, outScores, outCounts);
    return {
      again: failed,
      found: {
        k,
        items: memory.i32(outIds, rows * k).slice(),
        scores: memory.f32(outScores, rows * k).slice(),
        counts: memory.i32(outCounts, rows).slice(),
        left,
      },
    };
  }

  /** Learns from the thresholds that came out where the next guess should lie. */
  function learn({ scores, counts: lengths }: Found): void {
    const spread = memory.f64(scales, 4 * rows);
    const all = new Float64Array(rows);
    let count = 0;
    for (let r = 0; r < rows; r++) {
      const place = places[r];
      const deviations = (scores[(place + 1) * k - 1] - spread[4 * r + 2]) / spread[4 * r + 3];
      if (lengths[place] === k && Number.isFinite(deviations)) all[count++] = deviations;
    }
    if (count === 0) return;
    const low = all.subarray(0, count).sort()[Math.floor(FAILING * count)];
    const before = catalogue.guesses.get(k);
    if (before === undefined) catalogue.guesses.set(k, low - MARGIN);
    else if (count >= MANY) catalogue.guesses.set(k, before + (low - before) / 2);
    else catalogue.guesses.set(k, before + (low < before ? -DOWN : UP));
  }

  function askAgain(failed: readonly number[], into: Found): void {
    const order = Int32Array.from(failed);
    // They stand by direction already.
    const rowsY = rowsOf(network, y, order);
    const second = searchFrom(
      network,
      catalogue,
      Int32Array.from(failed.keys()),
      rowsY,
      k,
      barredOf(barred, order),
      NO_GUESS,
    );
    for (const [position, r] of failed.entries()) {
      const place = places[r];
      into.items.set(second.items.subarray(position * k, (position + 1) * k), place * k);
      into.scores.set(second.scores.subarray(position * k, (position + 1) * k), place * k);
      into.counts[place] = second.counts[position];
    }
  }
}

/** Joins lists of items, one a row, as kernels read them. */
export function joinLists(lists: readonly ArrayLike<number>[]): { offsets: Int32Array; ids: Int32Array } {
  const offsets = new Int32Array(lists.length + 1);
  for (let r = 0; r < lists.length; r++) offsets[r + 1] = offsets[r] + lists[r].length;
  const ids = new Int32Array(offsets[lists.length]);
  for (let r = 0; r < lists.length; r++) if (lists[r].length > 0) ids.set(lists[r], offsets[r]);
  return { offsets, ids };
}

/** Gives queries the number that stands beside the items' biases. */
function widen(network: Network, { width, bias, biasFactor }: Catalogue, rows: number, y: number): number {
  if (bias === 0) return y;
  const { memory } = network.engine;
  const dense = network.scorer.width;
  const wide = memory.planF32(rows * width);
  const to = memory.f32(wide, rows * width);
  const from = memory.f32(y, rows * dense);
  for (let r = 0; r < rows; r++) {
    to.set(from.subarray(r * dense, (r + 1) * dense), r * width);
    to[r * width + dense] = biasFactor;
  }
  return wide;
}
