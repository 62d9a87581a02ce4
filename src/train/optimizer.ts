// AdamW over all parameters at once, with the norm of the whole gradient clipped. Powers of β are running products, because
// the host's pow differs between engines.

import type { ModelConfig } from "../model/config.ts";
import type { Parameters } from "../model/parameters.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { OverdueSteps } from "./overdue.ts";

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** torch's clip_grad_norm_ adds this to the norm it divides by. */
const CLIP_EPSILON = 1e-6;
/** Floats in one partial sum of squares; CHUNK of assembly/kernel/optim.ts. */
const CHUNK = 1024;

/** What the optimiser remembers. */
export interface AdamState {
  moments: Float32Array;
  velocities: Float32Array;
  beta1Power: number;
  beta2Power: number;
  /** Steps that each row of a table that goes by rows has taken, i32[V]; undefined where none does. */
  rowSteps: Int32Array | undefined;
}

/** Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019), as torch.optim.AdamW. */
export class AdamW {
  readonly #moments: number;
  readonly #velocities: number;
  readonly #partials: number;
  #beta1Power = 1;
  #beta2Power = 1;
  #steps = 0;
  /** Of the table that goes by rows. */
  readonly #overdue: OverdueSteps | undefined;

  /** Plans and clears the optimiser's state. */
  constructor(
    readonly engine: TrainingEngine,
    readonly parameters: Parameters,
    readonly config: ModelConfig,
  ) {
    const { memory } = engine;
    const { floats } = parameters;
    this.#moments = memory.planF32(floats);
    this.#velocities = memory.planF32(floats);
    this.#partials = memory.planF64(Math.ceil((floats - parameters.floatsByRows) / CHUNK));
    memory.f32(this.#moments, floats).fill(0);
    memory.f32(this.#velocities, floats).fill(0);
    const { rows, values } = parameters;
    if (rows) {
      const { learningRate, weightDecay } = config;
      const table = { width: rows.width, values, moments: this.#moments, velocities: this.#velocities };
      const settings = { learningRate, weightDecay, beta1: BETA1, beta2: BETA2, epsilon: EPSILON };
      const overdue = new OverdueSteps(engine, table, rows.rows, settings);
      rows.onMet = (met) => overdue.catchUp(met, this.#steps);
      this.#overdue = overdue;
    }
  }

  /** Copies what the optimiser remembers. */
  state(): AdamState {
    const copy = (at: number) => this.engine.memory.f32(at, this.parameters.floats).slice();
    return {
      moments: copy(this.#moments),
      velocities: copy(this.#velocities),
      beta1Power: this.#beta1Power,
      beta2Power: this.#beta2Power,
      rowSteps: this.#overdue?.taken.slice(),
    };
  }

  /** Remembers what another one did in `steps` steps. */
  restore({ moments, velocities, beta1Power, beta2Power, rowSteps }: AdamState, steps: number): void {
    const { engine, parameters } = this;
    engine.memory.f32(this.#moments, parameters.floats).set(moments);
    engine.memory.f32(this.#velocities, parameters.floats).set(velocities);
    this.#beta1Power = beta1Power;
    this.#beta2Power = beta2Power;
    this.#steps = steps;
    if (rowSteps) this.#overdue?.taken.set(rowSteps);
  }

  /** Brings rows that steps did not meet to where these would have left them; call it before all weights are used. */
  catchUp(): void {
    this.#overdue?.catchUpAll(this.#steps, (row) => this.parameters.rows!.isFrozen(row));
  }

  /** Updates the parameters by their gradients, and clears these. Returns the norm of the gradient before clipping. */
  step(): number {
    const { engine, parameters, config } = this;
    const { floats, floatsByRows, values, gradients, rows } = parameters;
    const { memory } = engine;
    const whole = floats - floatsByRows;
    parameters.ignoreFrozenGradients(memory);
    let squares = this.#squares(whole, gradients, this.#partials);
    if (rows) {
      const mark = memory.mark();
      const count = rows.count * rows.width;
      squares += this.#squares(count, rows.at, memory.planF64(Math.ceil(count / CHUNK)));
      memory.release(mark);
    }
    const norm = Math.sqrt(squares);
    const gradientScale = config.clip > 0 ? Math.min(1, config.clip / (norm + CLIP_EPSILON)) : 1;
    this.#beta1Power *= BETA1;
    this.#beta2Power *= BETA2;
    const settings = [
      config.learningRate,
      BETA1,
      1 - BETA1,
      BETA2,
      1 - BETA2,
      EPSILON,
      config.weightDecay,
      1 - this.#beta1Power,
      1 - this.#beta2Power,
      gradientScale,
    ] as const;
    const [moments, velocities] = [this.#moments, this.#velocities];
    this.#steps++;
    if (rows) {
      const { count, width, rowsAt, at } = rows;
      engine.each("adamRowsF32", count, 1, width, rowsAt, values, at, moments, velocities, ...settings);
      this.#overdue!.took(memory.i32(rowsAt, count), this.#steps);
    }
    const first = 4 * floatsByRows;
    engine.each("adamF32", whole, 4, values + first, gradients, moments + first, velocities + first, ...settings);
    parameters.restoreFrozen(memory);
    return norm;
  }

  /** Adds up the squares of floats. */
  #squares(floats: number, at: number, partials: number): number {
    const chunks = Math.ceil(floats / CHUNK);
    this.engine.each("squaresF64", chunks, 1, floats, at, partials);
    let squares = 0;
    for (const partial of this.engine.memory.f64(partials, chunks)) squares += partial;
    return squares;
  }
}
