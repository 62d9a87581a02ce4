// Attention of the user's interest over the history: one weight a step, which later gates the recurrence. The interest vector
// (learned, last, mean) and the normalisation (sequence, causal) are independent choices; docs of the equations stand in
// assembly/kernel/attention.ts and interest.ts.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import { lastRow, type PackedBatch } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";

const INTEREST = "attention.interest";

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
}

/** The interest-attention stage of a composition. */
export class InterestAttention {
  readonly #width: number;
  readonly #byLength: number;
  readonly #learned: Parameter | undefined;

  constructor(
    readonly config: ModelConfig,
    parameters: Parameters,
  ) {
    this.#width = config.embedding;
    this.#byLength = config.scale === "length" ? 1 : 0;
    this.#learned = config.interest === "learned" ? parameters.get(INTEREST) : undefined;
  }

  /** Declares the parameters this stage trains. */
  static specs(config: ModelConfig): ParameterSpec[] {
    if (config.interest !== "learned") return [];
    return [{ name: INTEREST, shape: [config.embedding], init: { kind: "normal", size: config.initStd } }];
  }

  /** Whether the interest differs from step to step, so that every pair of steps is scored. */
  get moves(): boolean {
    return this.config.normalize === "causal" && this.config.interest !== "learned";
  }

  /** Weighs every row of a batch. `x` is f32[rows, D]. */
  forward(engine: Engine, batch: PackedBatch, x: number): AttentionTrace {
    const { memory, kernels } = engine;
    const { sequences, steps, offsetsAt, rows } = batch;
    const width = this.#width;
    const weights = memory.planF32(rows);
    const byLength = this.#byLength;
    if (this.moves) {
      const stats = memory.planF32(2 * rows);
      let interest = x;
      if (this.config.interest === "mean") {
        interest = memory.planF32(rows * width);
        engine.each(sequences, 1, (begin, end) =>
          kernels.runningMeanForwardF32(begin, end, steps, offsetsAt, width, x, interest),
        );
      }
      engine.each(sequences, 1, (begin, end) =>
        kernels.movingAttentionForwardF32(begin, end, steps, offsetsAt, width, byLength, x, interest, weights, stats),
      );
      return { weights, interest, ids: 0, stats };
    }
    const interest = memory.planF32(sequences * width);
    const ids = this.#interestIds(engine, batch);
    if (ids > 0) {
      const table = this.#learned?.value ?? x;
      engine.each(sequences, 1, (begin, end) => kernels.gatherForwardF32(begin, end, table, ids, width, interest));
    } else {
      engine.each(sequences, 1, (begin, end) =>
        kernels.meanForwardF32(begin, end, steps, offsetsAt, width, x, interest),
      );
    }
    const scores = memory.planF32(rows);
    engine.each(sequences, 1, (begin, end) =>
      kernels.dotScoreForwardF32(begin, end, steps, offsetsAt, width, x, interest, scores),
    );
    if (this.config.normalize === "sequence") {
      engine.each(sequences, 1, (begin, end) =>
        kernels.softmaxSequenceForwardF32(begin, end, steps, offsetsAt, byLength, scores, weights),
      );
    } else {
      engine.each(sequences, 1, (begin, end) =>
        kernels.softmaxCausalForwardF32(begin, end, steps, offsetsAt, byLength, scores, weights, 0, 0),
      );
    }
    return { weights, interest, ids, stats: 0 };
  }

  /** Adds to dX, f32[rows, D], and to the interest's gradient what dWeights, f32[rows], asks for. */
  backward(
    engine: TrainingEngine,
    batch: PackedBatch,
    x: number,
    trace: AttentionTrace,
    dWeights: number,
    dX: number,
  ): void {
    const { memory, kernels } = engine;
    const { sequences, steps, offsetsAt, rows } = batch;
    const { weights, interest, ids, stats } = trace;
    const width = this.#width;
    const byLength = this.#byLength;
    const mark = memory.mark();
    if (this.moves) {
      const dInterest = memory.planF32(rows * width);
      engine.each(sequences, 1, (begin, end) =>
        kernels.movingAttentionBackwardF32(
          begin,
          end,
          steps,
          offsetsAt,
          width,
          x,
          interest,
          weights,
          stats,
          dWeights,
          dX,
          dInterest,
        ),
      );
      if (this.config.interest === "mean") {
        engine.each(sequences, 1, (begin, end) =>
          kernels.runningMeanBackwardF32(begin, end, steps, offsetsAt, width, dInterest, dX),
        );
      } else {
        engine.each(rows, 1, (begin, end) => kernels.addRowsF32(begin, end, width, dInterest, dX));
      }
      memory.release(mark);
      return;
    }
    const softmaxBackward =
      this.config.normalize === "sequence" ? kernels.softmaxSequenceBackwardF32 : kernels.softmaxCausalBackwardF32;
    const dInterest = memory.planF32(sequences * width);
    engine.each(sequences, 1, (begin, end) =>
      softmaxBackward(begin, end, steps, offsetsAt, byLength, weights, dWeights, dWeights),
    );
    engine.each(sequences, 1, (begin, end) =>
      kernels.dotScoreBackwardF32(begin, end, steps, offsetsAt, width, x, interest, dWeights, dX, dInterest),
    );
    if (ids > 0) {
      const table = this.#learned?.gradient ?? dX;
      const tableRows = this.#learned ? 1 : rows;
      engine.each(tableRows, 1, (begin, end) =>
        kernels.gatherBackwardF32(begin, end, sequences, dInterest, ids, width, table),
      );
    } else {
      engine.each(sequences, 1, (begin, end) =>
        kernels.meanBackwardF32(begin, end, steps, offsetsAt, width, dInterest, dX),
      );
    }
    memory.release(mark);
  }

  /** Rows an interest is gathered from: one learned row for all, or each sequence's last; 0 for the mean. */
  #interestIds(engine: Engine, batch: PackedBatch): number {
    if (this.config.interest === "mean") return 0;
    const learned = this.#learned !== undefined;
    return engine.memory.place(batch.lengths.map((_, b) => (learned ? 0 : lastRow(batch, b))));
  }
}
