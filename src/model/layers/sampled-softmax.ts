// Cross-entropy without the catalogue: the target's score among those of negatives that all rows of a step share. The weights of
// the negatives make the sum over them, on average, the sum over all items.

import type { TrainingEngine } from "../../wasm/engine.ts";
import { LEFT_OUT_BYTES, NO_COLUMN } from "../left-out.ts";
import { NegativeSampler, type Negatives } from "../negatives.ts";
import type { Parameter } from "../parameters.ts";
import type { RowGradient } from "../row-gradient.ts";
import { addWeightGradient, multiply, pack, panelFloats, rowMajor } from "./linear.ts";

/** Rows of scores worked on at once: they and the negatives' panels stay in the second-level cache. */
const BLOCK_ROWS = 64;

/** The negatives of a step, laid out for the products. */
interface Laid {
  count: number;
  /** Floats from one row of scores to the next. */
  stride: number;
  weights: number;
  scorePanels: number;
  gradientPanels: number;
}

/** The loss of a step's rows against sampled items. */
export class SampledSoftmax {
  #sampler: NegativeSampler;
  #laid: Laid | undefined;

  constructor(
    readonly table: Parameter,
    readonly rows: RowGradient,
    readonly negatives: number,
  ) {
    this.#sampler = new NegativeSampler(new Int32Array(table.shape[0]), negatives);
  }

  /** Draws from now on by how often items occur, i32[V]. */
  drawBy(counts: ArrayLike<number>): void {
    this.#sampler = new NegativeSampler(counts, this.negatives);
  }

  /** Draws the negatives of a step, and meets their rows: row j of the gradients is that of negative j. */
  draw(engine: TrainingEngine, seed: number, step: number): Negatives {
    this.rows.begin();
    const negatives = this.#sampler.draw(engine.kernels, seed, step);
    this.rows.meet(negatives.items);
    return negatives;
  }

  /** Lays the negatives of a step out; rows have been planned. */
  prepare(engine: TrainingEngine, { items, weights }: Negatives): void {
    const { memory } = engine;
    const [, width] = this.table.shape;
    const count = items.length;
    const laid: Laid = {
      count,
      stride: Math.ceil(count / 8) * 8,
      weights: memory.planF32(count),
      scorePanels: memory.planF32(panelFloats(count, width)),
      gradientPanels: memory.planF32(panelFloats(width, count)),
    };
    memory.f32(laid.weights, count).set(weights);
    const mark = memory.mark();
    const itemsAt = memory.place(items);
    const vectors = memory.planF32(count * width);
    engine.each("gatherForwardF32", count, 1, this.table.value, itemsAt, width, vectors);
    pack(engine, count, width, vectors, 1, width, laid.scorePanels);
    pack(engine, width, count, vectors, width, 1, laid.gradientPanels);
    memory.release(mark);
    this.#laid = laid;
  }

  /** Returns which of the step's negatives an item is, or NO_COLUMN. It has been met. */
  columnOf(item: number): number {
    const place = this.rows.placeOf(item);
    return place < this.#laid!.count ? place : NO_COLUMN;
  }

  /**
   * Writes the cross-entropy of each row, f32[rows], and dY, f32[rows, D]; adds to the gradients of the met rows.
   * @param targets the item each row should have ranked first, met before
   * @param leftOut address of which negatives each row is not compared with (left-out.ts), used up; 0 where it is compared with all
   * @param scale factor of every row's gradient: 1/count for a mean
   */
  crossEntropy(
    engine: TrainingEngine,
    rows: number,
    y: number,
    targets: ArrayLike<number>,
    leftOut: number,
    scale: number,
    losses: number,
    dY: number,
  ): void {
    const { memory } = engine;
    const { table, rows: met } = this;
    const [, width] = table.shape;
    const { count: negatives, stride, weights, scorePanels, gradientPanels } = this.#laid!;
    const mark = memory.mark();
    const targetsAt = memory.place(targets);
    const placesAt = met.places(targets);
    const ownAt = memory.place(Int32Array.from(targets, (item) => this.columnOf(item)));
    const targetVectors = memory.planF32(rows * width);
    const targetScores = memory.planF32(rows);
    const dTargets = memory.planF32(rows);
    engine.each("gatherForwardF32", rows, 1, table.value, targetsAt, width, targetVectors);
    engine.each("rowDotsF32", rows, 1, width, y, width, targetVectors, width, targetScores);
    const most = Math.min(rows, BLOCK_ROWS);
    const scores = memory.planF32(most * stride);
    const yPanels = memory.planF32(panelFloats(width, most));
    const yScaled = memory.planF32(rows * width);
    const factors = memory.planF32(most);
    for (let first = 0; first < rows; first += BLOCK_ROWS) {
      const count = Math.min(BLOCK_ROWS, rows - first);
      const [yBlock, dYBlock] = [y + 4 * first * width, dY + 4 * first * width];
      const [own, target, dTarget] = [ownAt, targetScores, dTargets].map((at) => at + 4 * first);
      multiply(engine, count, negatives, width, rowMajor(yBlock, width), scorePanels, scores, stride);
      if (leftOut !== 0) {
        engine.each("leaveOutF32", count, 1, negatives, leftOut + LEFT_OUT_BYTES * first, scores, 4 * stride, 4);
      }
      const loss = losses + 4 * first;
      engine.each(
        "sampledCrossEntropyF32",
        count,
        1,
        negatives,
        stride,
        scores,
        weights,
        own,
        target,
        scale,
        loss,
        factors,
        dTarget,
      );
      multiply(engine, count, width, negatives, rowMajor(scores, stride), gradientPanels, dYBlock, width);
      engine.each("scaleRowsF32", count, 1, width, dYBlock, width, factors, dYBlock, width);
      engine.each("scaleRowsF32", count, 1, width, yBlock, width, factors, yScaled, width);
      pack(engine, width, count, yScaled, width, 1, yPanels);
      addWeightGradient(engine, count, negatives, width, scores, stride, yPanels, met.at);
    }
    // The target's column: to y by the target's vector, to the target's row by y.
    engine.each("scaleRowsF32", rows, 1, width, targetVectors, width, dTargets, targetVectors, width);
    engine.each("addRowsF32", rows, 1, width, targetVectors, dY);
    engine.each("scaleRowsF32", rows, 1, width, y, width, dTargets, yScaled, width);
    engine.each("gatherBackwardF32", met.count, 1, rows, yScaled, placesAt, width, met.at);
    memory.release(mark);
  }
}
