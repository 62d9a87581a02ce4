// Elementary functions, four lanes at a time. They exist because host functions differ between engines in the last bits,
// and results must not. Bounds: every float of magnitude 2^-30 and more was tried once against f64; the test tries one in 1,021. All
// three never fall where x rises.
// Source of the polynomials: Cephes single precision (expf.c, tanhf.c), S. L. Moshier.

const LOG2E: f32 = 1.44269504088896341;
// ln 2 in two parts: the high part has few bits, so that n · LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;
// Adding and subtracting 1.5 · 2^23 rounds a float to the nearest integer, and leaves that integer in its low bits.
const ROUND_MAGIC: f32 = 12582912.0;
const ROUND_MAGIC_BITS: i32 = 0x4b400000;
const EXP_MIN: f32 = -87.3365447504; // e^x is a normal float above this
const EXP_MAX: f32 = 88.3762626647;

/** Returns e^x: at most 1 ULP (seen: 0.992) for x in [−87.336, 88.376]; 0 below, 2.406e38 above, NaN for NaN. */
export function expF32x4(x: v128): v128 {
  const clampedF32x4 = f32x4.min(f32x4.max(x, f32x4.splat(EXP_MIN)), f32x4.splat(EXP_MAX));
  const shiftedF32x4 = f32x4.add(f32x4.mul(clampedF32x4, f32x4.splat(LOG2E)), f32x4.splat(ROUND_MAGIC));
  const nF32x4 = f32x4.sub(shiftedF32x4, f32x4.splat(ROUND_MAGIC));
  let r = f32x4.sub(clampedF32x4, f32x4.mul(nF32x4, f32x4.splat(LN2_HIGH)));
  r = f32x4.sub(r, f32x4.mul(nF32x4, f32x4.splat(LN2_LOW)));
  let p = f32x4.splat(1.98756915e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  // 2^n: n + 127 in the exponent bits.
  const exponentI32x4 = i32x4.add(i32x4.sub(shiftedF32x4, i32x4.splat(ROUND_MAGIC_BITS)), i32x4.splat(127));
  const scaledF32x4 = f32x4.mul(p, i32x4.shl(exponentI32x4, 23));
  return v128.andnot(scaledF32x4, f32x4.lt(x, f32x4.splat(EXP_MIN)));
}

/**
 * Returns 1 / (1 + e^−x): at most 2.5 ULP (seen: 2.481) while the result is a normal float, x ≥ −87.336; 4.2e-39 … 1.2e-38
 * below, never negative.
 */
export function sigmoidF32x4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, expF32x4(f32x4.neg(x))));
}

/** Returns tanh x: at most 1.34 ULP (seen: 1.330). Odd, but for −0, which gives +0. */
export function tanhF32x4(x: v128): v128 {
  const magnitudeF32x4 = f32x4.abs(x);
  // |x| < 0.625: an odd polynomial keeps relative accuracy near zero.
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-3.33332819422e-1));
  const nearF32x4 = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
  // Otherwise 1 − 2 / (e^2|x| + 1), with the sign of x put back.
  const exp2xF32x4 = expF32x4(f32x4.add(magnitudeF32x4, magnitudeF32x4));
  const one = f32x4.splat(1);
  const tailF32x4 = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp2xF32x4, one)));
  const signedF32x4 = v128.or(tailF32x4, v128.and(x, i32x4.splat(i32.MIN_VALUE)));
  return v128.bitselect(nearF32x4, signedF32x4, f32x4.lt(magnitudeF32x4, f32x4.splat(0.625)));
}

/** Returns e^x for one float, with the bits that a vector lane would have. */
export function expF32(x: f32): f32 {
  return f32x4.extract_lane(expF32x4(f32x4.splat(x)), 0);
}

/** Returns e^x in f64: AssemblyScript's own (musl), 0.51 ULP, no host call. */
export function expF64(x: f64): f64 {
  return Math.exp(x);
}

/** Returns the natural logarithm in f64: AssemblyScript's own (musl), 0.52 ULP, no host call. */
export function logF64(x: f64): f64 {
  return Math.log(x);
}

/** Returns the base-2 logarithm in f64: AssemblyScript's own (musl), 0.55 ULP, no host call. */
export function log2F64(x: f64): f64 {
  return Math.log2(x);
}

/** Squashings a recurrent cell can use; the numbers are part of the interface. */
const TANH: i32 = 0;

/** Returns tanh x (kind 0) or max(x, 0) (kind 1). */
export function squashF32x4(kind: i32, x: v128): v128 {
  return kind === TANH ? tanhF32x4(x) : f32x4.max(x, f32x4.splat(0));
}

/** Returns the derivative of a squashing, given its value: 1 − y², or 1 where y > 0. */
export function squashSlopeF32x4(kind: i32, y: v128): v128 {
  const one = f32x4.splat(1);
  return kind === TANH ? f32x4.sub(one, f32x4.mul(y, y)) : v128.and(f32x4.gt(y, f32x4.splat(0)), one);
}
