// The heads: one number instead of a ranking. A rating or the logit of a click is bias + b_j + <y, E_j>, with E the embedding
// table and y the encoder's output for the history before item j.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import { Linear } from "./linear.ts";

const BIAS = "head.bias";
const ITEM_BIAS = "head.item_bias";

/** What is predicted by a head. */
export type HeadTask = Exclude<ModelConfig["task"], "next">;

/** Turns scores f32[rows] into dScores in place, and writes the loss of each row. */
export function scoreLoss(
  engine: TrainingEngine,
  task: HeadTask,
  rows: number,
  scores: number,
  labels: number,
  scale: number,
  losses: number,
): void {
  const kernel = task === "rating" ? "squaredErrorF32" : "binaryCrossEntropyF32";
  engine.each(kernel, rows, 1, scores, labels, scale, losses);
}

/** Predicts a number for an item after a history. */
export class ItemHead {
  readonly bias: Parameter;
  readonly #itemBias: Parameter;
  /** Bias of each item and the common one together, f32[V]: what a whole row of scores gets. */
  readonly sums: number;

  constructor(
    readonly engine: Engine,
    readonly task: HeadTask,
    parameters: Parameters,
    readonly table: Parameter,
  ) {
    this.bias = parameters.get(BIAS);
    this.#itemBias = parameters.get(ITEM_BIAS);
    this.sums = engine.memory.planF32(table.shape[0]);
  }

  /** Declares the parameters of a catalogue of `items`. */
  static specs(items: number): ParameterSpec[] {
    const init = { kind: "constant", size: 0 } as const;
    return [
      { name: BIAS, shape: [1], init },
      { name: ITEM_BIAS, shape: [items], init },
    ];
  }

  /** Adds up the biases again, after they changed. */
  prepare(): void {
    const { memory } = this.engine;
    const items = this.table.shape[0];
    const shift = memory.f32(this.bias.value, 1)[0];
    const biases = memory.f32(this.#itemBias.value, items);
    memory.f32(this.sums, items).set(biases.map((bias) => shift + bias));
  }

  /** Writes the score of one item a row, f32[rows], of y f32[rows, D]. */
  score(rows: number, y: number, items: number, scores: number): void {
    const { engine, table, bias } = this;
    engine.each(
      "headForwardF32",
      rows,
      1,
      table.shape[1],
      y,
      items,
      table.value,
      this.#itemBias.value,
      bias.value,
      scores,
    );
  }

  /** Adds the biases to rows of scores of the whole catalogue, f32[rows, stride]. */
  addBias(rows: number, stride: number, scores: number): void {
    const { kernels } = this.engine;
    const items = this.table.shape[0];
    for (let r = 0; r < rows; r++) kernels.addRowsF32(0, 1, items, this.sums, scores + 4 * r * stride);
  }

  /** Writes the loss of each row, f32[rows], and dY, f32[rows, D]; adds to the gradients of table and biases. */
  loss(
    engine: TrainingEngine,
    rows: number,
    y: number,
    items: number,
    labels: number,
    scale: number,
    losses: number,
    dY: number,
  ): void {
    const { memory, kernels } = engine;
    const { table, bias } = this;
    const [count, width] = table.shape;
    const mark = memory.mark();
    const scores = memory.planF32(rows);
    this.score(rows, y, items, scores);
    scoreLoss(engine, this.task, rows, scores, labels, scale, losses);
    engine.each("headBackwardRowsF32", rows, 1, width, scores, items, table.value, dY);
    engine.each(
      "headBackwardItemsF32",
      count,
      1,
      rows,
      width,
      scores,
      items,
      y,
      table.gradient,
      this.#itemBias.gradient,
    );
    kernels.columnSumsF32(0, 1, rows, scores, 1, bias.gradient);
    memory.release(mark);
  }
}

const READOUT = "head.weight";

/** Predicts a number for a whole sequence: <w, output of its last step> + bias. */
export class SequenceHead {
  readonly bias: Parameter;
  readonly #linear: Linear;

  constructor(
    readonly engine: Engine,
    readonly task: HeadTask,
    parameters: Parameters,
    training: boolean,
  ) {
    this.bias = parameters.get(BIAS);
    this.#linear = new Linear(engine, parameters.get(READOUT), this.bias, training);
  }

  /** Declares the parameters of outputs H numbers wide. */
  static specs(hidden: number): ParameterSpec[] {
    return [
      { name: READOUT, shape: [1, hidden], init: { kind: "uniform", size: 1 / Math.sqrt(hidden) } },
      { name: BIAS, shape: [1], init: { kind: "constant", size: 0 } },
    ];
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.#linear.prepare();
  }

  /** Writes the score of each output f32[rows, H]. */
  score(rows: number, y: number, scores: number): void {
    this.#linear.forward(rows, y, scores);
  }

  /** Writes the loss of each row, f32[rows], and dY, f32[rows, H]; adds to the gradients. */
  loss(
    engine: TrainingEngine,
    rows: number,
    y: number,
    labels: number,
    scale: number,
    losses: number,
    dY: number,
  ): void {
    const { memory } = engine;
    const mark = memory.mark();
    const scores = memory.planF32(rows);
    this.score(rows, y, scores);
    scoreLoss(engine, this.task, rows, scores, labels, scale, losses);
    this.#linear.backward(engine, rows, y, scores, 1, dY);
    memory.release(mark);
  }
}
