// Elementary functions, four lanes at a time. They exist because host functions differ between engines in the last bits,
// and results must not. Bounds: every float of magnitude 2^-30 and more was tried once against f64; the test tries one in 1,021. All
// three never fall where x rises. Softmax over a catalogue has an exponential of its own (expColumnsF32).
// Source: the scheme of Cephes single precision (expf.c, tanhf.c), S. L. Moshier; exp with a minimax polynomial a degree lower,
// relative error 3.1e-9.
// Constants are read from memory, because V8 builds a vector constant anew, in five instructions, wherever a loop uses it. Maximum
// and minimum are pmax and pmin, one instruction each; with the constant second they let NaN through.

export const EXP_CONSTANTS = memory.data<f32>([
  -88.0, // clamp: e^x is 0 there
  88.3762626647, // clamp: the largest x
  1.44269504088896341, // log2 e
  12582912.0, // 1.5 * 2^23: adding and subtracting it rounds to the nearest integer, which is left in the low bits
  0.693359375, // ln 2 in two parts: the high one has few bits, so that n times it is exact
  -2.1219444e-4,
  1.381457201205194e-3, // (e^r - 1 - r)/r^2, highest power first
  8.36872961372137e-3,
  4.166838899254799e-2,
  1.666652113199234e-1,
  4.999999403953552e-1,
  1.0,
  88.0, // the clamps of −x
  -88.3762626647,
]);
export const EXP2_CONSTANTS = memory.data<f32>([
  1.44269504088896341, // log2 e
  -127.0, // clamp: 2^t is 0 there
  12583039.0, // 1.5 * 2^23 + 127
  1.326472731307149e-3, // 2^f for |f| ≤ 1/2, highest power first
  9.671512991189957e-3,
  0.05550733581185341,
  0.24022242426872253,
  0.6931470036506653,
  1.0,
]);
export const EXPONENT_CONSTANTS = memory.data<i32>([127 - 0x4b400000]); // from the bits of n + 1.5 * 2^23 to n + 127
export const TANH_CONSTANTS = memory.data<f32>([
  -5.70498872745e-3, // (tanh x - x)/x^3 in x^2, highest power first
  2.06390887954e-2,
  -5.37397155531e-2,
  1.33314422036e-1,
  -3.33332819422e-1,
  2.0,
  0.625, // where the formula changes
  0.390625, // its square
]);
export const SIGN_BIT = memory.data<u32>([0x80000000]);

/** Returns e^x: at most 1 ULP (seen: 0.992) for x in [−87.336, 88.376]; denormal, then 0 from −87.684 down; 2.406e38 above, NaN for NaN. */
export function expF32x4(x: v128): v128 {
  const clampedF32x4 = f32x4.pmin(
    f32x4.pmax(x, v128.load32_splat(EXP_CONSTANTS)),
    v128.load32_splat(EXP_CONSTANTS + 4),
  );
  const magicF32x4 = v128.load32_splat(EXP_CONSTANTS + 12);
  const shiftedF32x4 = f32x4.add(f32x4.mul(clampedF32x4, v128.load32_splat(EXP_CONSTANTS + 8)), magicF32x4);
  const nF32x4 = f32x4.sub(shiftedF32x4, magicF32x4);
  let r = f32x4.sub(clampedF32x4, f32x4.mul(nF32x4, v128.load32_splat(EXP_CONSTANTS + 16)));
  r = f32x4.sub(r, f32x4.mul(nF32x4, v128.load32_splat(EXP_CONSTANTS + 20)));
  let p = f32x4.add(f32x4.mul(v128.load32_splat(EXP_CONSTANTS + 24), r), v128.load32_splat(EXP_CONSTANTS + 28));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP_CONSTANTS + 32));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP_CONSTANTS + 36));
  p = f32x4.add(f32x4.mul(p, r), v128.load32_splat(EXP_CONSTANTS + 40));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), v128.load32_splat(EXP_CONSTANTS + 44));
  // 2^n: n + 127 in the exponent bits, which is 0 for n = −127, the least there is, and then so is the result.
  return f32x4.mul(p, i32x4.shl(i32x4.add(shiftedF32x4, v128.load32_splat(EXPONENT_CONSTANTS)), 23));
}

/** Turns two vectors, written out side by side, into e^(x − shift) for x ≤ shift, with the bits of expF32x4. */
function expTwoF32x4(at: usize, shiftF32x4: v128): void {
  let c = v128.load32_splat(EXP_CONSTANTS);
  const x0 = f32x4.pmax(f32x4.sub(v128.load(at), shiftF32x4), c);
  const x1 = f32x4.pmax(f32x4.sub(v128.load(at, 16), shiftF32x4), c);
  c = v128.load32_splat(EXP_CONSTANTS + 8);
  const magicF32x4 = v128.load32_splat(EXP_CONSTANTS + 12);
  const shifted0 = f32x4.add(f32x4.mul(x0, c), magicF32x4);
  const shifted1 = f32x4.add(f32x4.mul(x1, c), magicF32x4);
  const n0 = f32x4.sub(shifted0, magicF32x4);
  const n1 = f32x4.sub(shifted1, magicF32x4);
  c = v128.load32_splat(EXP_CONSTANTS + 16);
  let r0 = f32x4.sub(x0, f32x4.mul(n0, c));
  let r1 = f32x4.sub(x1, f32x4.mul(n1, c));
  c = v128.load32_splat(EXP_CONSTANTS + 20);
  r0 = f32x4.sub(r0, f32x4.mul(n0, c));
  r1 = f32x4.sub(r1, f32x4.mul(n1, c));
  c = v128.load32_splat(EXP_CONSTANTS + 24);
  let p0 = f32x4.mul(c, r0);
  let p1 = f32x4.mul(c, r1);
  c = v128.load32_splat(EXP_CONSTANTS + 28);
  p0 = f32x4.mul(f32x4.add(p0, c), r0);
  p1 = f32x4.mul(f32x4.add(p1, c), r1);
  c = v128.load32_splat(EXP_CONSTANTS + 32);
  p0 = f32x4.mul(f32x4.add(p0, c), r0);
  p1 = f32x4.mul(f32x4.add(p1, c), r1);
  c = v128.load32_splat(EXP_CONSTANTS + 36);
  p0 = f32x4.mul(f32x4.add(p0, c), r0);
  p1 = f32x4.mul(f32x4.add(p1, c), r1);
  c = v128.load32_splat(EXP_CONSTANTS + 40);
  p0 = f32x4.mul(f32x4.mul(f32x4.add(p0, c), r0), r0);
  p1 = f32x4.mul(f32x4.mul(f32x4.add(p1, c), r1), r1);
  c = v128.load32_splat(EXP_CONSTANTS + 44);
  p0 = f32x4.add(f32x4.add(p0, r0), c);
  p1 = f32x4.add(f32x4.add(p1, r1), c);
  c = v128.load32_splat(EXPONENT_CONSTANTS);
  const e0 = f32x4.mul(p0, i32x4.shl(i32x4.add(shifted0, c), 23));
  const e1 = f32x4.mul(p1, i32x4.shl(i32x4.add(shifted1, c), 23));
  v128.store(at, e0);
  v128.store(at, e1, 16);
}

/**
 * Turns the floats from `at` to `end`, whole vectors, into e^(x − shift) for x ≤ shift, with the bits of expF32x4. Returns their
 * lane sums, vectors added in order.
 */
export function expAllF32(at: usize, end: usize, shiftF32x4: v128): v128 {
  let sumOfLanes = f32x4.splat(0);
  for (; at + 32 <= end; at += 32) {
    expTwoF32x4(at, shiftF32x4);
    sumOfLanes = f32x4.add(f32x4.add(sumOfLanes, v128.load(at)), v128.load(at, 16));
  }
  if (at < end) {
    const e = expF32x4(f32x4.sub(v128.load(at), shiftF32x4));
    v128.store(at, e);
    sumOfLanes = f32x4.add(sumOfLanes, e);
  }
  return sumOfLanes;
}

/**
 * Turns a matrix f32[rows, columns], columns a multiple of 4 and `rowBytes` from row to row, into e^(x − shift) for x ≤ shift, shift
 * f32[columns], as 2^((x − shift)·log2 e): within (4 + 2.25·|x − shift|)·2^−24 of it, which is about what a score's own rounding makes of
 * it, and 0 from −88.1 down. Adds row 4i + l to lane sum l, f32[4, columns] with rows `rowBytes` apart, rows in order. Uses up `spare`,
 * f32[columns]: with the chain of operations cut in two, more vectors are under way, and the constants of each part stay in registers.
 */
export function expColumnsF32(
  rows: i32,
  columns: i32,
  rowBytes: usize,
  x: usize,
  shift: usize,
  laneSums: usize,
  spare: usize,
): void {
  const end = (<usize>columns) << 2;
  const log2E = v128.load32_splat(EXP2_CONSTANTS);
  const least = v128.load32_splat(EXP2_CONSTANTS + 4);
  const magic = v128.load32_splat(EXP2_CONSTANTS + 8);
  const c5 = v128.load32_splat(EXP2_CONSTANTS + 12);
  const c4 = v128.load32_splat(EXP2_CONSTANTS + 16);
  const c3 = v128.load32_splat(EXP2_CONSTANTS + 20);
  const c2 = v128.load32_splat(EXP2_CONSTANTS + 24);
  const c1 = v128.load32_splat(EXP2_CONSTANTS + 28);
  const one = v128.load32_splat(EXP2_CONSTANTS + 32);
  for (let i = 0; i < rows; i++) {
    // 1. (x − shift)·log2 e = n + f
    let at: usize = 0;
    do {
      const t = f32x4.pmax(f32x4.mul(f32x4.sub(v128.load(x + at), v128.load(shift + at)), log2E), least);
      const shifted = f32x4.add(t, magic);
      v128.store(x + at, f32x4.sub(t, f32x4.sub(shifted, magic)));
      v128.store(spare + at, i32x4.shl(shifted, 23));
      at += 16;
    } while (at < end);
    // 2. 2^f·2^n
    const sums = laneSums + <usize>(i & 3) * rowBytes;
    at = 0;
    do {
      const f = v128.load(x + at);
      const g = f32x4.mul(f, f);
      const high = f32x4.add(f32x4.mul(f, c5), c4);
      const middle = f32x4.add(f32x4.mul(f, c3), c2);
      const low = f32x4.add(f32x4.mul(f, c1), one);
      const power = f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(high, g), middle), g), low);
      const e = f32x4.mul(power, v128.load(spare + at));
      v128.store(x + at, e);
      v128.store(sums + at, f32x4.add(v128.load(sums + at), e));
      at += 16;
    } while (at < end);
    x += rowBytes;
  }
}

/**
 * Returns 1 / (1 + e^−x): at most 2.5 ULP (seen: 2.481) while the result is a normal float, x ≥ −87.336; 4.2e-39 … 1.2e-38
 * below, never negative.
 */
export function sigmoidF32x4(x: v128): v128 {
  const one = v128.load32_splat(EXP_CONSTANTS + 44);
  return f32x4.div(one, f32x4.add(one, expF32x4(f32x4.neg(x))));
}

/** Returns tanh x: at most 1.34 ULP (seen: 1.332). Odd, but for −0, which gives +0. */
export function tanhF32x4(x: v128): v128 {
  const magnitudeF32x4 = f32x4.abs(x);
  // |x| < 0.625: an odd polynomial keeps relative accuracy near zero.
  const z = f32x4.mul(x, x);
  let p = f32x4.add(f32x4.mul(v128.load32_splat(TANH_CONSTANTS), z), v128.load32_splat(TANH_CONSTANTS + 4));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH_CONSTANTS + 8));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH_CONSTANTS + 12));
  p = f32x4.add(f32x4.mul(p, z), v128.load32_splat(TANH_CONSTANTS + 16));
  const nearF32x4 = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
  // Otherwise 1 − 2 / (e^2|x| + 1), with the sign of x put back.
  const exp2xF32x4 = expF32x4(f32x4.add(magnitudeF32x4, magnitudeF32x4));
  const one = v128.load32_splat(EXP_CONSTANTS + 44);
  const tailF32x4 = f32x4.sub(one, f32x4.div(v128.load32_splat(TANH_CONSTANTS + 20), f32x4.add(exp2xF32x4, one)));
  const signedF32x4 = v128.or(tailF32x4, v128.xor(x, magnitudeF32x4));
  const isNear = f32x4.lt(magnitudeF32x4, v128.load32_splat(TANH_CONSTANTS + 24));
  return v128.bitselect(nearF32x4, signedF32x4, isNear);
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
export const TANH: i32 = 0;

/** Returns tanh x (kind 0) or max(x, 0) (kind 1). */
export function squashF32x4(kind: i32, x: v128): v128 {
  return kind === TANH ? tanhF32x4(x) : f32x4.max(x, f32x4.splat(0));
}

/** Returns the derivative of a squashing, given its value: 1 − y², or 1 where y > 0. */
export function squashSlopeF32x4(kind: i32, y: v128): v128 {
  const one = f32x4.splat(1);
  return kind === TANH ? f32x4.sub(one, f32x4.mul(y, y)) : v128.and(f32x4.gt(y, f32x4.splat(0)), one);
}
