// Layer normalisation of rows, with its two parameters; one class for every place a composition normalises at.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import { LINE_COLUMNS } from "./linear.ts";

const EPSILON = 1e-5;

/** What forward leaves for backward. */
export interface NormTrace {
  /** f32[rows, D] as it came. */
  x: number;
  /** f32[rows, D], normalised. */
  y: number;
  /** (mean, 1/std) of each row, f32[rows, 2]. */
  stats: number;
}

/** A layer norm named `name.weight`, `name.bias`. */
export class LayerNorm {
  readonly #gamma: Parameter;
  readonly #beta: Parameter;
  readonly #width: number;

  constructor(
    readonly engine: Engine,
    parameters: Parameters,
    name: string,
  ) {
    this.#gamma = parameters.get(`${name}.weight`);
    this.#beta = parameters.get(`${name}.bias`);
    this.#width = this.#gamma.size;
  }

  /** Declares the parameters of a norm over `width` numbers. */
  static specs(name: string, width: number): ParameterSpec[] {
    return [
      { name: `${name}.weight`, shape: [width], init: { kind: "constant", size: 1 } },
      { name: `${name}.bias`, shape: [width], init: { kind: "constant", size: 0 } },
    ];
  }

  /** Normalises f32[rows, D] into memory of its own. */
  forward(rows: number, x: number): NormTrace {
    const { engine } = this;
    const { memory } = engine;
    const width = this.#width;
    const y = memory.planF32(rows * width);
    const stats = memory.planF32(rows * 2);
    const [gamma, beta] = [this.#gamma.value, this.#beta.value];
    engine.each("layerNormForwardF32", rows, 1, width, x, gamma, beta, EPSILON, y, stats);
    return { x, y, stats };
  }

  /** Writes dx, f32[rows, D], which may be dy, and adds to the parameters' gradients. */
  backward(engine: TrainingEngine, rows: number, trace: NormTrace, dy: number, dx: number): void {
    const { x, stats } = trace;
    const width = this.#width;
    const [dGamma, dBeta] = [this.#gamma.gradient, this.#beta.gradient];
    engine.each("layerNormBackwardWeightsF32", width, LINE_COLUMNS, width, rows, x, stats, dy, dGamma, dBeta);
    engine.each("layerNormBackwardF32", rows, 1, width, x, this.#gamma.value, stats, dy, dx);
  }
}
