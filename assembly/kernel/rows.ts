// What     addRows: y += x.  columnSums: out[d] += Σ_r x[r,d].  rowDots: out[r] = Σ_d a[r,d]·b[r,d].
//          scaleRows: out[r] = s[r]·x[r].  addBias: y[r,d] += bias[d].  previousRows: out(t,b) = h(t − 1, b), or state(b) at t = 0.
// Source   the pieces every backward pass needs between two products.
// Shapes   x, y f32[rows, stride ≥ width] · a f32[rows, aStride] · b f32[rows, bStride] · s, out f32[rows] · bias f32[width] ·
//          offsets i32[T + 1] · state f32[B, width]
// Layout   16-byte aligned bases; strides in floats, so that a column block of a wider matrix can be named.
// Writes   rows [begin, end) (columnSums: columns [begin, end); previousRows: steps [begin, end)); columnSums and addRows accumulate (+=), the rest overwrite.
// Numerics f32; columns add rows in order, 16 at a time in registers; row dots as dotF32 orders them.
// Limits   byte offsets below 2^32.
// Cost     memory bound.  npm run bench -- kernel

import { aliveAt, stepRow } from "../core/packed";
import { addScaledF32, dotF32, loadLanes, storeLanes } from "../core/v128";

/** Adds x to y, rows [begin, end). */
export function addRowsF32(begin: i32, end: i32, width: i32, x: usize, y: usize): void {
  for (let r = begin; r < end; r++) {
    const at = (<usize>r * <usize>width) << 2;
    addScaledF32(y + at, x + at, 1, width);
  }
}

/** Adds the sum over all rows to out, columns [begin, end). */
export function columnSumsF32(begin: i32, end: i32, rows: i32, x: usize, stride: i32, out: usize): void {
  const rowBytes = (<usize>stride) << 2;
  let column = begin;
  // Sums stay in registers: threads whose columns share a cache line would pass it to and fro at every row.
  for (; column + 16 <= end; column += 16) {
    const at = (<usize>column) << 2;
    let s0 = v128.load(out + at);
    let s1 = v128.load(out + at, 16);
    let s2 = v128.load(out + at, 32);
    let s3 = v128.load(out + at, 48);
    let from = x + at;
    for (let r = 0; r < rows; r++) {
      s0 = f32x4.add(s0, v128.load(from));
      s1 = f32x4.add(s1, v128.load(from, 16));
      s2 = f32x4.add(s2, v128.load(from, 32));
      s3 = f32x4.add(s3, v128.load(from, 48));
      from += rowBytes;
    }
    v128.store(out + at, s0);
    v128.store(out + at, s1, 16);
    v128.store(out + at, s2, 32);
    v128.store(out + at, s3, 48);
  }
  for (; column < end; column += 4) {
    const at = (<usize>column) << 2;
    let sumOfRows = loadLanes(out + at, end - column);
    let from = x + at;
    for (let r = 0; r < rows; r++) {
      sumOfRows = f32x4.add(sumOfRows, loadLanes(from, end - column));
      from += rowBytes;
    }
    storeLanes(out + at, sumOfRows, end - column);
  }
}

/** Writes the dot product of each pair of rows [begin, end). */
export function rowDotsF32(
  begin: i32,
  end: i32,
  width: i32,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  out: usize,
): void {
  for (let r = begin; r < end; r++) {
    const aRow = a + ((<usize>r * <usize>aStride) << 2);
    const bRow = b + ((<usize>r * <usize>bStride) << 2);
    store<f32>(out + ((<usize>r) << 2), dotF32(aRow, bRow, width));
  }
}

/** Writes each of the rows [begin, end) times its own factor; `out` may be x. */
export function scaleRowsF32(
  begin: i32,
  end: i32,
  width: i32,
  x: usize,
  stride: i32,
  factors: usize,
  out: usize,
  outStride: i32,
): void {
  for (let r = begin; r < end; r++) {
    const row = x + ((<usize>r * <usize>stride) << 2);
    const outRow = out + ((<usize>r * <usize>outStride) << 2);
    const factorF32x4 = v128.load32_splat(factors + ((<usize>r) << 2));
    for (let d = 0; d < width; d += 4) {
      const at = (<usize>d) << 2;
      storeLanes(outRow + at, f32x4.mul(loadLanes(row + at, width - d), factorF32x4), width - d);
    }
  }
}

/** Adds one bias row to each of the rows [begin, end). */
export function addBiasF32(begin: i32, end: i32, width: i32, bias: usize, y: usize): void {
  for (let r = begin; r < end; r++) addScaledF32(y + ((<usize>r * <usize>width) << 2), bias, 1, width);
}

/** Writes for every packed row what stood one step earlier, for steps [begin, end). */
export function previousRowsF32(
  begin: i32,
  end: i32,
  offsets: usize,
  width: i32,
  state: usize,
  h: usize,
  out: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let t = begin; t < end; t++) {
    const from = t > 0 ? h + <usize>stepRow(t - 1, offsets) * rowBytes : state;
    memory.copy(out + <usize>stepRow(t, offsets) * rowBytes, from, <usize>aliveAt(t, offsets) * rowBytes);
  }
}
