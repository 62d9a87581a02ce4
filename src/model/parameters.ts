// Where the trained numbers live. All parameters of a model are one block of floats, gradients and optimiser state are blocks
// of the same shape, so that one call updates everything and one rule names everything.

import type { Engine } from "../wasm/engine.ts";
import type { Memory } from "../wasm/memory.ts";
import { RowGradient } from "./row-gradient.ts";

/** How a parameter starts. `segments` overwrite parts of it, in floats. */
export interface Init {
  kind: "normal" | "uniform" | "constant";
  /** Standard deviation, half width or value. */
  size: number;
  segments?: readonly { from: number; to: number; value: number }[];
}

/** One trained tensor: name and shape as PyTorch would have them. */
export interface ParameterSpec {
  name: string;
  shape: readonly number[];
  init: Init;
  /** A table of which a step meets few rows; it comes first, if there is one. Its gradient is a RowGradient. */
  byRows?: boolean;
}

/** Addresses of one parameter. `gradient` is 0 in a model that does not train, and of a table whose gradient goes by rows. */
export interface Parameter extends ParameterSpec {
  /** Number of floats. */
  size: number;
  /** Floats before it in the block. */
  offset: number;
  value: number;
  gradient: number;
}

/** Places parameters one after the other, each from a multiple of four floats on. */
export function placeParameters(specs: readonly ParameterSpec[]) {
  let floats = 0;
  const placed = specs.map((spec) => {
    const size = spec.shape.reduce((product, n) => product * n, 1);
    const offset = floats;
    floats += Math.ceil(size / 4) * 4;
    return { ...spec, size, offset };
  });
  return { placed, floats };
}

/** A block of parameters in an engine's memory. */
export class Parameters {
  readonly list: readonly Parameter[];
  /** Floats in the block, alignment gaps (always zero) included. */
  readonly floats: number;
  readonly values: number;
  /** Floats at its beginning whose gradients go by rows. */
  readonly floatsByRows: number;
  /** Gradients of the other floats. */
  readonly gradients: number;
  /** Gradients of the table that goes by rows; undefined where none does. */
  readonly rows: RowGradient | undefined;
  readonly #byName: Map<string, Parameter>;
  /** Runs of floats that training leaves as they are, and what they are. */
  readonly #frozen: { from: number; values: Float32Array }[] = [];

  /** Plans the block, filled with zeros. With `training`, plans gradients of the same layout. */
  constructor(engine: Engine, specs: readonly ParameterSpec[], training: boolean) {
    const { placed, floats } = placeParameters(specs);
    const { memory } = engine;
    const [first, second] = placed;
    const byRows = training && first?.byRows;
    this.rows = byRows ? new RowGradient(memory, first.shape[0], first.shape[1]) : undefined;
    this.floats = floats;
    this.floatsByRows = byRows ? (second?.offset ?? floats) : 0;
    const whole = floats - this.floatsByRows;
    this.values = memory.planF32(floats);
    this.gradients = training ? memory.planF32(whole) : 0;
    memory.f32(this.values, floats).fill(0);
    if (training) memory.f32(this.gradients, whole).fill(0);
    this.list = placed.map((p) => ({
      ...p,
      value: this.values + p.offset * 4,
      gradient: training && p.offset >= this.floatsByRows ? this.gradients + (p.offset - this.floatsByRows) * 4 : 0,
    }));
    this.#byName = new Map(this.list.map((p) => [p.name, p]));
  }

  /** Returns the parameter of that name; the composition only asks for names it declared. */
  get(name: string): Parameter {
    return this.#byName.get(name)!;
  }

  /** Freezes floats [from, to) of the block at their present values. */
  freeze(memory: Memory, from: number, to: number): void {
    const { rows } = this;
    if (rows && from < this.floatsByRows) rows.freeze(from / rows.width, to / rows.width);
    else this.#frozen.push({ from, values: memory.f32(this.values, this.floats).slice(from, to) });
  }

  /** Clears the gradients of what is frozen, before they count in a norm. */
  ignoreFrozenGradients(memory: Memory): void {
    this.rows?.ignoreFrozen();
    const { floatsByRows } = this;
    for (const { from, values } of this.#frozen) {
      memory.f32(this.gradients + 4 * (from - floatsByRows), values.length).fill(0);
    }
  }

  /** Undoes what a step did to what is frozen: weight decay moves weights without a gradient too. */
  restoreFrozen(memory: Memory): void {
    if (this.#frozen.length === 0) return;
    const all = memory.f32(this.values, this.floats);
    for (const { from, values } of this.#frozen) all.set(values, from);
  }

  /** Number of floats, frozen ones too, without gaps. */
  get count(): number {
    return this.list.reduce((sum, p) => sum + p.size, 0);
  }
}
