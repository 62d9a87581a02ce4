// The gradient of a table of which a step meets few rows: those rows alone, one after the other in the order they were met. What a
// step costs then does not depend on how long the table is.

import type { Memory } from "../wasm/memory.ts";

const UNMET = -1;

/** Gradients of the met rows of a table [V, D]. Its plan is part of a step's. */
export class RowGradient {
  /** Place of each row among the met ones, or UNMET. i32[V] */
  readonly #places: Int32Array;
  /** The met rows, in order. */
  #rows: number[] = [];
  /** Rows that training leaves as they are; undefined where there are none. */
  #frozen: Uint8Array | undefined;
  /** Called by `plan` before the rows are read, with those that are not frozen: an optimiser may have to bring them up to date. */
  onMet: ((rows: Int32Array) => void) | undefined;
  /** Address of the gradients, f32[met rows, D]. */
  at = 0;
  /** Address of which row each is, i32[met rows]; −1 where it is frozen. */
  rowsAt = 0;

  constructor(
    readonly memory: Memory,
    readonly rows: number,
    readonly width: number,
  ) {
    this.#places = new Int32Array(rows).fill(UNMET);
  }

  /** Number of met rows. */
  get count(): number {
    return this.#rows.length;
  }

  /** Forgets the rows of the step before. */
  begin(): void {
    for (const row of this.#rows) this.#places[row] = UNMET;
    this.#rows = [];
  }

  /** Meets rows; those it has met already keep their places. */
  meet(rows: ArrayLike<number>): void {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (this.#places[row] === UNMET) this.#places[row] = this.#rows.push(row) - 1;
    }
  }

  /** Plans the gradients of all rows met since `begin`, filled with zeros. */
  plan(): void {
    const { memory, width, count } = this;
    this.at = memory.planF32(count * width);
    memory.f32(this.at, count * width).fill(0);
    const trained = Int32Array.from(this.#rows, (row) => (this.isFrozen(row) ? UNMET : row));
    this.rowsAt = memory.place(trained);
    this.onMet?.(trained);
  }

  /** Plans the places of rows that were met, and returns their address, i32[rows]. */
  places(rows: ArrayLike<number>): number {
    return this.memory.place(Int32Array.from(rows, (row) => this.#places[row]));
  }

  /** Returns the place of a row, or −1. */
  placeOf(row: number): number {
    return this.#places[row];
  }

  /** Freezes rows [from, to). */
  freeze(from: number, to: number): void {
    this.#frozen ??= new Uint8Array(this.#places.length);
    this.#frozen.fill(1, from, to);
  }

  /** Tells whether training leaves a row as it is. */
  isFrozen(row: number): boolean {
    return this.#frozen?.[row] === 1;
  }

  /** Clears the gradients of frozen rows, before they count in a norm. */
  ignoreFrozen(): void {
    const { memory, width, at } = this;
    if (!this.#frozen) return;
    this.#rows.forEach((row, place) => {
      if (this.isFrozen(row)) memory.f32(at + 4 * place * width, width).fill(0);
    });
  }
}
