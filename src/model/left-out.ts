// What the loss leaves out of the rivals of a step (`rivals`): all its history holds, or its own item. leaveOutF32 goes through lists of
// (column, the step that brought it first).

import type { Memory } from "../wasm/memory.ts";
import type { PackedBatch } from "./packed.ts";

/** Numbers of a row: where its list stands and ends, its step, its target. */
const ROW_NUMBERS = 4;
/** Bytes of a row. */
export const LEFT_OUT_BYTES = 4 * ROW_NUMBERS;
const PAIR_BYTES = 8;
/** The column of an item that has no score in a row. */
export const NO_COLUMN = -1;

/** Returns where the score of an item stands in a row, or NO_COLUMN. */
export type ColumnOf = (item: number) => number;

/** The trained rows of a window. */
export interface TrainedSteps {
  /** Which sequence of the batch each row is of, i32[rows]. */
  sequences: Int32Array;
  /** Step of each row, i32[rows]. */
  steps: Int32Array;
  /** Item that each row ranks first, i32[rows]; never left out. */
  targets: Int32Array;
}

/** Lists for a batch; live until the plan is released. */
export interface LeftOut {
  /** Places what leaveOutF32 reads of each row, i32[rows, 4], and returns its address. */
  place(rows: TrainedSteps): number;
}

/** Leaves out what each history holds by then. */
export class SeenItems implements LeftOut {
  /** Address of each sequence's list, i32[·, 2], and of its end. u32[B, 2] */
  readonly #lists: Uint32Array;

  /** @param histories in the caller's order */
  constructor(
    readonly memory: Memory,
    batch: PackedBatch,
    histories: readonly ArrayLike<number>[],
    readonly columnOf: ColumnOf,
  ) {
    this.#lists = new Uint32Array(2 * batch.sequences);
    for (let b = 0; b < batch.sequences; b++) {
      const { list, count } = firstSteps(histories[batch.order[b]], columnOf);
      const at = memory.place(list);
      this.#lists.set([at, at + PAIR_BYTES * count], 2 * b);
    }
  }

  place({ sequences, steps, targets }: TrainedSteps): number {
    const rows = new Int32Array(ROW_NUMBERS * steps.length);
    for (let r = 0; r < steps.length; r++) {
      const [at, end] = this.#lists.subarray(2 * sequences[r], 2 * sequences[r] + 2);
      rows.set([at, end, steps[r], this.columnOf(targets[r])], ROW_NUMBERS * r);
    }
    return this.memory.place(rows);
  }
}

/** Leaves out the item of the step itself. */
export class CurrentItem implements LeftOut {
  /** @param histories in the caller's order */
  constructor(
    readonly memory: Memory,
    readonly batch: PackedBatch,
    readonly histories: readonly ArrayLike<number>[],
    readonly columnOf: ColumnOf,
  ) {}

  place({ sequences, steps, targets }: TrainedSteps): number {
    const { memory, batch, histories, columnOf } = this;
    const pairs = new Int32Array(2 * steps.length);
    const rows = new Int32Array(ROW_NUMBERS * steps.length);
    const pairsAt = memory.planI32(pairs.length);
    for (let r = 0; r < steps.length; r++) {
      const step = steps[r];
      const column = columnOf(histories[batch.order[sequences[r]]][step]);
      const at = pairsAt + PAIR_BYTES * r;
      pairs.set([column, step], 2 * r);
      rows.set([at, column === NO_COLUMN ? at : at + PAIR_BYTES, step, columnOf(targets[r])], ROW_NUMBERS * r);
    }
    memory.i32(pairsAt, pairs.length).set(pairs);
    return memory.place(rows);
  }
}

/**
 * Lists (column, first step) of the items of a history that have a column, by rising column: the first `count` pairs of i32[T, 2], which is
 * as long for any columns, so that a step can be planned before its negatives are known.
 */
function firstSteps(history: ArrayLike<number>, columnOf: ColumnOf): { list: Int32Array; count: number } {
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
