// Item ids to vectors: rows of the embedding table, optionally with a learned position added, optionally layer-normalised
// (before attention: a norm after the weight would cancel it).

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { PackedBatch } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import { LayerNorm, type NormTrace } from "./layer-norm.ts";

const TABLE = "embedding.weight";
const POSITIONS = "positions.weight";
const NORM = "input_norm";

/** What forward leaves for backward. */
export interface EmbeddingTrace {
  /** X, f32[rows, D]. */
  x: number;
  norm: NormTrace | undefined;
}

/** The input stage of a composition. */
export class ItemEmbedding {
  readonly table: Parameter;
  readonly #width: number;
  readonly #positions: Parameter | undefined;
  readonly #norm: LayerNorm | undefined;

  constructor(engine: Engine, config: ModelConfig, parameters: Parameters) {
    this.table = parameters.get(TABLE);
    this.#width = config.embedding;
    this.#positions = config.positions === "learned" ? parameters.get(POSITIONS) : undefined;
    this.#norm = config.inputNorm === "layer" ? new LayerNorm(engine, parameters, NORM) : undefined;
  }

  /** Declares the parameters of a catalogue of `items`. */
  static specs(config: ModelConfig, items: number): ParameterSpec[] {
    const { embedding, window } = config;
    const init = { kind: "normal", size: config.initStd } as const;
    const specs: ParameterSpec[] = [{ name: TABLE, shape: [items, embedding], init }];
    if (config.positions === "learned") specs.push({ name: POSITIONS, shape: [window, embedding], init });
    if (config.inputNorm === "layer") specs.push(...LayerNorm.specs(NORM, embedding));
    return specs;
  }

  /** Embeds every row of a batch. */
  forward(engine: Engine, batch: PackedBatch): EmbeddingTrace {
    const { memory, kernels } = engine;
    const { rows, itemsAt, steps, offsetsAt } = batch;
    const width = this.#width;
    const raw = memory.planF32(rows * width);
    engine.each(rows, 1, (begin, end) => kernels.gatherForwardF32(begin, end, this.table.value, itemsAt, width, raw));
    const positions = this.#positions;
    if (positions) {
      engine.each(steps, 1, (begin, end) =>
        kernels.positionsForwardF32(begin, end, offsetsAt, width, positions.shape[0], positions.value, raw),
      );
    }
    const norm = this.#norm?.forward(rows, raw);
    return { x: norm ? norm.y : raw, norm };
  }

  /** Adds dX, f32[rows, D] (used up), to the gradients of the table and the norm. */
  backward(engine: TrainingEngine, batch: PackedBatch, trace: EmbeddingTrace, dX: number): void {
    const { kernels } = engine;
    const { rows, itemsAt, steps, offsetsAt } = batch;
    const width = this.#width;
    if (trace.norm) this.#norm!.backward(engine, rows, trace.norm, dX, dX);
    const positions = this.#positions;
    if (positions) {
      const window = positions.shape[0];
      engine.each(window, 1, (begin, end) =>
        kernels.positionsBackwardF32(begin, end, steps, offsetsAt, width, window, dX, positions.gradient),
      );
    }
    engine.each(this.table.shape[0], 1, (begin, end) =>
      kernels.gatherBackwardF32(begin, end, rows, dX, itemsAt, width, this.table.gradient),
    );
  }
}
