// The integer copy of a catalogue, for the pass that finds who can be in a list at all: items centred, turned into a basis whose
// first axes say most, sorted by length and, among items of like length, by direction, quantised a block at a time. docs/exact-ranking.md says why nothing is missed.

import { multiply, pack, panelFloats, rowMajor } from "../model/layers/linear.ts";
import type { Network } from "../model/network.ts";
import { type Scanner, scannerOf } from "../wasm/scanner.ts";
import { findBasis } from "./basis.ts";
import { orderByCells } from "./cells.ts";

/** Items of a block, as in assembly/kernel/quantize.ts. */
export const BLOCK_ITEMS = 64;
const PANEL_ITEMS = 8;
const BLOCK_BOUNDS = 8;
/** Blocks of items of like length that are turned, ordered by direction and quantised at once. */
const BAND_BLOCKS = 32;
/** The longest items stay as they are: they say soonest what a list is worth, whatever the direction of a query. */
const FIRST_BLOCKS = 4;
/** Items that the basis is made from, and a bound on the work for it. */
const SAMPLE_ITEMS = 2048;
const SAMPLE_PRODUCTS = 0x1000000;
/** Share of the variance that half of the axes have to hold for a basis to pay. */
const LEADING_SHARE = 0.8;
/** After which parts of its words the pass looks whether to go on with eight items. */
const STAGE_SHARES = [1 / 4, 1 / 2];
/** Widths beyond which a basis costs more than it gains. */
const MAX_BASIS_WIDTH = 512;
const MIN_BASIS_ITEMS = 256;
/** Lengths that all arithmetic of the bounds has room for: 2^±60. */
export const LONGEST = 0x1000000000000000;
export const SHORTEST = 1 / LONGEST;
/** Scales differ by no more than this between blocks. */
const SCALE_RANGE = 1 / 0x10000000000;
/** 2⁻¹⁴⁹, the smallest f32. */
const DENORMAL = 1.401298464324817e-45;

/** Where a network's integer copy lives: planned once, filled after every change of the weights. */
export interface CatalogueLayout {
  readonly scanner: Scanner;
  readonly blocks: number;
  /** Numbers an item is scored by: D, and one more for a bias. */
  readonly width: number;
  readonly words: number;
  /** Words of all items: those of the first stage of all, then of the second, and so on. */
  readonly panels: number;
  readonly bounds: number;
  /** Item at each position, i32[items]. */
  readonly order: number;
  /** Mean item, and second moments along the axes, f32[width] each. */
  readonly mean: number;
  readonly moments: number;
  /** Panels of the basis, or 0 where there is none. */
  readonly axes: number;
  /** Words after which each stage ends, i32[3]. */
  readonly stages: number;
}

/** A catalogue that the integer pass can read. */
export interface Catalogue extends CatalogueLayout {
  readonly items: number;
  /** Item biases, f32[items], or 0. */
  readonly bias: number;
  /** What a query has beside its D numbers where there are biases. */
  readonly biasFactor: number;
  /** Parts of a query's error bound. */
  readonly relativeError: number;
  readonly errorOfLength: number;
  readonly error: number;
  /** Where thresholds proved to lie, in deviations above the mean, by K. */
  readonly guesses: Map<number, number>;
}

/** Plans the integer copy of a network's catalogue above everything that is planned now. */
export function planCatalogue({ engine, scorer, head, items }: Network): CatalogueLayout {
  const { memory } = engine;
  const scanner = scannerOf(engine);
  const width = scorer.width + (head ? 1 : 0);
  const words = 2 * Math.ceil(width / scanner.perWord / 2);
  const blocks = Math.ceil(items / BLOCK_ITEMS);
  const mayTurn = items >= MIN_BASIS_ITEMS && width <= MAX_BASIS_WIDTH;
  return {
    scanner,
    blocks,
    width,
    words,
    panels: memory.planI32(blocks * BLOCK_ITEMS * words),
    bounds: memory.planF32(blocks * BLOCK_BOUNDS),
    order: memory.planI32(items),
    mean: memory.planF32(width),
    moments: memory.planF32(width),
    axes: mayTurn ? memory.planF32(panelFloats(width, width)) : 0,
    stages: memory.planI32(STAGE_SHARES.length + 1),
  };
}

/**
 * Fills the integer copy from the network's weights.
 * @param queryLength typical length of the queries
 * @returns undefined for a catalogue with numbers that are not finite, or too large or small for the bounds
 */
export function fillCatalogue(network: Network, layout: CatalogueLayout, queryLength: number): Catalogue | undefined {
  const { engine, scorer, head } = network;
  const { memory } = engine;
  const { items, width: dense } = scorer;
  const { blocks, width, words } = layout;
  const { perWord } = layout.scanner;
  const table = memory.f32(scorer.embedding.value, items * dense);
  const biases = head ? memory.f32(head.sums, items) : undefined;

  // 1. The mean, and the lengths of items with and without it.
  const { lengths, mean, longest, most, factor } = measure(table, biases, items, dense, queryLength);
  if (!lengths) return undefined;
  let longestCentred = 0;
  for (const length of lengths) longestCentred = Math.max(longestCentred, length);
  if (!(longestCentred > SHORTEST && longest < LONGEST && most < LONGEST && factor < LONGEST)) return undefined;

  // 2. The basis.
  const rowOf = (item: number, to: Float64Array | Float32Array, at: number) => {
    const from = item * dense;
    for (let k = 0; k < dense; k++) to[at + k] = table[from + k] - mean[k];
    if (biases) to[at + dense] = Math.fround(biases[item] / factor) - mean[dense];
  };
  const moments = secondMoments(items, width, rowOf);
  const basis = layout.axes !== 0 ? findBasis(moments, width, LEADING_SHARE) : undefined;

  // 3. The order: longest first.
  const order = sortByLength(lengths);

  // 4. What queries need.
  memory.i32(layout.stages, STAGE_SHARES.length + 1).set(stagesOf(words, basis !== undefined));
  memory.f32(layout.mean, width).set(mean);
  memory
    .f32(layout.moments, width)
    .set(Array.from({ length: width }, (_, i) => momentAlong(moments, basis?.axes, i, width)));
  const mark = memory.mark();
  if (basis) {
    const axes = memory.planF32(width * width);
    memory.f32(axes, width * width).set(basis.axes);
    pack(engine, width, width, axes, 1, width, layout.axes);
  }

  // 5. Bands: centre, turn, bring items that point the same way together, quantise.
  const bandItems = BAND_BLOCKS * BLOCK_ITEMS;
  const centred = memory.planF32(bandItems * width);
  const turned = basis ? memory.planF32(bandItems * width) : 0;
  const rows = memory.planI32(bandItems);
  const floor = (longestCentred * SCALE_RANGE) / (perWord === 2 ? 31600 : 63);
  const tableNow = memory.f32(scorer.embedding.value, items * dense);
  const biasesNow = head ? memory.f32(head.sums, items) : undefined;
  const band = memory.f32(centred, bandItems * width);
  for (let block = 0, next = FIRST_BLOCKS; block < blocks; block = next, next += BAND_BLOCKS) {
    const first = block * BLOCK_ITEMS;
    const count = Math.min(next * BLOCK_ITEMS, items) - first;
    for (let i = 0; i < count; i++) {
      const from = order[first + i] * dense;
      const to = i * width;
      for (let k = 0; k < dense; k++) band[to + k] = tableNow[from + k] - mean[k];
      if (biasesNow) band[to + dense] = Math.fround(biasesNow[order[first + i]] / factor) - mean[dense];
    }
    if (basis) {
      multiply(engine, count, width, width, rowMajor(centred, width), layout.axes, turned, width);
      const own = orderByCells(memory.f32(turned, count * width), count, width, block === 0 ? count : PANEL_ITEMS);
      order.set(
        own.map((row) => order[first + row]),
        first,
      );
      memory.i32(rows, count).set(own);
      engine.each("gatherForwardF32", count, 1, turned, rows, width, centred);
    }
    band.fill(0, count * width);
    engine.each(
      "quantizeItemsF32",
      Math.min(next, blocks) - block,
      1,
      perWord,
      width,
      layout.stages,
      floor,
      centred,
      blocks,
      block,
      layout.panels,
      layout.bounds,
    );
  }
  memory.i32(layout.order, items).set(order);
  memory.release(mark);

  // 6. What a query has to allow for: see the proof.
  const ulp = 1 / 0x1000000;
  const gamma = 1.01 * (width + 4) * ulp;
  const turning = basis ? gamma * Math.sqrt(width) * 1.01 + basis.error : 0;
  return {
    ...layout,
    items,
    axes: basis ? layout.axes : 0,
    bias: head ? head.sums : 0,
    biasFactor: factor,
    relativeError: 6 * turning + 1 / 0x20000,
    errorOfLength: gamma * longest + width * DENORMAL * 512,
    error: (1 / 0x200000) * most + width * DENORMAL * 8,
    guesses: new Map(),
  };
}

/** Where the stages of the pass end, the last ones with all words; without a basis there is one. */
function stagesOf(words: number, hasBasis: boolean): number[] {
  const stop = (share: number) => Math.min(words, 2 * Math.ceil((words * share) / 2));
  return [...STAGE_SHARES.map((share) => (hasBasis ? stop(share) : words)), words];
}

/** Measures a catalogue: the mean item, the length of each item without it, the longest item, the largest bias. */
function measure(
  table: Float32Array,
  biases: Float32Array | undefined,
  items: number,
  dense: number,
  queryLength: number,
) {
  const sums = new Float64Array(dense + 1);
  let most = 0;
  for (let item = 0, at = 0; item < items; item++) {
    for (let k = 0; k < dense; k++) sums[k] += table[at++];
    if (!biases) continue;
    sums[dense] += biases[item];
    most = Math.max(most, Math.abs(biases[item]));
  }
  const mean = new Float32Array(biases ? dense + 1 : dense);
  for (let k = 0; k < dense; k++) mean[k] = sums[k] / items;
  const squares = new Float64Array(items);
  let longest = 0;
  let squareSum = 0;
  let biasSum = 0;
  const biasMean = sums[dense] / items;
  for (let item = 0, at = 0; item < items; item++) {
    let square = 0;
    let centredSquare = 0;
    for (let k = 0; k < dense; k++) {
      const value = table[at++];
      const centred = value - mean[k];
      square += value * value;
      centredSquare += centred * centred;
    }
    if (!(square < Number.POSITIVE_INFINITY)) return { mean, longest: Number.POSITIVE_INFINITY, most, factor: 1 };
    longest = Math.max(longest, square);
    squares[item] = centredSquare;
    squareSum += centredSquare;
    if (biases) biasSum += squareOf(biases[item] - biasMean);
  }
  longest = Math.sqrt(longest);
  // A bias counts as one more number of the item, and as a factor of the query: the one that keeps both short.
  let factor = 1;
  if (biases) {
    const best = Math.sqrt(queryLength * Math.sqrt(biasSum / Math.max(squareSum, Number.MIN_VALUE)));
    if (best > SHORTEST && best < LONGEST) factor = Math.fround(best);
    mean[dense] = biasMean / factor;
    for (let item = 0; item < items; item++)
      squares[item] += squareOf(Math.fround(biases[item] / factor) - mean[dense]);
    longest = Math.sqrt(longest * longest + squareOf(most / factor));
    if (!(most < Number.POSITIVE_INFINITY)) longest = most;
  }
  const lengths = squares.map(Math.sqrt);
  return { lengths, mean, longest, most, factor };
}

/** Second moments of a sample of the centred items, f64[width, width]. */
function secondMoments(
  items: number,
  width: number,
  rowOf: (item: number, to: Float64Array, at: number) => void,
): Float64Array {
  const count = Math.max(1, Math.min(items, SAMPLE_ITEMS, Math.floor(SAMPLE_PRODUCTS / width / width)));
  const moments = new Float64Array(width * width);
  const row = new Float64Array(width);
  for (let i = 0; i < count; i++) {
    rowOf(Math.floor((i * items) / count), row, 0);
    for (let a = 0; a < width; a++) {
      const factor = row[a] / count;
      for (let b = 0; b <= a; b++) moments[a * width + b] += factor * row[b];
    }
  }
  for (let a = 0; a < width; a++) for (let b = 0; b < a; b++) moments[b * width + a] = moments[a * width + b];
  return moments;
}

function momentAlong(moments: Float64Array, axes: Float32Array | undefined, i: number, width: number): number {
  if (!axes) return moments[i * width + i];
  let sum = 0;
  for (let a = 0; a < width; a++) {
    let inner = 0;
    for (let b = 0; b < width; b++) inner += moments[a * width + b] * axes[i * width + b];
    sum += inner * axes[i * width + a];
  }
  return Math.max(0, sum);
}

/** Item indices by falling length, to within half a per cent; items of like length stay in order. */
function sortByLength(lengths: Float64Array): Int32Array {
  const bits = new Uint32Array(Float32Array.from(lengths).buffer);
  const starts = new Uint32Array(65_537);
  // The sign is 0; what is left of the exponent and the first bits of the fraction fill 16 bits.
  const bucketOf = (item: number) => 65_535 - (bits[item] >>> 15);
  for (let item = 0; item < bits.length; item++) starts[bucketOf(item) + 1]++;
  for (let bucket = 0; bucket < 65_536; bucket++) starts[bucket + 1] += starts[bucket];
  const order = new Int32Array(bits.length);
  for (let item = 0; item < bits.length; item++) order[starts[bucketOf(item)]++] = item;
  return order;
}

function squareOf(x: number): number {
  return x * x;
}
