/** Elementary functions, distances between floats, and the normal distribution, in f64. */

/** Returns e^x. */
export function exp(x: number): number {
  return Math.exp(x);
}

/** Returns σ(x) = 1 / (1 + e^−x), without overflow at either end. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** Returns tanh(x). */
export function tanh(x: number): number {
  return Math.tanh(x);
}

/** Returns log Σ e^{x_i} by way of the largest; −Infinity for no numbers. */
export function logSumExp(values: readonly number[]): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) largest = Math.max(largest, value);
  if (largest === Number.NEGATIVE_INFINITY) return largest;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}

/**
 * Counts the f32 numbers between two numbers, both rounded to f32 first.
 *
 * Equal numbers, +0 and −0, and NaN and NaN are 0 apart; NaN and a number are infinitely far apart. An infinity is the neighbour
 * of the largest finite number.
 */
export function ulpDistance(got: number, want: number): number {
  if (Number.isNaN(got) && Number.isNaN(want)) return 0;
  if (Number.isNaN(got) || Number.isNaN(want)) return Number.POSITIVE_INFINITY;
  return Math.abs(positionOf(got) - positionOf(want));
}

/** Returns |got − want| in units of the f32 spacing at `want`: what "0.502 ULP" means. `want` is an f64 and stays one. */
export function ulpError(got: number, want: number): number {
  const at = positionOf(want);
  const above = numberAt(Math.abs(at) + 1);
  const below = numberAt(Math.abs(at));
  return Math.abs(got - want) / (above - below);
}

const bits = new Int32Array(1);
const float = new Float32Array(bits.buffer);

/** Numbers the f32 values in order: 0 for both zeros, 1 for the smallest positive one, −1 for its negative. */
function positionOf(value: number): number {
  float[0] = value;
  return bits[0] >= 0 ? bits[0] : -(bits[0] & 0x7fffffff);
}

/** Returns the f32 value at a position ≥ 0. */
function numberAt(position: number): number {
  bits[0] = position;
  return float[0];
}

/**
 * Returns erfc(x) = 1 − erf(x), exact to about 1e-13 of its value.
 *
 * Abramowitz & Stegun 7.1.6 (series of positive terms) below 2, 7.1.14 (continued fraction) above.
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2) {
    // erf(x) = 2/√π · e^{−x²} · Σ 2^n x^{2n+1} / (1·3·…·(2n+1))
    let term = x;
    let sum = x;
    for (let n = 1; n < 100; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  }
  // erfc(x) = e^{−x²}/√π · 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …))))
  let tail = x;
  for (let n = 200; n >= 1; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/**
 * Returns the x below which a standard normal number falls with probability p, for p in (0, 1).
 *
 * Bisection on the tail Q(x) = erfc(x/√2)/2, so it shares nothing with rational approximations it is to check.
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`normalQuantile: p is ${p}, expected a number in (0, 1)`);
  if (p < 0.5) return -upperQuantile(p);
  return upperQuantile(1 - p);
}

/** Returns the x ≥ 0 with Q(x) = tail, for tail in (0, 1/2]. */
function upperQuantile(tail: number): number {
  let low = 0;
  let high = 40;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (erfc(middle / Math.SQRT2) / 2 > tail) low = middle;
    else high = middle;
  }
  return low;
}
