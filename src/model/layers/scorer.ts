// The scorer ties output to input: the score of item j is <y, E_j>, with E the embedding table. V-wide rows of scores exist
// only a block at a time, and are never kept.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import { LEFT_OUT_BYTES } from "../left-out.ts";
import type { Parameter } from "../parameters.ts";
import { multiply, PANEL_COLUMNS, PIECE_ROWS, pack, panelFloats, rowMajor } from "./linear.ts";

/** Floats of scores worked on at once: 16 MiB. */
const BLOCK_FLOATS = 4_194_304;
/**
 * A block of R rows moves about 20 bytes a score for the scores, and 16·D/R for the table's panels and gradient: many rows that do
 * not stay in cache are faster than few that do.
 */
const MIN_BLOCK_ROWS = 16;
const MAX_BLOCK_ROWS = 64;
/** Rows of a block of the loss, and how many blocks a thread gets in one visit, where their scores fit. */
const MIN_LOSS_ROWS = PANEL_COLUMNS;
const MAX_LOSS_ROWS = 128;
const BLOCKS_PER_THREAD = 4;
/** Rows of the loss's sums: assembly/kernel/loss.ts. */
const SUMS = 7;

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

  /** Lays the table out again, after it changed: for the loss at once, for answers when more than one row is to be scored. */
  prepare(): void {
    this.version++;
    this.#packed = false;
    if (!this.training) return;
    const { engine, items, width, embedding } = this;
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
   * @param leftOut address of what each row is not compared with (left-out.ts), used up; 0 where it is compared with all items
   * @param scale factor of every row's gradient: 1/count for a mean
   */
  crossEntropy(
    engine: TrainingEngine,
    rows: number,
    y: number,
    targets: number,
    leftOut: number,
    scale: number,
    losses: number,
    dY: number,
  ): void {
    const { items, width, embedding } = this;
    const { memory, threads } = engine;
    const mark = memory.mark();
    const { mostRows, mostBlocks } = blocksOf(items, threads);
    const widthUp = panelFloats(width, 1);
    const blocks = Math.min(mostBlocks, Math.ceil(rows / MIN_LOSS_ROWS));
    const scores = memory.planF32(blocks * items * mostRows);
    const yPanels = memory.planF32(blocks * widthUp * mostRows);
    const sums = memory.planF32(blocks * SUMS * mostRows);
    let visits = Math.ceil(rows / (blocks * mostRows));
    for (let first = 0, count = 0; first < rows; first += count, visits--) {
      // Visits of about equal size: a last one of a few rows would take as long as one of many.
      count = Math.min(rows - first, wholePanels((rows - first) / visits));
      const blockRows = wholePanels(count / blocks);
      engine.each(
        "crossEntropyF32",
        Math.ceil(count / blockRows),
        1,
        count,
        blockRows,
        items,
        width,
        y + 4 * first * width,
        embedding.value,
        this.#gradientPanels,
        targets + 4 * first,
        leftOut && leftOut + LEFT_OUT_BYTES * first,
        scale,
        scores,
        yPanels,
        sums,
        losses + 4 * first,
        dY + 4 * first * width,
      );
      engine.each(
        "crossEntropyTableF32",
        items,
        PIECE_ROWS,
        count,
        blockRows,
        items,
        width,
        scores,
        yPanels,
        embedding.gradient,
      );
    }
    memory.release(mark);
  }
}

/** Rounds rows up to whole panels of the products they are columns of. */
function wholePanels(rows: number): number {
  return Math.ceil(rows / PANEL_COLUMNS) * PANEL_COLUMNS;
}

/**
 * Cuts the rows of a loss into blocks, one thread's work each, so that the scores of a visit fit: one for a thread alone, several for each of
 * more threads, so that one that is held up leaves the rest to the others.
 */
function blocksOf(items: number, threads: number): { mostRows: number; mostBlocks: number } {
  const fitting = Math.floor(BLOCK_FLOATS / items);
  const forEach = Math.floor(fitting / MAX_LOSS_ROWS / threads);
  const mostBlocks = threads === 1 ? 1 : threads * Math.max(1, Math.min(BLOCKS_PER_THREAD, forEach));
  const mostRows = Math.floor(fitting / mostBlocks / PANEL_COLUMNS) * PANEL_COLUMNS;
  return { mostRows: Math.max(MIN_LOSS_ROWS, Math.min(MAX_LOSS_ROWS, mostRows)), mostBlocks };
}
