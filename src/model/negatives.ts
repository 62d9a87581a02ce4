// Negatives: the items that stand for a whole catalogue in a training step. Item j is among them with probability π_j ≤ 1, half of it
// by how often j occurs and half the same for all, and then counts for 1/π_j items, so that a sum over the negatives is on average the
// sum over the catalogue. No item counts for more than 2·V/S.
//
// Items lie on a line, each π_j long; every piece of length one gives one draw, so that no part of the catalogue is left out of a step.
// Items with π_j = 1 are in every step. (Horvitz & Thompson, JASA 1952; stratified draws.)

import type { TrainingKernels } from "../wasm/kernels.ts";
import { NEGATIVES_STREAM } from "./streams.ts";

/** Share of the draws that all items are equally likely in. */
const UNIFORM_SHARE = 0.5;
/** Equal cells of a piece that a draw falls in. */
const CELLS = 1 << 30;
/** What rounding may take from a probability of 1. */
const ROUNDING = 1e-9;

/** The negatives of one step: distinct items, and how many items each stands for. */
export interface Negatives {
  items: Int32Array;
  weights: Float32Array;
}

/** Draws the negatives of each step. */
export class NegativeSampler {
  /** Items of every step. */
  readonly #certain: Int32Array;
  /** The other items, and where on the line each ends, in units of its pieces. f64[V − certain] */
  readonly #others: Int32Array;
  readonly #ends: Float64Array;
  /** Pieces of the line. */
  readonly #draws: number;

  /**
   * Lays the line out.
   * @param counts training events of each item, [V]
   * @param size S, negatives of a step; all items if there are fewer
   */
  constructor(counts: ArrayLike<number>, size: number) {
    const items = counts.length;
    let events = 0;
    for (let j = 0; j < items; j++) events += counts[j];
    const share = events > 0 ? UNIFORM_SHARE : 1;
    const chance = (j: number) => share / items + (events > 0 ? ((1 - share) * counts[j]) / events : 0);
    const isCertain = new Uint8Array(items);
    let certain = size < items ? 0 : items;
    if (certain > 0) isCertain.fill(1);
    // What is certain leaves fewer draws to fewer items, which makes more of them certain.
    let perChance = 0;
    for (let before = -1; certain < items && certain > before; ) {
      before = certain;
      let left = 0;
      for (let j = 0; j < items; j++) if (!isCertain[j]) left += chance(j);
      perChance = (size - certain) / left;
      for (let j = 0; j < items; j++) {
        if (isCertain[j] || chance(j) * perChance < 1 - ROUNDING) continue;
        isCertain[j] = 1;
        certain++;
      }
    }
    this.#certain = new Int32Array(certain);
    this.#others = new Int32Array(items - certain);
    this.#ends = new Float64Array(items - certain);
    this.#draws = Math.min(size, items) - certain;
    let end = 0;
    for (let j = 0, known = 0, other = 0; j < items; j++) {
      if (isCertain[j]) this.#certain[known++] = j;
      else {
        end += chance(j) * perChance;
        this.#others[other] = j;
        this.#ends[other++] = end;
      }
    }
  }

  /** Draws the negatives of a step. */
  draw(kernels: TrainingKernels, seed: number, step: number): Negatives {
    const ends = this.#ends;
    const items = new Int32Array(this.#certain.length + this.#draws);
    const weights = new Float32Array(items.length).fill(1, 0, this.#certain.length);
    items.set(this.#certain);
    let count = this.#certain.length;
    const piece = this.#draws > 0 ? ends[ends.length - 1] / this.#draws : 0;
    let last = -1;
    for (let i = 0; i < this.#draws; i++) {
      const cell = kernels.randomIndex(CELLS, seed, NEGATIVES_STREAM, step, i) >>> 0;
      const drawn = firstAfter(ends, (i + cell / CELLS) * piece);
      const weight = piece / (ends[drawn] - (drawn > 0 ? ends[drawn - 1] : 0));
      // An item in two pieces can be drawn twice, one after the other.
      if (drawn === last) weights[count - 1] += weight;
      else {
        items[count] = this.#others[drawn];
        weights[count++] = weight;
      }
      last = drawn;
    }
    return { items: items.subarray(0, count), weights: weights.subarray(0, count) };
  }
}

/** Returns the first place of a rising array that is above a value; the last place if none is. */
function firstAfter(rising: Float64Array, value: number): number {
  let low = 0;
  let high = rising.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
