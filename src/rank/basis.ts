// An orthonormal basis whose first axes hold most of a catalogue's variance, so that a few numbers of an item say how far its score
// can reach. Any basis is right, see docs/exact-ranking.md; this one is fast.

const ITERATIONS = 5;
const MOST_LEADING = 64;

/** A basis of R^width. */
export interface Basis {
  /** Axes as rows, f32[width, width]. */
  axes: Float32Array;
  /** ‖AᵀA − 1‖, at most: how far the axes, rounded to f32, are from orthonormal. */
  error: number;
}

/**
 * Finds a basis by orthogonal iteration.
 * @param moments second moments of the centred catalogue, f64[width, width]
 * @param share of the variance that half of the axes, the leading ones, have to hold
 * @returns undefined where they do not, so that turning the items would gain nothing
 */
export function findBasis(moments: Float64Array, width: number, share: number): Basis | undefined {
  const limit = Math.min(MOST_LEADING, Math.floor(width / 2));
  if (limit === 0) return undefined;
  const rows: Float64Array[] = [];
  for (let i = 0; i < limit; i++) rows.push(Float64Array.from({ length: width }, (_, k) => cosine(i, k)));
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    for (let i = 0; i < limit; i++) {
      rows[i] = multiply(moments, rows[i], width);
      if (!(orthonormalize(rows, i) > 0)) return undefined;
    }
  }
  let total = 0;
  for (let k = 0; k < width; k++) total += moments[k * width + k];
  let held = 0;
  for (const row of rows) held += dot(multiply(moments, row, width), row);
  if (held < share * total) return undefined;
  complete(rows, width);
  const axes = new Float32Array(width * width);
  for (const [i, row] of rows.entries()) axes.set(row, i * width);
  return { axes, error: distanceFromOrthonormal(axes, width) };
}

/** A start that no axis is likely to be orthogonal to. */
function cosine(i: number, k: number): number {
  return i === k ? 1 : ((Math.imul(i * 977 + k + 1, 0x9e3779b1) >>> 8) / 0x1000000 - 0.5) / 8;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function multiply(matrix: Float64Array, x: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width);
  for (let k = 0; k < width; k++) {
    const factor = x[k];
    for (let i = 0; i < width; i++) out[i] += factor * matrix[k * width + i];
  }
  return out;
}

/** Takes the earlier rows out of row i, twice for accuracy, and gives it length 1; returns the length it had left. */
function orthonormalize(rows: readonly Float64Array[], i: number): number {
  const own = rows[i];
  const before = Math.sqrt(dot(own, own));
  for (let pass = 0; pass < 2; pass++) {
    for (let j = 0; j < i; j++) {
      const along = dot(own, rows[j]);
      for (let k = 0; k < own.length; k++) own[k] -= along * rows[j][k];
    }
  }
  const length = Math.sqrt(dot(own, own));
  if (!(length > 1e-9 * before)) return 0;
  for (let k = 0; k < own.length; k++) own[k] /= length;
  return length / before;
}

/** Adds axes until they span the space: unit vectors that stick out far enough of what is there. */
function complete(rows: Float64Array[], width: number): void {
  for (let unit = 0; rows.length < width; unit = (unit + 1) % width) {
    const i = rows.length;
    const row = new Float64Array(width);
    row[unit] = 1;
    rows.push(row);
    // On average over all unit vectors the square of what sticks out is (width − i) / width.
    const left = orthonormalize(rows, i);
    if (left * left < (0.5 * (width - i)) / width) rows.pop();
  }
}

function distanceFromOrthonormal(axes: Float32Array, width: number): number {
  // AᵀA and AAᵀ are equally far from 1, as A is square.
  let square = 0;
  for (let i = 0; i < width; i++) {
    const a = axes.subarray(i * width, (i + 1) * width);
    for (let j = 0; j <= i; j++) {
      const b = axes.subarray(j * width, (j + 1) * width);
      let sum = i === j ? -1 : 0;
      for (let k = 0; k < width; k++) sum += a[k] * b[k];
      square += (i === j ? 1 : 2) * sum * sum;
    }
  }
  return Math.sqrt(square) + 1 / 0x10000000000;
}
