// W_ih·E of all items: where nothing but an attention weight stands between an item's embedding and the first recurrence, its product
// is the same wherever the item occurs, and is looked up. The same bits for half the products.

import type { Engine } from "../../wasm/engine.ts";
import type { Parameter } from "../parameters.ts";
import type { Sublayer } from "./sublayer.ts";

/** Floats of a table of first products: 64 MiB. */
const MOST_TABLE_FLOATS = 16_777_216;

/** The table of a network that only answers. */
export class FirstProducts {
  #at = 0;
  /** Whether it is of the weights as they are. */
  #current = false;
  /** Steps encoded with the weights as they are. */
  #steps = 0;

  constructor(
    readonly engine: Engine,
    readonly first: Sublayer,
    readonly table: Parameter,
  ) {}

  /** Whether a first sublayer has products that are worth a table of `items`. */
  static fits(first: Sublayer, items: number): boolean {
    const floats = items * first.tableWidth;
    return floats > 0 && floats <= MOST_TABLE_FLOATS;
  }

  /** f32[V, tableWidth]; 0 where products have to be computed. */
  get at(): number {
    return this.#current ? this.#at : 0;
  }

  /** Says that weights changed. */
  forget(): void {
    this.#current = false;
    this.#steps = 0;
  }

  /**
   * Says that `steps` more are to be encoded: once they are as many as the items, the table is filled.
   * @returns whether it was planned just now, and has to outlast the step
   */
  expect(steps: number): boolean {
    if (this.#current) return false;
    const { engine, first, table } = this;
    const [items] = table.shape;
    this.#steps += steps;
    if (this.#steps < items) return false;
    const isNew = this.#at === 0;
    if (isNew) this.#at = engine.memory.planF32(items * first.tableWidth);
    first.tabulate(items, table.value, this.#at);
    this.#current = true;
    return isNew;
  }
}
