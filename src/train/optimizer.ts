// AdamW over all parameters at once, with the norm of the whole gradient clipped. Powers of β are running products, because
// the host's pow differs between engines.

import type { ModelConfig } from "../model/config.ts";
import type { Parameters } from "../model/parameters.ts";
import type { TrainingEngine } from "../wasm/engine.ts";

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
}

/** Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019), as torch.optim.AdamW. */
export class AdamW {
  readonly #moments: number;
  readonly #velocities: number;
  readonly #partials: number;
  readonly #chunks: number;
  #beta1Power = 1;
  #beta2Power = 1;

  /** Plans and clears the optimiser's state. */
  constructor(
    readonly engine: TrainingEngine,
    readonly parameters: Parameters,
    readonly config: ModelConfig,
  ) {
    const { memory } = engine;
    const { floats } = parameters;
    this.#chunks = Math.ceil(floats / CHUNK);
    this.#moments = memory.planF32(floats);
    this.#velocities = memory.planF32(floats);
    this.#partials = memory.planF64(this.#chunks);
    memory.f32(this.#moments, floats).fill(0);
    memory.f32(this.#velocities, floats).fill(0);
  }

  /** Copies what the optimiser remembers. */
  state(): AdamState {
    const copy = (at: number) => this.engine.memory.f32(at, this.parameters.floats).slice();
    return {
      moments: copy(this.#moments),
      velocities: copy(this.#velocities),
      beta1Power: this.#beta1Power,
      beta2Power: this.#beta2Power,
    };
  }

  /** Remembers what another one did. */
  restore({ moments, velocities, beta1Power, beta2Power }: AdamState): void {
    const { engine, parameters } = this;
    engine.memory.f32(this.#moments, parameters.floats).set(moments);
    engine.memory.f32(this.#velocities, parameters.floats).set(velocities);
    this.#beta1Power = beta1Power;
    this.#beta2Power = beta2Power;
  }

  /** Updates the parameters by their gradients, and clears these. Returns the norm of the gradient before clipping. */
  step(): number {
    const { engine, parameters, config } = this;
    const { floats, values, gradients } = parameters;
    parameters.ignoreFrozenGradients(engine.memory);
    engine.each("squaresF64", this.#chunks, 1, floats, gradients, this.#partials);
    let squares = 0;
    for (const partial of engine.memory.f64(this.#partials, this.#chunks)) squares += partial;
    const norm = Math.sqrt(squares);
    const gradientScale = config.clip > 0 ? Math.min(1, config.clip / (norm + CLIP_EPSILON)) : 1;
    this.#beta1Power *= BETA1;
    this.#beta2Power *= BETA2;
    engine.each(
      "adamF32",
      floats,
      4,
      values,
      gradients,
      this.#moments,
      this.#velocities,
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
    );
    parameters.restoreFrozen(engine.memory);
    return norm;
  }
}
