// The scorer ties output to input: the score of item j is <y, E_j>, with E the embedding table. V-wide rows of scores exist
// only a block at a time, and are never kept.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { Parameter } from "../parameters.ts";
import { addWeightGradient, multiply, pack, panelFloats, placesOf, rowMajor } from "./linear.ts";

/** Floats of scores worked on at once: 16 MiB. */
const BLOCK_FLOATS = 4_194_304;
/**
 * A block of R rows moves about 20 bytes a score for the scores, and 16·D/R for the table's panels and gradient: many rows that do
 * not stay in cache are faster than few that do.
 */
const MIN_BLOCK_ROWS = 16;
const MAX_BLOCK_ROWS = 64;

/** Scores whole catalogues against the embedding table. */
export class TiedScorer {
  readonly items: number;
  readonly width: number;
  /** Floats from one row of scores to the next. */
  readonly stride: number;
  /** Rows of scores worked on at once; depends on the shape alone. */
  readonly blockRows: number;
  /** Changes with the table, so that copies of it know when they are old. */
  version = 0;
  readonly #scorePanels: number;
  /** Whether the panels are those of the table as it is. */
  #packed = false;
  readonly #gradientPanels: number;

  constructor(
    readonly engine: Engine,
    readonly embedding: Parameter,
    readonly training: boolean,
  ) {
    [this.items, this.width] = embedding.shape;
    this.stride = Math.ceil(this.items / 8) * 8;
    const fitting = Math.floor(BLOCK_FLOATS / this.stride / 4) * 4;
    this.blockRows = Math.max(MIN_BLOCK_ROWS, Math.min(MAX_BLOCK_ROWS, fitting));
    this.#scorePanels = engine.memory.planF32(panelFloats(this.items, this.width));
    this.#gradientPanels = training ? engine.memory.planF32(panelFloats(this.width, this.items)) : 0;
  }

  /** Lays the table out again, after it changed; for answers alone, when more than one row is to be scored. */
  prepare(): void {
    this.version++;
    this.#packed = false;
    if (!this.training) return;
    const { engine, items, width, embedding } = this;
    this.#pack();
    pack(engine, width, items, embedding.value, width, 1, this.#gradientPanels);
  }

  #pack(): void {
    const { engine, items, width, embedding } = this;
    pack(engine, items, width, embedding.value, 1, width, this.#scorePanels);
    this.#packed = true;
  }

  /** Writes scores f32[rows, stride] of y f32[rows, D]; at most `blockRows` rows at a time. */
  score(rows: number, y: number, scores: number): void {
    if (!this.#packed && rows === 1) {
      const { engine, width } = this;
      this.embedding.eachPart((first, count, at) =>
        engine.each("scoreTableF32", count, 4, width, y, at, scores + 4 * first),
      );
      return;
    }
    if (!this.#packed) this.#pack();
    multiply(
      this.engine,
      rows,
      this.items,
      this.width,
      rowMajor(y, this.width),
      this.#scorePanels,
      scores,
      this.stride,
    );
  }

  /**
   * Writes the cross-entropy of each row, f32[rows], and dY, f32[rows, D]; adds to the table's gradient.
   * @param targets address of the item each row should have ranked first, i32[rows]
   * @param scale factor of every row's gradient: 1/count for a mean
   */
  crossEntropy(
    engine: TrainingEngine,
    rows: number,
    y: number,
    targets: number,
    scale: number,
    losses: number,
    dY: number,
  ): void {
    const { items, width, stride, blockRows } = this;
    const { memory } = engine;
    const mark = memory.mark();
    const scores = memory.planF32(Math.min(rows, blockRows) * stride);
    const yPanels = memory.planF32(panelFloats(width, Math.min(rows, blockRows)));
    const yScaled = memory.planF32(Math.min(rows, blockRows) * width);
    const factors = memory.planF32(Math.min(rows, blockRows));
    for (let first = 0; first < rows; first += blockRows) {
      const count = Math.min(blockRows, rows - first);
      const yBlock = y + 4 * first * width;
      this.score(count, yBlock, scores);
      const [target, loss] = [targets + 4 * first, losses + 4 * first];
      engine.each("crossEntropyF32", count, 1, items, stride, scores, target, scale, loss, factors);
      const dScores = rowMajor(scores, stride);
      const dYBlock = dY + 4 * first * width;
      multiply(engine, count, width, items, dScores, this.#gradientPanels, dYBlock, width);
      // The rows' factors go to D-wide rows: dY, and the y that makes the table's gradient.
      engine.each("scaleRowsF32", count, placesOf(width), width, dYBlock, width, factors, dYBlock, width);
      engine.each("scaleRowsF32", count, placesOf(width), width, yBlock, width, factors, yScaled, width);
      pack(engine, width, count, yScaled, width, 1, yPanels);
      addWeightGradient(engine, count, items, width, scores, stride, yPanels, this.embedding.gradient);
    }
    memory.release(mark);
  }
}
