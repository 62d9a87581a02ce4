// AdamW for rows that few steps meet. A row that a step does not meet has no gradient there, but its momentum would still move it
// and both moments would fade. Those steps are taken all at once, just before the row is met again and at the end of each epoch,
// so that a step costs what the rows it meets cost, and an epoch ends as if every step had visited every row.
//
// In closed form: the i-th of k missed steps moves a weight by lr·√c₂/c₁ · β₁ⁱm / √(β₂ⁱv), and so, with ρ = β₁/√β₂, all of them by
// lr·√c₂/c₁ · m/√v · ρ(1 − ρᵏ)/(1 − ρ). c₁ and c₂ are those of the first missed step.

import type { TrainingEngine } from "../wasm/engine.ts";

/** Factors of a row, as assembly/kernel/optim.ts takes them. */
const FACTORS = 5;
/** Rows caught up at once where all of them are. */
const BLOCK_ROWS = 16_384;

/** What an AdamW is set to. */
export interface AdamSettings {
  learningRate: number;
  weightDecay: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** Where a table's rows and their moments are, f32[V, width] each. */
export interface AdamTable {
  width: number;
  values: number;
  moments: number;
  velocities: number;
}

/** Which steps the rows of a table have missed. */
export class OverdueSteps {
  /** Steps that each row has taken or caught up. i32[V] */
  readonly taken: Int32Array;

  constructor(
    readonly engine: TrainingEngine,
    readonly table: AdamTable,
    rows: number,
    readonly settings: AdamSettings,
  ) {
    this.taken = new Int32Array(rows);
  }

  /**
   * Takes the missed steps of some rows, so that they stand where `steps` steps leave them.
   * @param rows distinct rows; −1 is none
   */
  catchUp(rows: ArrayLike<number>, steps: number): void {
    const { engine, table, taken, settings } = this;
    const { memory } = engine;
    const late: number[] = [];
    for (let i = 0; i < rows.length; i++) if (rows[i] >= 0 && taken[rows[i]] < steps) late.push(rows[i]);
    if (late.length === 0) return;
    const mark = memory.mark();
    const idsAt = memory.place(late);
    const factorsAt = memory.planF32(FACTORS * late.length);
    const factors = memory.f32(factorsAt, FACTORS * late.length);
    const known = new Map<number, readonly number[]>();
    late.forEach((row, place) => {
      const own = known.get(taken[row]) ?? factorsOf(settings, taken[row], steps);
      known.set(taken[row], own);
      factors.set(own, FACTORS * place);
      taken[row] = steps;
    });
    const { width, values, moments, velocities } = table;
    const { epsilon } = settings;
    engine.each("catchUpRowsF32", late.length, 1, width, idsAt, values, moments, velocities, factorsAt, epsilon);
    memory.release(mark);
  }

  /** Notes that a step was taken with some rows; −1 is none. */
  took(rows: ArrayLike<number>, steps: number): void {
    for (let i = 0; i < rows.length; i++) if (rows[i] >= 0) this.taken[rows[i]] = steps;
  }

  /** Takes the missed steps of all rows but those that `isFrozen` says. */
  catchUpAll(steps: number, isFrozen: (row: number) => boolean): void {
    for (let first = 0; first < this.taken.length; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, this.taken.length - first);
      this.catchUp(
        Array.from({ length: count }, (_, i) => (isFrozen(first + i) ? -1 : first + i)),
        steps,
      );
    }
  }
}

/** Returns the factors of steps taken + 1 … steps: keep, β₁ᵏ, β₂ᵏ, step, root. */
function factorsOf(settings: AdamSettings, taken: number, steps: number): readonly number[] {
  const { learningRate, weightDecay, beta1, beta2 } = settings;
  const missed = steps - taken;
  const ratio = beta1 / Math.sqrt(beta2);
  const moves = (ratio * (1 - power(ratio, missed))) / (1 - ratio);
  const step = (learningRate / (1 - power(beta1, taken + 1))) * moves;
  const root = Math.sqrt(1 - power(beta2, taken + 1));
  return [power(1 - learningRate * weightDecay, missed), power(beta1, missed), power(beta2, missed), step, root];
}

/** Returns base^exponent for a whole exponent ≥ 0, by squaring: the host's pow differs between engines. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
