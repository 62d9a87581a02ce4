// Where the trained numbers live. All parameters of a model are one block of floats, gradients and optimiser state are blocks
// of the same shape, so that one call updates everything and one rule names everything.

import { UsageError } from "../errors.ts";
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

const bytesGone = (got: number, expected: number) =>
  new UsageError(
    "MODEL_BYTES_GONE",
    `model: its bytes now hold ${got} numbers of the item table, expected ${expected}. Do not transfer or resize what a model is read from; hand over a copy.`,
  );

/** Floats of a parameter that are brought into memory at once: 256 KiB, which stay in the second-level cache. */
const PART_FLOATS = 65_536;
/** Share of a parameter's rows up to which they are brought one by one. */
const FEW_ROWS = 1 / 64;

/** One parameter in memory. */
export class Parameter implements ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Numbers that are not in memory yet. */
  #elsewhere: Float32Array | undefined;

  /**
   * @param size number of floats
   * @param offset floats before it in the block
   * @param at its address
   * @param gradient address of its gradient; 0 in a model that does not train, and of a table whose gradient goes by rows
   */
  constructor(
    private readonly memory: Memory,
    { name, shape, init }: ParameterSpec,
    readonly size: number,
    readonly offset: number,
    private readonly at: number,
    readonly gradient: number,
  ) {
    this.name = name;
    this.shape = shape;
    this.init = init;
  }

  /** Its address. Numbers that were deferred are brought first. */
  get value(): number {
    const from = this.#deferred();
    if (from) {
      this.memory.f32(this.at, this.size).set(from);
      this.#elsewhere = undefined;
    }
    return this.at;
  }

  /** Numbers that are not in memory yet. @throws UsageError `MODEL_BYTES_GONE` where they are nowhere any more */
  #deferred(): Float32Array | undefined {
    if (this.#elsewhere && this.#elsewhere.length !== this.size) throw bytesGone(this.#elsewhere.length, this.size);
    return this.#elsewhere;
  }

  /**
   * Leaves the numbers where they are until they are asked for: memory that nobody touches costs nothing, and the first answers need
   * few rows of a large table, and each of the others once.
   */
  defer(numbers: Float32Array): void {
    this.#elsewhere = numbers;
  }

  /** Its address, where at least these rows are in place. */
  valueOfRows(rows: ArrayLike<number>): number {
    const [count] = this.shape;
    const from = this.#deferred();
    if (!from || rows.length > FEW_ROWS * count) return this.value;
    const width = this.size / count;
    for (let i = 0; i < rows.length; i++) {
      const first = rows[i] * width;
      this.memory.f32(this.at + 4 * first, width).set(from.subarray(first, first + width));
    }
    return this.at;
  }

  /** Shows all rows in order: at once where they are in place, else in parts, each while it is there. */
  eachPart(use: (first: number, count: number, at: number) => void): void {
    const [count] = this.shape;
    const from = this.#deferred();
    if (!from) {
      use(0, count, this.at);
      return;
    }
    const width = this.size / count;
    const most = Math.max(4, Math.floor(PART_FLOATS / width / 4) * 4);
    const mark = this.memory.mark();
    const part = this.memory.planF32(most * width);
    for (let first = 0; first < count; first += most) {
      const rows = Math.min(most, count - first);
      this.memory.f32(part, rows * width).set(from.subarray(first * width, (first + rows) * width));
      use(first, rows, part);
    }
    this.memory.release(mark);
  }
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

  /**
   * Plans the block. With `training` it is filled with zeros, and gradients of the same layout are planned; without, the caller
   * sets every parameter, and only the gaps are zero.
   */
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
    const values = memory.f32(this.values, floats);
    if (training) {
      values.fill(0);
      memory.f32(this.gradients, whole).fill(0);
    } else for (const { offset, size } of placed) values.fill(0, offset + size, Math.ceil((offset + size) / 4) * 4);
    this.list = placed.map((p) => {
      const place = p.offset - this.floatsByRows;
      const gradient = training && place >= 0 ? this.gradients + place * 4 : 0;
      return new Parameter(memory, p, p.size, p.offset, this.values + p.offset * 4, gradient);
    });
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
