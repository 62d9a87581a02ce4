// Scores of items and interests, as interest attention asks for them. A kind is a number the kernels know, and for some kinds
// parameters: mlp maps both sides before they meet, gaussian has a width.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import { LINE_COLUMNS, Linear } from "./linear.ts";

/** Kinds as assembly/kernel/score.ts numbers them. */
const KINDS = { dot: 0, gaussian: 1, mlp: 2 } as const;
const PREFIX = "attention.score.";

/** What the pair kernels read: both sides after their maps, and the constants of the kind. */
export interface ScoreInputs {
  kind: number;
  /** Items, f32[rows, D]. */
  x: number;
  /** Interests, f32[uRows, D]. */
  u: number;
  /** Weights of mlp, f32[D]; 0 for other kinds. */
  v: number;
  /** 1/(2σ²) of gaussian; 0 for other kinds. */
  c: number;
}

/** The score of a composition's interest attention. */
export class AttentionScore {
  readonly #kind: ModelConfig["score"];
  readonly #width: number;
  readonly #fixedSigma: number;
  readonly #itemMap: Linear | undefined;
  readonly #interestMap: Linear | undefined;
  readonly #v: Parameter | undefined;
  readonly #logSigma: Parameter | undefined;

  constructor(
    readonly engine: Engine,
    config: ModelConfig,
    parameters: Parameters,
    training: boolean,
  ) {
    this.#kind = config.score;
    this.#width = config.embedding;
    this.#fixedSigma = config.sigma;
    const own = (name: string) => parameters.get(`${PREFIX}${name}`);
    if (config.score === "mlp") {
      this.#itemMap = new Linear(engine, own("w"), undefined, training);
      this.#interestMap = new Linear(engine, own("u"), own("b"), training);
      this.#v = own("v");
    }
    if (config.score === "gaussian" && config.sigma === 0) this.#logSigma = own("log_sigma");
  }

  /** Declares the parameters of the kind. */
  static specs({ score, sigma, embedding }: ModelConfig): ParameterSpec[] {
    const uniform = { kind: "uniform", size: 1 / Math.sqrt(embedding) } as const;
    const zero = { kind: "constant", size: 0 } as const;
    if (score === "mlp") {
      return [
        { name: `${PREFIX}w`, shape: [embedding, embedding], init: uniform },
        { name: `${PREFIX}u`, shape: [embedding, embedding], init: uniform },
        { name: `${PREFIX}b`, shape: [embedding], init: zero },
        { name: `${PREFIX}v`, shape: [embedding], init: uniform },
      ];
    }
    return score === "gaussian" && sigma === 0 ? [{ name: `${PREFIX}log_sigma`, shape: [1], init: zero }] : [];
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.#itemMap?.prepare();
    this.#interestMap?.prepare();
  }

  /** Maps both sides. */
  forward(rows: number, x: number, uRows: number, u: number): ScoreInputs {
    const { memory, kernels } = this.engine;
    const kind = KINDS[this.#kind];
    if (this.#itemMap && this.#interestMap) {
      const mappedX = memory.planF32(rows * this.#width);
      const mappedU = memory.planF32(uRows * this.#width);
      this.#itemMap.forward(rows, x, mappedX);
      this.#interestMap.forward(uRows, u, mappedU);
      return { kind, x: mappedX, u: mappedU, v: this.#v!.value, c: 0 };
    }
    if (this.#kind === "dot") return { kind, x, u, v: 0, c: 0 };
    const sigma = this.#logSigma ? kernels.expF64(memory.f32(this.#logSigma.value, 1)[0]) : this.#fixedSigma;
    return { kind, x, u, v: 0, c: 0.5 / (sigma * sigma) };
  }

  /**
   * Runs the pair kernel and takes its result back to both sides.
   * @param run called with addresses: dX of the mapped items (+=), dU of the mapped interests (overwritten), dV f32[B, D] (+=)
   * @param dX gradient of the items, f32[rows, D] (+=)
   * @returns address of the gradient of the interests, f32[uRows, D]
   */
  backward(
    engine: TrainingEngine,
    inputs: ScoreInputs,
    sides: { rows: number; x: number; uRows: number; u: number; sequences: number },
    dX: number,
    run: (dX: number, dU: number, dV: number) => void,
  ): number {
    const { memory } = engine;
    const { rows, x, uRows, u, sequences } = sides;
    const width = this.#width;
    const dU = memory.planF32(uRows * width);
    const dV = memory.planF32(sequences * width);
    memory.f32(dV, sequences * width).fill(0);
    if (!this.#itemMap || !this.#interestMap) {
      run(dX, dU, dV);
      if (this.#logSigma) {
        // z = −c·‖x − u‖² and c = e^{−2·log σ}/2, so ∂c/∂log σ = −2c.
        let dC = 0;
        for (let b = 0; b < sequences; b++) dC += memory.f32(dV + 4 * b * width, 1)[0];
        memory.f32(this.#logSigma.gradient, 1)[0] += -2 * inputs.c * dC;
      }
      return dU;
    }
    const dMappedX = memory.planF32(rows * width);
    const dMappedU = memory.planF32(uRows * width);
    memory.f32(dMappedX, rows * width).fill(0);
    run(dMappedX, dMappedU, dV);
    engine.each("columnSumsF32", width, LINE_COLUMNS, sequences, dV, width, this.#v!.gradient);
    const dItems = memory.planF32(rows * width);
    this.#itemMap.backward(engine, rows, x, dMappedX, width, dItems);
    engine.each("addRowsF32", rows, 1, width, dItems, dX);
    this.#interestMap.backward(engine, uRows, u, dMappedU, width, dU);
    return dU;
  }
}
