/**
 * Vectors and matrices as plain nested arrays of f64, and the way to and from the flat arrays of the kernels.
 *
 * The twins in this folder are written to be read, not to be fast: one sequence at a time, no packing, no padding.
 */

/** Numbers in a row. */
export type Vector = number[];

/** Rows of equal width. A matrix without rows has no width. */
export type Matrix = Vector[];

/** Makes a vector of zeros. */
export function zeros(length: number): Vector {
  return new Array<number>(length).fill(0);
}

/** Makes a matrix of zeros. */
export function zeroMatrix(rows: number, columns: number): Matrix {
  return Array.from({ length: rows }, () => zeros(columns));
}

/** Cuts a flat row-major array (or heap view) into rows. */
export function fromFlat(data: ArrayLike<number>, rows: number, columns: number): Matrix {
  if (data.length !== rows * columns) {
    throw new RangeError(`fromFlat: ${data.length} numbers, expected ${rows * columns} for [${rows}, ${columns}]`);
  }
  return Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => data[r * columns + c]));
}

/** Joins rows into one row-major f64 array. */
export function toFlat(matrix: Matrix): Float64Array {
  return Float64Array.from(matrix.flat());
}

/** Returns `<a, b>`, k in order. */
export function dot(a: Vector, b: Vector): number {
  if (a.length !== b.length) throw new RangeError(`dot: ${a.length} and ${b.length} numbers`);
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

/** Adds `factor · source` to `target`: `target += factor · source`. */
export function addScaled(target: Vector, source: Vector, factor = 1): void {
  if (target.length !== source.length) throw new RangeError(`addScaled: ${target.length} and ${source.length} numbers`);
  for (let k = 0; k < target.length; k++) target[k] += factor * source[k];
}

/** Adds a matrix to another of its shape: `target += source`. */
export function addMatrix(target: Matrix, source: Matrix): void {
  if (target.length !== source.length) throw new RangeError(`addMatrix: ${target.length} and ${source.length} rows`);
  for (let r = 0; r < target.length; r++) addScaled(target[r], source[r]);
}

/** Returns `M · v`, one number for each row of M. */
export function multiplyVector(matrix: Matrix, vector: Vector): Vector {
  return matrix.map((row) => dot(row, vector));
}

/** Returns `Mᵀ · v` for a matrix of `columns` columns and a number for each of its rows. */
export function multiplyTransposed(matrix: Matrix, vector: Vector, columns: number): Vector {
  const product = zeros(columns);
  for (let r = 0; r < matrix.length; r++) addScaled(product, matrix[r], vector[r]);
  return product;
}

/** Adds the outer product: `target[r][c] += left[r] · right[c]`. */
export function addOuter(target: Matrix, left: Vector, right: Vector): void {
  for (let r = 0; r < left.length; r++) addScaled(target[r], right, left[r]);
}
