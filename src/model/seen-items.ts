// Which items each step of a batch has behind it, for a loss over the others: lists that maskSeenF32 goes through.

import type { Memory } from "../wasm/memory.ts";
import type { PackedBatch } from "./packed.ts";

/** Numbers of a row: where its list stands and ends, its step, its target. */
const ROW_NUMBERS = 4;
/** Bytes of a row. */
export const SEEN_BYTES = 4 * ROW_NUMBERS;
const PAIR_BYTES = 8;
const NO_COLUMN = -1;

/** The trained rows of a window. */
export interface TrainedSteps {
  /** Which sequence of the batch each row is of, i32[rows]. */
  sequences: Int32Array;
  /** Step of each row, i32[rows]. */
  steps: Int32Array;
  /** Item that each row ranks first, i32[rows]. */
  targets: Int32Array;
}

/** The items of each history of a batch, with the step that brought each first. Lives until the plan is released. */
export class SeenItems {
  /** Address of each sequence's list, i32[·, 2], and of its end. u32[B, 2] */
  readonly #lists: Uint32Array;

  /**
   * @param histories in the caller's order
   * @param columnOf where the score of an item stands in a row, or −1 where it has none
   */
  constructor(
    readonly memory: Memory,
    batch: PackedBatch,
    histories: readonly ArrayLike<number>[],
    readonly columnOf: (item: number) => number,
  ) {
    this.#lists = new Uint32Array(2 * batch.sequences);
    for (let b = 0; b < batch.sequences; b++) {
      const { list, count } = firstSteps(histories[batch.order[b]], columnOf);
      const at = memory.place(list);
      this.#lists.set([at, at + PAIR_BYTES * count], 2 * b);
    }
  }

  /** Places what maskSeenF32 reads of each row, i32[rows, 4], and returns its address. */
  place({ sequences, steps, targets }: TrainedSteps): number {
    const rows = new Int32Array(ROW_NUMBERS * steps.length);
    for (let r = 0; r < steps.length; r++) {
      const b = sequences[r];
      rows.set([this.#lists[2 * b], this.#lists[2 * b + 1], steps[r], this.columnOf(targets[r])], ROW_NUMBERS * r);
    }
    return this.memory.place(rows);
  }
}

/**
 * Lists (column, first step) of the items of a history that have a column, by rising column: the first `count` pairs of i32[T, 2], which is
 * as long for any columns, so that a step can be planned before its negatives are known.
 */
function firstSteps(
  history: ArrayLike<number>,
  columnOf: (item: number) => number,
): { list: Int32Array; count: number } {
  const length = history.length;
  // Column and step in one number, as typed arrays of numbers sort fastest.
  const keys = Float64Array.from(history, (item, step) => {
    const column = columnOf(item);
    return column === NO_COLUMN ? Infinity : column * length + step;
  }).sort();
  const list = new Int32Array(2 * length);
  let count = 0;
  for (const key of keys) {
    if (key === Infinity) break;
    const column = Math.floor(key / length);
    if (count > 0 && list[2 * count - 2] === column) continue;
    list[2 * count] = column;
    list[2 * count + 1] = key - column * length;
    count++;
  }
  return { list, count };
}
