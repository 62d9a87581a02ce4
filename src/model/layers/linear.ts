// y = x·Wᵀ: the product inside every layer, with W as PyTorch stores it, [out, in]. Panels are W in the order the product
// reads it; they are laid out again whenever the weights have changed.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { Parameter } from "../parameters.ts";

/** Columns of a panel of gemmF32, and rows of a product that are worth a piece: two tiles. */
export const PANEL_COLUMNS = 16;
export const PIECE_ROWS = 4;
/** Columns that share a cache line: what columnSumsF32 works in. */
export const LINE_COLUMNS = 16;
/** Floats that are worth a second thread where each is only moved, or multiplied once: handing out a piece takes some microseconds. */
const PIECE_FLOATS = 16_384;

/** Returns how many places of `floats` floats each make a piece for another thread. */
export function placesOf(floats: number): number {
  return Math.ceil(PIECE_FLOATS / floats);
}

/** Floats that `pack` writes for a matrix of k rows and n columns. */
export function panelFloats(n: number, k: number): number {
  return Math.ceil(n / PANEL_COLUMNS) * PANEL_COLUMNS * k;
}

/** Lays out B (k rows, n columns, element (i, j) at b + 4·(i·step + j·column)) as panels at `to`. */
export function pack(engine: Engine, n: number, k: number, b: number, step: number, column: number, to: number): void {
  engine.each("packF32", Math.ceil(n / PANEL_COLUMNS), placesOf(PANEL_COLUMNS * k), n, k, b, step, column, to);
}

/** A row-major or transposed view of a matrix: element (i, k) at `at` + 4·(i·row + k·step). */
export interface MatrixView {
  at: number;
  row: number;
  step: number;
}

/** Multiplies: C[rows, n] = A[rows, k]·B, or adds to C. `c` is row-major with `cRow` floats from row to row. */
export function multiply(
  engine: Engine,
  rows: number,
  n: number,
  k: number,
  a: MatrixView,
  panels: number,
  c: number,
  cRow: number,
  accumulate = false,
): void {
  engine.each("gemmF32", rows, PIECE_ROWS, n, k, a.at, a.row, a.step, panels, c, cRow, accumulate ? 1 : 0);
}

/** Views a column block of a row-major matrix with `stride` floats a row. */
export function rowMajor(at: number, stride: number): MatrixView {
  return { at, row: stride, step: 1 };
}

/** Views the transpose of a row-major matrix. */
export function transposed(at: number, stride: number): MatrixView {
  return { at, row: 1, step: stride };
}

/** Adds dyᵀ·x to a weight gradient [out, in], given x as panels of `rows` steps. */
export function addWeightGradient(
  engine: Engine,
  rows: number,
  out: number,
  width: number,
  dy: number,
  dyStride: number,
  xPanels: number,
  gradient: number,
): void {
  multiply(engine, out, width, rows, transposed(dy, dyStride), xPanels, gradient, width, true);
}

/** A linear map over a parameter [out, in], with or without a bias [out]. */
export class Linear {
  readonly out: number;
  readonly width: number;
  readonly #forwardPanels: number;
  readonly #backwardPanels: number;

  constructor(
    readonly engine: Engine,
    readonly weight: Parameter,
    readonly bias: Parameter | undefined,
    readonly training: boolean,
  ) {
    [this.out, this.width] = weight.shape;
    this.#forwardPanels = engine.memory.planF32(panelFloats(this.out, this.width));
    this.#backwardPanels = training ? engine.memory.planF32(panelFloats(this.width, this.out)) : 0;
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    const { engine, out, width, weight } = this;
    pack(engine, out, width, weight.value, 1, width, this.#forwardPanels);
    if (this.training) pack(engine, width, out, weight.value, width, 1, this.#backwardPanels);
  }

  /** Writes y[rows, out] = x[rows, in]·Wᵀ + bias. */
  forward(rows: number, x: number, y: number): void {
    const { engine, out, width, bias } = this;
    multiply(engine, rows, out, width, rowMajor(x, width), this.#forwardPanels, y, out);
    if (bias) engine.each("addBiasF32", rows, placesOf(out), out, bias.value, y);
  }

  /** Writes dx[rows, in] = dy·W, and adds dyᵀ·x and the sum of dy to the gradients. */
  backward(engine: TrainingEngine, rows: number, x: number, dy: number, dyStride: number, dx: number): void {
    const mark = engine.memory.mark();
    const xPanels = engine.memory.planF32(panelFloats(this.width, rows));
    pack(engine, this.width, rows, x, this.width, 1, xPanels);
    addWeightGradient(engine, rows, this.out, this.width, dy, dyStride, xPanels, this.weight.gradient);
    engine.memory.release(mark);
    const { bias } = this;
    if (bias) {
      engine.each("columnSumsF32", this.out, LINE_COLUMNS, rows, dy, dyStride, bias.gradient);
    }
    multiply(engine, rows, this.width, this.out, rowMajor(dy, dyStride), this.#backwardPanels, dx, this.width);
  }
}
