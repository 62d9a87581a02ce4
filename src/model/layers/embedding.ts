// Item ids to vectors: rows of the embedding table, optionally times √D (Vaswani et al. 2017, §3.4), plus a projection of the
// features of each step where there are any (or that alone, without a catalogue), optionally with a learned position added,
// optionally layer-normalised (before attention: a norm after the weight would cancel it).

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import { type PackedBatch, placePositions } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import type { RowGradient } from "../row-gradient.ts";
import { LayerNorm, type NormTrace } from "./layer-norm.ts";
import { Linear } from "./linear.ts";

const TABLE = "embedding.weight";
const POSITIONS = "positions.weight";
const NORM = "input_norm";
const FEATURES = "feature_projection";

/** What forward leaves for backward. */
export interface EmbeddingTrace {
  /** X, f32[rows, D]. */
  x: number;
  norm: NormTrace | undefined;
  /** Address of the position of each row, i32[rows]; 0 without positions. */
  positionsAt: number;
}

/** The input stage of a composition. */
export class ItemEmbedding {
  /** Undefined where sequences have features but no items. */
  readonly table: Parameter | undefined;
  /** The table's gradient, where it goes by rows. */
  readonly #rows: RowGradient | undefined;
  readonly #width: number;
  readonly #scales: boolean;
  readonly #positions: Parameter | undefined;
  readonly #norm: LayerNorm | undefined;
  readonly #features: Linear | undefined;

  constructor(engine: Engine, config: ModelConfig, parameters: Parameters, items: number, training: boolean) {
    this.table = items > 0 ? parameters.get(TABLE) : undefined;
    this.#rows = parameters.rows;
    this.#width = config.embedding;
    this.#scales = config.embeddingScale === "width";
    this.#positions = config.positions === "learned" ? parameters.get(POSITIONS) : undefined;
    this.#norm = config.inputNorm === "layer" ? new LayerNorm(engine, parameters, NORM) : undefined;
    const projects = config.features > 0;
    const [weight, bias] = [`${FEATURES}.weight`, `${FEATURES}.bias`];
    this.#features = projects ? new Linear(engine, parameters.get(weight), parameters.get(bias), training) : undefined;
  }

  /** Whether what comes out of it for a row is the row of its item. */
  get isPlain(): boolean {
    return this.table !== undefined && !this.#scales && !this.#positions && !this.#norm && !this.#features;
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.#features?.prepare();
  }

  /** Declares the parameters of a catalogue of `items`. */
  static specs(config: ModelConfig, items: number): ParameterSpec[] {
    const { embedding, window, features } = config;
    const init = { kind: "normal", size: config.initStd } as const;
    const byRows = config.loss === "sampled";
    const specs: ParameterSpec[] = items > 0 ? [{ name: TABLE, shape: [items, embedding], init, byRows }] : [];
    if (config.positions === "learned") specs.push({ name: POSITIONS, shape: [window, embedding], init });
    if (config.inputNorm === "layer") specs.push(...LayerNorm.specs(NORM, embedding));
    if (features > 0) {
      const uniform = { kind: "uniform", size: 1 / Math.sqrt(features) } as const;
      specs.push({ name: `${FEATURES}.weight`, shape: [embedding, features], init: uniform });
      specs.push({ name: `${FEATURES}.bias`, shape: [embedding], init: uniform });
    }
    return specs;
  }

  /** Embeds every row of a batch. */
  forward(engine: Engine, batch: PackedBatch): EmbeddingTrace {
    const { memory } = engine;
    const { rows, itemsAt } = batch;
    const width = this.#width;
    const raw = memory.planF32(rows * width);
    const { table } = this;
    if (table) {
      const from = table.valueOfRows(memory.i32(itemsAt, rows));
      engine.each("gatherForwardF32", rows, 1, from, itemsAt, width, raw);
      this.#scale(engine, rows, raw);
    }
    if (this.#features) {
      const projected = table ? memory.planF32(rows * width) : raw;
      this.#features.forward(rows, batch.featuresAt, projected);
      if (table) engine.each("addRowsF32", rows, 1, width, projected, raw);
    }
    const positions = this.#positions;
    const positionsAt = positions ? placePositions(engine, batch, positions.shape[0]) : 0;
    if (positions) {
      const positioned = memory.planF32(rows * width);
      engine.each("gatherForwardF32", rows, 1, positions.value, positionsAt, width, positioned);
      engine.each("addRowsF32", rows, 1, width, positioned, raw);
    }
    const norm = this.#norm?.forward(rows, raw);
    return { x: norm ? norm.y : raw, norm, positionsAt };
  }

  /** Adds dX, f32[rows, D] (used up), to the gradients of the table and the norm. */
  backward(engine: TrainingEngine, batch: PackedBatch, trace: EmbeddingTrace, dX: number): void {
    const { memory } = engine;
    const { rows, itemsAt } = batch;
    const width = this.#width;
    if (trace.norm) this.#norm!.backward(engine, rows, trace.norm, dX, dX);
    const positions = this.#positions;
    if (positions) {
      const [window] = positions.shape;
      engine.each("gatherBackwardF32", window, 1, rows, dX, trace.positionsAt, width, positions.gradient);
    }
    if (this.#features) {
      const dFeatures = memory.planF32(rows * this.#features.width);
      this.#features.backward(engine, rows, batch.featuresAt, dX, width, dFeatures);
    }
    const { table } = this;
    if (!table) return;
    this.#scale(engine, rows, dX);
    const met = this.#rows;
    if (met) {
      const placesAt = met.places(memory.i32(itemsAt, rows));
      engine.each("gatherBackwardF32", met.count, 1, rows, dX, placesAt, width, met.at);
    } else engine.each("gatherBackwardF32", table.shape[0], 1, rows, dX, itemsAt, width, table.gradient);
  }

  /** Multiplies item rows, or their gradient, by √D where the config says so. */
  #scale(engine: Engine, rows: number, x: number): void {
    if (!this.#scales) return;
    const { memory } = engine;
    const mark = memory.mark();
    const factors = memory.planF32(rows);
    memory.f32(factors, rows).fill(Math.sqrt(this.#width));
    engine.each("scaleRowsF32", rows, 1, this.#width, x, this.#width, factors, x, this.#width);
    memory.release(mark);
  }
}
