/**
 * Vectors and matrices as plain nested arrays of f64, and the way to and from the flat arrays of the kernels.
 *
 * The twins in this folder are written to be read, not to be fast: one sequence at a time, no packing, no padding.
 */

/** Numbers in a row. */
export type Vector = number[];

/** Rows of equal width. A matrix without rows has no width. */
export type Matrix = Vector[];

/** Tensors by their names in a model file. */
export type Tensors = Record<string, Matrix | Vector>;

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

/** Tells a matrix from a vector; an empty one is a vector. */
export function isMatrix(value: Matrix | Vector): value is Matrix {
  return Array.isArray(value[0]);
}

/** Makes zeros in the shape of every tensor. */
export function zerosLike(tensors: Tensors): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => [
      name,
      isMatrix(value) ? zeroMatrix(value.length, value[0].length) : zeros(value.length),
    ]),
  );
}

/** Returns the tensors whose names start with a prefix, without it. They are not copied. */
export function tensorsUnder(tensors: Tensors, prefix: string): Tensors {
  const under = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(under.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Adds tensors to those of the same names and shapes: `target[prefix + name] += source[name]`. */
export function addTensors(target: Tensors, source: Tensors, prefix = ""): void {
  for (const [name, value] of Object.entries(source)) {
    const to = target[prefix + name];
    if (to === undefined) throw new RangeError(`addTensors: no tensor ${prefix}${name}`);
    if (isMatrix(value)) addMatrix(to as Matrix, value);
    else addScaled(to as Vector, value);
  }
}
