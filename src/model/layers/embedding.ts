// Item ids to vectors: rows of the embedding table, optionally layer-normalised (before attention: a norm after the weight
// would cancel it).

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { PackedBatch } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";

const TABLE = "embedding.weight";
const GAMMA = "input_norm.weight";
const BETA = "input_norm.bias";
const EPSILON = 1e-5;

/** What forward leaves for backward. */
export interface EmbeddingTrace {
  /** X, f32[rows, D]. */
  x: number;
  /** Rows before the norm, f32[rows, D]; x itself without a norm. */
  raw: number;
  /** (mean, 1/std) of each row, f32[rows, 2]; 0 without a norm. */
  stats: number;
}

/** The input stage of a composition. */
export class ItemEmbedding {
  readonly table: Parameter;
  readonly #width: number;
  readonly #gamma: Parameter | undefined;
  readonly #beta: Parameter | undefined;

  constructor(config: ModelConfig, parameters: Parameters) {
    this.table = parameters.get(TABLE);
    this.#width = config.embedding;
    const norm = config.inputNorm === "layer";
    this.#gamma = norm ? parameters.get(GAMMA) : undefined;
    this.#beta = norm ? parameters.get(BETA) : undefined;
  }

  /** Declares the parameters of a catalogue of `items`. */
  static specs(config: ModelConfig, items: number): ParameterSpec[] {
    const { embedding } = config;
    const specs: ParameterSpec[] = [
      { name: TABLE, shape: [items, embedding], init: { kind: "normal", size: config.initStd } },
    ];
    if (config.inputNorm === "layer") {
      specs.push({ name: GAMMA, shape: [embedding], init: { kind: "constant", size: 1 } });
      specs.push({ name: BETA, shape: [embedding], init: { kind: "constant", size: 0 } });
    }
    return specs;
  }

  /** Embeds every row of a batch. */
  forward(engine: Engine, batch: PackedBatch): EmbeddingTrace {
    const { memory, kernels } = engine;
    const { rows, itemsAt } = batch;
    const width = this.#width;
    const raw = memory.planF32(rows * width);
    engine.each(rows, 1, (begin, end) => kernels.gatherForwardF32(begin, end, this.table.value, itemsAt, width, raw));
    if (!this.#gamma || !this.#beta) return { x: raw, raw, stats: 0 };
    const x = memory.planF32(rows * width);
    const stats = memory.planF32(rows * 2);
    const gamma = this.#gamma.value;
    const beta = this.#beta.value;
    engine.each(rows, 1, (begin, end) =>
      kernels.layerNormForwardF32(begin, end, width, raw, gamma, beta, EPSILON, x, stats),
    );
    return { x, raw, stats };
  }

  /** Adds dX, f32[rows, D] (used up), to the gradients of the table and the norm. */
  backward(engine: TrainingEngine, batch: PackedBatch, trace: EmbeddingTrace, dX: number): void {
    const { kernels } = engine;
    const { rows, itemsAt } = batch;
    const width = this.#width;
    if (this.#gamma && this.#beta) {
      const { raw, stats } = trace;
      const gamma = this.#gamma;
      const beta = this.#beta;
      engine.each(width, 4, (begin, end) =>
        kernels.layerNormBackwardWeightsF32(begin, end, width, rows, raw, stats, dX, gamma.gradient, beta.gradient),
      );
      engine.each(rows, 1, (begin, end) =>
        kernels.layerNormBackwardF32(begin, end, width, raw, gamma.value, stats, dX, dX),
      );
    }
    engine.each(this.table.shape[0], 1, (begin, end) =>
      kernels.gatherBackwardF32(begin, end, rows, dX, itemsAt, width, this.table.gradient),
    );
  }
}
