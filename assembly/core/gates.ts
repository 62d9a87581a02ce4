// Activations of recurrent cells over whole rows of gates, four vectors side by side, with the bits of sigmoidF32x4 and tanhF32x4 in
// math.ts. A chain of some 25 dependent operations has to overlap with others to be fast, and a call for each vector costs as much
// as half of them.

import { EXP_CONSTANTS, EXPONENT_CONSTANTS, SIGN_BIT, sigmoidF32x4, squashF32x4, TANH, TANH_CONSTANTS } from "./math";
import { loadLanes, preactivation, storeLanes } from "./v128";

/** Reads a number of each cache line of table rows, so that many are fetched at once, and all are at hand when gates read them. */
export function fetchRows(count: i32, rows: usize, table: usize, rowBytes: usize): void {
  for (let b = 0; b < count; b++) {
    let at = table + <usize>load<u32>(rows + ((<usize>b) << 2)) * rowBytes;
    for (const end = at + rowBytes; at < end; at += 64) load<f32>(at);
  }
}

/** Returns the sum of gate inputs at `at`: (w·x + biasIh) + (product + biasHh). */
function gateInput(at: usize, x: usize, w: v128, biasIh: usize, product: usize, biasHh: usize): v128 {
  const fromX = f32x4.add(f32x4.mul(w, v128.load(x + at)), v128.load(biasIh + at));
  return f32x4.add(fromX, f32x4.add(v128.load(product + at), v128.load(biasHh + at)));
}

/** Returns c − p·r: a step of a polynomial in −r. */
function step(p: v128, r: v128, c: v128): v128 {
  return f32x4.sub(c, f32x4.mul(p, r));
}

/** Returns 2^n from n + 1.5 * 2^23, n ≥ −127. */
function powerOf2(shifted: v128, bias: v128): v128 {
  return i32x4.shl(i32x4.add(shifted, bias), 23);
}

/** Writes σ((w·x + biasIh) + (product + biasHh)) of `width` gates side by side to `gates`, which may be `product`. */
export function sigmoidGates(
  width: i32,
  x: usize,
  w: v128,
  biasIh: usize,
  product: usize,
  biasHh: usize,
  gates: usize,
): void {
  const bytes = (<usize>width) << 2;
  let at: usize = 0;
  // e^−x as in expF32x4, with r of the other sign, which saves negating x and changes no bit.
  for (; at + 64 <= bytes; at += 64) {
    let x0 = gateInput(at, x, w, biasIh, product, biasHh);
    let x1 = gateInput(at + 16, x, w, biasIh, product, biasHh);
    let x2 = gateInput(at + 32, x, w, biasIh, product, biasHh);
    let x3 = gateInput(at + 48, x, w, biasIh, product, biasHh);
    let c = v128.load32_splat(EXP_CONSTANTS + 48);
    x0 = f32x4.pmin(x0, c);
    x1 = f32x4.pmin(x1, c);
    x2 = f32x4.pmin(x2, c);
    x3 = f32x4.pmin(x3, c);
    c = v128.load32_splat(EXP_CONSTANTS + 52);
    x0 = f32x4.pmax(x0, c);
    x1 = f32x4.pmax(x1, c);
    x2 = f32x4.pmax(x2, c);
    x3 = f32x4.pmax(x3, c);
    const magic = v128.load32_splat(EXP_CONSTANTS + 12);
    c = v128.load32_splat(EXP_CONSTANTS + 8);
    const shifted0 = step(x0, c, magic);
    const shifted1 = step(x1, c, magic);
    const shifted2 = step(x2, c, magic);
    const shifted3 = step(x3, c, magic);
    const n0 = f32x4.sub(shifted0, magic);
    const n1 = f32x4.sub(shifted1, magic);
    const n2 = f32x4.sub(shifted2, magic);
    const n3 = f32x4.sub(shifted3, magic);
    c = v128.load32_splat(EXP_CONSTANTS + 16);
    let r0 = f32x4.add(x0, f32x4.mul(n0, c));
    let r1 = f32x4.add(x1, f32x4.mul(n1, c));
    let r2 = f32x4.add(x2, f32x4.mul(n2, c));
    let r3 = f32x4.add(x3, f32x4.mul(n3, c));
    c = v128.load32_splat(EXP_CONSTANTS + 20);
    r0 = f32x4.add(r0, f32x4.mul(n0, c));
    r1 = f32x4.add(r1, f32x4.mul(n1, c));
    r2 = f32x4.add(r2, f32x4.mul(n2, c));
    r3 = f32x4.add(r3, f32x4.mul(n3, c));
    let p = v128.load32_splat(EXP_CONSTANTS + 24);
    c = v128.load32_splat(EXP_CONSTANTS + 28);
    let p0 = step(p, r0, c);
    let p1 = step(p, r1, c);
    let p2 = step(p, r2, c);
    let p3 = step(p, r3, c);
    c = v128.load32_splat(EXP_CONSTANTS + 32);
    p0 = step(p0, r0, c);
    p1 = step(p1, r1, c);
    p2 = step(p2, r2, c);
    p3 = step(p3, r3, c);
    c = v128.load32_splat(EXP_CONSTANTS + 36);
    p0 = step(p0, r0, c);
    p1 = step(p1, r1, c);
    p2 = step(p2, r2, c);
    p3 = step(p3, r3, c);
    c = v128.load32_splat(EXP_CONSTANTS + 40);
    p0 = step(p0, r0, c);
    p1 = step(p1, r1, c);
    p2 = step(p2, r2, c);
    p3 = step(p3, r3, c);
    const one = v128.load32_splat(EXP_CONSTANTS + 44);
    p0 = f32x4.add(f32x4.sub(f32x4.mul(f32x4.mul(p0, r0), r0), r0), one);
    p1 = f32x4.add(f32x4.sub(f32x4.mul(f32x4.mul(p1, r1), r1), r1), one);
    p2 = f32x4.add(f32x4.sub(f32x4.mul(f32x4.mul(p2, r2), r2), r2), one);
    p3 = f32x4.add(f32x4.sub(f32x4.mul(f32x4.mul(p3, r3), r3), r3), one);
    c = v128.load32_splat(EXPONENT_CONSTANTS);
    p0 = f32x4.add(one, f32x4.mul(p0, powerOf2(shifted0, c)));
    p1 = f32x4.add(one, f32x4.mul(p1, powerOf2(shifted1, c)));
    p2 = f32x4.add(one, f32x4.mul(p2, powerOf2(shifted2, c)));
    p3 = f32x4.add(one, f32x4.mul(p3, powerOf2(shifted3, c)));
    v128.store(gates + at, f32x4.div(one, p0));
    v128.store(gates + at, f32x4.div(one, p1), 16);
    v128.store(gates + at, f32x4.div(one, p2), 32);
    v128.store(gates + at, f32x4.div(one, p3), 48);
  }
  for (; at < bytes; at += 16) {
    const count = <i32>(bytes - at) >> 2;
    const sum = preactivation(x + at, w, biasIh + at, product + at, biasHh + at, count);
    storeLanes(gates + at, sigmoidF32x4(sum), count);
  }
}

/** Turns the floats from `at` to `end` into tanh x (kind 0) or max(x, 0) (kind 1). */
export function squashAll(kind: i32, at: usize, end: usize): void {
  if (kind === TANH) at = tanhFours(at, end);
  for (; at < end; at += 16) {
    const count = <i32>(end - at) >> 2;
    storeLanes(at, squashF32x4(kind, loadLanes(at, count)), count);
  }
}

/** Turns floats from `at` on into tanh x, 16 at a time, as long as they end by `end`; returns where it stopped. */
function tanhFours(at: usize, end: usize): usize {
  const sign = v128.load32_splat(SIGN_BIT);
  for (; at + 64 <= end; at += 64) {
    // 1. e^2|x|, as in expF32x4
    let x0 = v128.andnot(v128.load(at), sign);
    let x1 = v128.andnot(v128.load(at, 16), sign);
    let x2 = v128.andnot(v128.load(at, 32), sign);
    let x3 = v128.andnot(v128.load(at, 48), sign);
    let c = v128.load32_splat(EXP_CONSTANTS + 4);
    x0 = f32x4.pmin(f32x4.add(x0, x0), c);
    x1 = f32x4.pmin(f32x4.add(x1, x1), c);
    x2 = f32x4.pmin(f32x4.add(x2, x2), c);
    x3 = f32x4.pmin(f32x4.add(x3, x3), c);
    const magic = v128.load32_splat(EXP_CONSTANTS + 12);
    c = v128.load32_splat(EXP_CONSTANTS + 8);
    const shifted0 = f32x4.add(f32x4.mul(x0, c), magic);
    const shifted1 = f32x4.add(f32x4.mul(x1, c), magic);
    const shifted2 = f32x4.add(f32x4.mul(x2, c), magic);
    const shifted3 = f32x4.add(f32x4.mul(x3, c), magic);
    const n0 = f32x4.sub(shifted0, magic);
    const n1 = f32x4.sub(shifted1, magic);
    const n2 = f32x4.sub(shifted2, magic);
    const n3 = f32x4.sub(shifted3, magic);
    c = v128.load32_splat(EXP_CONSTANTS + 16);
    x0 = step(n0, c, x0);
    x1 = step(n1, c, x1);
    x2 = step(n2, c, x2);
    x3 = step(n3, c, x3);
    c = v128.load32_splat(EXP_CONSTANTS + 20);
    x0 = step(n0, c, x0);
    x1 = step(n1, c, x1);
    x2 = step(n2, c, x2);
    x3 = step(n3, c, x3);
    let p = v128.load32_splat(EXP_CONSTANTS + 24);
    c = v128.load32_splat(EXP_CONSTANTS + 28);
    let p0 = f32x4.add(f32x4.mul(p, x0), c);
    let p1 = f32x4.add(f32x4.mul(p, x1), c);
    let p2 = f32x4.add(f32x4.mul(p, x2), c);
    let p3 = f32x4.add(f32x4.mul(p, x3), c);
    c = v128.load32_splat(EXP_CONSTANTS + 32);
    p0 = f32x4.add(f32x4.mul(p0, x0), c);
    p1 = f32x4.add(f32x4.mul(p1, x1), c);
    p2 = f32x4.add(f32x4.mul(p2, x2), c);
    p3 = f32x4.add(f32x4.mul(p3, x3), c);
    c = v128.load32_splat(EXP_CONSTANTS + 36);
    p0 = f32x4.add(f32x4.mul(p0, x0), c);
    p1 = f32x4.add(f32x4.mul(p1, x1), c);
    p2 = f32x4.add(f32x4.mul(p2, x2), c);
    p3 = f32x4.add(f32x4.mul(p3, x3), c);
    c = v128.load32_splat(EXP_CONSTANTS + 40);
    p0 = f32x4.add(f32x4.mul(p0, x0), c);
    p1 = f32x4.add(f32x4.mul(p1, x1), c);
    p2 = f32x4.add(f32x4.mul(p2, x2), c);
    p3 = f32x4.add(f32x4.mul(p3, x3), c);
    const one = v128.load32_splat(EXP_CONSTANTS + 44);
    p0 = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p0, x0), x0), x0), one);
    p1 = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p1, x1), x1), x1), one);
    p2 = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p2, x2), x2), x2), one);
    p3 = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p3, x3), x3), x3), one);
    c = v128.load32_splat(EXPONENT_CONSTANTS);
    p0 = f32x4.mul(p0, powerOf2(shifted0, c));
    p1 = f32x4.mul(p1, powerOf2(shifted1, c));
    p2 = f32x4.mul(p2, powerOf2(shifted2, c));
    p3 = f32x4.mul(p3, powerOf2(shifted3, c));
    // 2. 1 − 2 / (e^2|x| + 1)
    c = v128.load32_splat(TANH_CONSTANTS + 20);
    p0 = f32x4.sub(one, f32x4.div(c, f32x4.add(p0, one)));
    p1 = f32x4.sub(one, f32x4.div(c, f32x4.add(p1, one)));
    p2 = f32x4.sub(one, f32x4.div(c, f32x4.add(p2, one)));
    p3 = f32x4.sub(one, f32x4.div(c, f32x4.add(p3, one)));
    // 3. with the sign of x, or x + x³·p(x²) where |x| < 0.625: where x², rounded, is below 0.625²
    x0 = v128.load(at);
    x1 = v128.load(at, 16);
    x2 = v128.load(at, 32);
    x3 = v128.load(at, 48);
    p0 = v128.or(p0, v128.and(x0, sign));
    p1 = v128.or(p1, v128.and(x1, sign));
    p2 = v128.or(p2, v128.and(x2, sign));
    p3 = v128.or(p3, v128.and(x3, sign));
    const z0 = f32x4.mul(x0, x0);
    const z1 = f32x4.mul(x1, x1);
    const z2 = f32x4.mul(x2, x2);
    const z3 = f32x4.mul(x3, x3);
    p = v128.load32_splat(TANH_CONSTANTS);
    c = v128.load32_splat(TANH_CONSTANTS + 4);
    let q0 = f32x4.add(f32x4.mul(p, z0), c);
    let q1 = f32x4.add(f32x4.mul(p, z1), c);
    let q2 = f32x4.add(f32x4.mul(p, z2), c);
    let q3 = f32x4.add(f32x4.mul(p, z3), c);
    c = v128.load32_splat(TANH_CONSTANTS + 8);
    q0 = f32x4.add(f32x4.mul(q0, z0), c);
    q1 = f32x4.add(f32x4.mul(q1, z1), c);
    q2 = f32x4.add(f32x4.mul(q2, z2), c);
    q3 = f32x4.add(f32x4.mul(q3, z3), c);
    c = v128.load32_splat(TANH_CONSTANTS + 12);
    q0 = f32x4.add(f32x4.mul(q0, z0), c);
    q1 = f32x4.add(f32x4.mul(q1, z1), c);
    q2 = f32x4.add(f32x4.mul(q2, z2), c);
    q3 = f32x4.add(f32x4.mul(q3, z3), c);
    c = v128.load32_splat(TANH_CONSTANTS + 16);
    q0 = f32x4.add(f32x4.mul(q0, z0), c);
    q1 = f32x4.add(f32x4.mul(q1, z1), c);
    q2 = f32x4.add(f32x4.mul(q2, z2), c);
    q3 = f32x4.add(f32x4.mul(q3, z3), c);
    q0 = f32x4.add(f32x4.mul(f32x4.mul(q0, z0), x0), x0);
    q1 = f32x4.add(f32x4.mul(f32x4.mul(q1, z1), x1), x1);
    q2 = f32x4.add(f32x4.mul(f32x4.mul(q2, z2), x2), x2);
    q3 = f32x4.add(f32x4.mul(f32x4.mul(q3, z3), x3), x3);
    c = v128.load32_splat(TANH_CONSTANTS + 28);
    v128.store(at, v128.bitselect(q0, p0, f32x4.lt(z0, c)));
    v128.store(at, v128.bitselect(q1, p1, f32x4.lt(z1, c)), 16);
    v128.store(at, v128.bitselect(q2, p2, f32x4.lt(z2, c)), 32);
    v128.store(at, v128.bitselect(q3, p3, f32x4.lt(z3, c)), 48);
  }
  return at;
}
