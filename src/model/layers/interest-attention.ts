// Attention of the user's interest over the history: one weight a step, which later gates the recurrence. The interest vector
// (learned, last, mean, user) and the normalisation (sequence, causal) are independent choices; docs of the equations stand in
// assembly/kernel/attention.ts and interest.ts. A user's own vector is constant over a history; without one, `user` is `mean`.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import { lastRow, type PackedBatch } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import { AttentionScore, type ScoreInputs } from "./attention-score.ts";

const INTEREST = "attention.interest";
const USERS = "attention.users";

/** What forward leaves for backward. */
export interface AttentionTrace {
  /** w, f32[rows]. */
  weights: number;
  /** u, f32[B, D], or f32[rows, D] where it moves with the step. */
  interest: number;
  /** Ids that a gathered interest came from, i32[B]; 0 where it was not gathered. */
  ids: number;
  /** (max, sum) of each step, f32[rows, 2]; 0 unless the interest moves. */
  stats: number;
  scored: ScoreInputs;
}

/** The interest-attention stage of a composition. */
export class InterestAttention {
  readonly #width: number;
  readonly #byLength: number;
  /** Rows that a trained interest is gathered from: one for all, or one a user. */
  readonly #table: Parameter | undefined;
  readonly #score: AttentionScore;

  constructor(
    engine: Engine,
    readonly config: ModelConfig,
    parameters: Parameters,
    training: boolean,
  ) {
    this.#width = config.embedding;
    this.#byLength = config.scale === "length" ? 1 : 0;
    const name = tableName(config);
    this.#table = name === undefined ? undefined : parameters.get(name);
    this.#score = new AttentionScore(engine, config, parameters, training);
  }

  /** Declares the parameters this stage trains, for that many users with an interest of their own. */
  static specs(config: ModelConfig, users: number): ParameterSpec[] {
    const specs: ParameterSpec[] = [];
    if (config.interest === "none") return specs;
    const name = tableName(config);
    if (name) {
      const shape = config.interest === "user" ? [users, config.embedding] : [config.embedding];
      specs.push({ name, shape, init: { kind: "normal", size: config.initStd } });
    }
    return [...specs, ...AttentionScore.specs(config)];
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.#score.prepare();
  }

  /** Whether the interest differs from step to step, so that every pair of steps is scored. */
  #moves(rowOf: readonly number[] | undefined): boolean {
    return this.config.normalize === "causal" && this.config.interest !== "learned" && !rowOf;
  }

  /**
   * Weighs every row of a batch. `x` is f32[rows, D].
   * @param rowOf with `user` interest: the table's row of each history, in the caller's order; undefined if none of them has one
   */
  forward(engine: Engine, batch: PackedBatch, x: number, rowOf: readonly number[] | undefined): AttentionTrace {
    const { memory } = engine;
    const { sequences, steps, offsetsAt, rows } = batch;
    const weights = memory.planF32(rows);
    const width = this.#width;
    const byLength = this.#byLength;
    if (this.#moves(rowOf)) {
      const interest = this.#movingInterest(engine, batch, x);
      const scored = this.#score.forward(rows, x, rows, interest);
      const stats = memory.planF32(2 * rows);
      engine.each(
        "movingAttentionForwardF32",
        batch.work,
        1,
        steps,
        offsetsAt,
        width,
        scored.kind,
        byLength,
        scored.x,
        scored.u,
        scored.v,
        scored.c,
        weights,
        stats,
      );
      return { weights, interest, ids: 0, stats, scored };
    }
    const ids = this.#interestIds(engine, batch, rowOf);
    const interest = this.#interest(engine, batch, x, ids);
    const scored = this.#score.forward(rows, x, sequences, interest);
    const z = memory.planF32(rows);
    engine.each(
      "scoreForwardF32",
      batch.work,
      1,
      steps,
      offsetsAt,
      width,
      scored.kind,
      scored.x,
      scored.u,
      scored.v,
      scored.c,
      z,
    );
    if (this.config.normalize === "sequence")
      engine.each("softmaxSequenceForwardF32", batch.work, 1, steps, offsetsAt, byLength, z, weights);
    else engine.each("softmaxCausalForwardF32", batch.work, 1, steps, offsetsAt, byLength, z, weights, 0, 0);
    return { weights, interest, ids, stats: 0, scored };
  }

  /** Adds to dX, f32[rows, D], and to the parameters' gradients what dWeights, f32[rows] (used up), asks for. */
  backward(
    engine: TrainingEngine,
    batch: PackedBatch,
    x: number,
    trace: AttentionTrace,
    dWeights: number,
    dX: number,
  ): void {
    const { memory } = engine;
    const { sequences, steps, offsetsAt, rows } = batch;
    const { weights, interest, stats, scored } = trace;
    const { kind, v, c } = scored;
    const width = this.#width;
    const mark = memory.mark();
    if (stats > 0) {
      const sides = { rows, x, uRows: rows, u: interest, sequences };
      const dInterest = this.#score.backward(engine, scored, sides, dX, (dItems, dU, dV) =>
        engine.each(
          "movingAttentionBackwardF32",
          batch.work,
          1,
          steps,
          offsetsAt,
          width,
          kind,
          scored.x,
          scored.u,
          v,
          c,
          weights,
          stats,
          dWeights,
          dItems,
          dU,
          dV,
        ),
      );
      this.#movingInterestBackward(engine, batch, dInterest, dX);
      memory.release(mark);
      return;
    }
    const byLength = this.#byLength;
    const softmaxBackward =
      this.config.normalize === "sequence" ? "softmaxSequenceBackwardF32" : "softmaxCausalBackwardF32";
    engine.each(softmaxBackward, batch.work, 1, steps, offsetsAt, byLength, weights, dWeights, dWeights);
    const sides = { rows, x, uRows: sequences, u: interest, sequences };
    const dInterest = this.#score.backward(engine, scored, sides, dX, (dItems, dU, dV) =>
      engine.each(
        "scoreBackwardF32",
        batch.work,
        1,
        steps,
        offsetsAt,
        width,
        kind,
        scored.x,
        scored.u,
        v,
        c,
        dWeights,
        dItems,
        dU,
        dV,
      ),
    );
    this.#interestBackward(engine, batch, trace.ids, dInterest, dX);
    memory.release(mark);
  }

  /** Writes the interest of every step, f32[rows, D]: the item itself, or the mean so far. */
  #movingInterest(engine: Engine, batch: PackedBatch, x: number): number {
    if (this.config.interest === "last") return x;
    const interest = engine.memory.planF32(batch.rows * this.#width);
    engine.each("runningMeanForwardF32", batch.work, 1, batch.steps, batch.offsetsAt, this.#width, x, interest);
    return interest;
  }

  #movingInterestBackward(engine: TrainingEngine, batch: PackedBatch, dInterest: number, dX: number): void {
    const width = this.#width;
    if (this.config.interest === "last") {
      engine.each("addRowsF32", batch.rows, 1, width, dInterest, dX);
      return;
    }
    engine.each("runningMeanBackwardF32", batch.work, 1, batch.steps, batch.offsetsAt, width, dInterest, dX);
  }

  /** Writes the interest of every sequence, f32[B, D]. */
  #interest(engine: Engine, batch: PackedBatch, x: number, ids: number): number {
    const width = this.#width;
    const interest = engine.memory.planF32(batch.sequences * width);
    if (ids > 0) engine.each("gatherForwardF32", batch.sequences, 1, this.#table?.value ?? x, ids, width, interest);
    else engine.each("meanForwardF32", batch.work, 1, batch.steps, batch.offsetsAt, width, x, interest);
    return interest;
  }

  #interestBackward(engine: TrainingEngine, batch: PackedBatch, ids: number, dInterest: number, dX: number): void {
    const width = this.#width;
    if (ids === 0) {
      engine.each("meanBackwardF32", batch.work, 1, batch.steps, batch.offsetsAt, width, dInterest, dX);
      return;
    }
    const table = this.#table;
    engine.each(
      "gatherBackwardF32",
      table ? table.size / width : batch.rows,
      1,
      batch.sequences,
      dInterest,
      ids,
      width,
      table?.gradient ?? dX,
    );
  }

  /** Rows an interest is gathered from: one learned row for all, each user's, or each sequence's last; 0 for the mean. */
  #interestIds(engine: Engine, batch: PackedBatch, rowOf: readonly number[] | undefined): number {
    const { interest } = this.config;
    if (interest === "user") return rowOf ? engine.memory.place(batch.order.map((index) => rowOf[index])) : 0;
    if (interest === "mean") return 0;
    return engine.memory.place(batch.lengths.map((_, b) => (interest === "learned" ? 0 : lastRow(batch, b))));
  }
}

function tableName({ interest }: ModelConfig): string | undefined {
  if (interest === "learned") return INTEREST;
  return interest === "user" ? USERS : undefined;
}
