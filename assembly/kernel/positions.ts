// What     forward: x(t, b) += P[t mod window].  backward: dP[t mod window] += Σ_b dx(t, b).
// Source   learned positions of SASRec (Kang & McAuley, ICDM 2018), counted from the window's first step.
// Shapes   offsets i32[T + 1] · x, dx f32[rows, D] · table, dTable f32[window, D]
// Layout   packed rows (core/packed.ts), 16-byte aligned bases. The caller owns all memory.
// Writes   forward: rows of steps [begin, end) of x, accumulated (+=). backward: positions [begin, end) of dTable, (+=).
// Numerics f32 adds in row order.
// Limits   window ≥ 1.
// Cost     D flops a row.

import { aliveAt, stepRow } from "../core/packed";
import { addScaledF32 } from "../core/v128";

/** Adds its position to every row of steps [begin, end). */
export function positionsForwardF32(
  begin: i32,
  end: i32,
  offsets: usize,
  width: i32,
  window: i32,
  table: usize,
  x: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let t = begin; t < end; t++) {
    const position = table + <usize>(t % window) * rowBytes;
    const first = stepRow(t, offsets);
    const last = first + aliveAt(t, offsets);
    for (let row = first; row < last; row++) addScaledF32(x + <usize>row * rowBytes, position, 1, width);
  }
}

/** Adds the gradient of all rows at positions [begin, end). */
export function positionsBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  width: i32,
  window: i32,
  dx: usize,
  dTable: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let t = 0; t < steps; t++) {
    const position = t % window;
    if (position < begin || position >= end) continue;
    const first = stepRow(t, offsets);
    const last = first + aliveAt(t, offsets);
    for (let row = first; row < last; row++) {
      addScaledF32(dTable + <usize>position * rowBytes, dx + <usize>row * rowBytes, 1, width);
    }
  }
}
