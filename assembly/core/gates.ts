// Activations of recurrent cells over whole rows of gates, with the bits of sigmoidF32x4 and tanhF32x4 in math.ts. The chain of some 25
// dependent operations is cut in passes over the row, with what is between them in memory: the shorter a chain is, the more vectors the
// core has under way, and the constants of a pass stay in registers. Loops are tested at their bottom, which V8 makes the best code of.

import { EXP_CONSTANTS, EXPONENT_CONSTANTS, SIGN_BIT, sigmoidF32x4, squashF32x4, TANH, TANH_CONSTANTS } from "./math";
import { loadLanes, preactivation, storeLanes } from "./v128";

/** Reads a number of each cache line of table rows, so that many are fetched at once, and all are at hand when gates read them. */
export function fetchRows(count: i32, rows: usize, table: usize, rowBytes: usize): void {
  for (let b = 0; b < count; b++) {
    let at = table + <usize>load<u32>(rows + ((<usize>b) << 2)) * rowBytes;
    for (const end = at + rowBytes; at < end; at += 64) load<f32>(at);
  }
}

/** Writes σ((w·x + biasIh) + (product + biasHh)) of `width` gates to `gates`, which may be `product`. Uses up `spare`, f32[width]. */
export function sigmoidGates(
  width: i32,
  x: usize,
  w: v128,
  biasIh: usize,
  product: usize,
  biasHh: usize,
  gates: usize,
  spare: usize,
): void {
  const bytes = ((<usize>width) << 2) & ~15;
  if (bytes > 0) {
    reduceGates(bytes, x, w, biasIh, product, biasHh, gates, spare);
    expRemainders(gates, gates + bytes);
    divideByNext(f32x4.splat(1), gates, spare, gates + bytes);
  }
  const rest = width & 3;
  if (rest) {
    const sum = preactivation(x + bytes, w, biasIh + bytes, product + bytes, biasHh + bytes, rest);
    storeLanes(gates + bytes, sigmoidF32x4(sum), rest);
  }
}

/** Turns the floats from `at` to `end` into tanh x (kind 0) or max(x, 0) (kind 1). Uses up as many of both spares. */
export function squashAll(kind: i32, at: usize, end: usize, spare0: usize, spare1: usize): void {
  const full = (end - at) & ~15;
  if (kind === TANH && full > 0) {
    reduceMagnitudes(at, spare0, spare1, at + full);
    expRemainders(spare0, spare0 + full);
    divideByNext(f32x4.splat(2), spare0, spare1, spare0 + full);
    joinTanhs(at, spare0, at + full);
    at += full;
  }
  for (; at < end; at += 16) {
    const count = <i32>(end - at) >> 2;
    storeLanes(at, squashF32x4(kind, loadLanes(at, count)), count);
  }
}

/** Cuts −x = n·ln 2 + r as expF32x4 does, for `bytes` of gate inputs x = (w·x + biasIh) + (product + biasHh): writes r and 2^n. */
function reduceGates(
  bytes: usize,
  x: usize,
  w: v128,
  biasIh: usize,
  product: usize,
  biasHh: usize,
  remainders: usize,
  powers: usize,
): void {
  const most = v128.load32_splat(EXP_CONSTANTS + 48);
  const least = v128.load32_splat(EXP_CONSTANTS + 52);
  const log2E = v128.load32_splat(EXP_CONSTANTS + 8);
  const magic = v128.load32_splat(EXP_CONSTANTS + 12);
  const minusLn2High = f32x4.neg(v128.load32_splat(EXP_CONSTANTS + 16));
  const ln2Low = v128.load32_splat(EXP_CONSTANTS + 20);
  const bias = v128.load32_splat(EXPONENT_CONSTANTS);
  const end = x + bytes;
  while (true) {
    const fromX = f32x4.add(f32x4.mul(w, v128.load(x)), v128.load(biasIh));
    const sum = f32x4.add(fromX, f32x4.add(v128.load(product), v128.load(biasHh)));
    const inReach = f32x4.pmax(f32x4.pmin(sum, most), least);
    const shifted = f32x4.sub(magic, f32x4.mul(inReach, log2E));
    const n = f32x4.sub(shifted, magic);
    // Without negating x first: (−n)·c − x has the bits of −x − n·c.
    const r = f32x4.sub(f32x4.sub(f32x4.mul(n, minusLn2High), inReach), f32x4.mul(n, ln2Low));
    v128.store(remainders, r);
    v128.store(powers, i32x4.shl(i32x4.add(shifted, bias), 23));
    x += 16;
    biasIh += 16;
    product += 16;
    biasHh += 16;
    remainders += 16;
    powers += 16;
    if (x === end) break;
  }
}

/** Cuts 2|x| = n·ln 2 + r as expF32x4 does: writes r and 2^n. */
function reduceMagnitudes(at: usize, remainders: usize, powers: usize, end: usize): void {
  const sign = v128.load32_splat(SIGN_BIT);
  const most = v128.load32_splat(EXP_CONSTANTS + 4);
  const log2E = v128.load32_splat(EXP_CONSTANTS + 8);
  const magic = v128.load32_splat(EXP_CONSTANTS + 12);
  const ln2High = v128.load32_splat(EXP_CONSTANTS + 16);
  const ln2Low = v128.load32_splat(EXP_CONSTANTS + 20);
  const bias = v128.load32_splat(EXPONENT_CONSTANTS);
  while (true) {
    const magnitude = v128.andnot(v128.load(at), sign);
    const x = f32x4.pmin(f32x4.add(magnitude, magnitude), most);
    const shifted = f32x4.add(f32x4.mul(x, log2E), magic);
    const n = f32x4.sub(shifted, magic);
    const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, ln2High)), f32x4.mul(n, ln2Low));
    v128.store(remainders, r);
    v128.store(powers, i32x4.shl(i32x4.add(shifted, bias), 23));
    at += 16;
    remainders += 16;
    powers += 16;
    if (at === end) break;
  }
}

/** Turns remainders r into e^r. */
function expRemainders(at: usize, end: usize): void {
  const c0 = v128.load32_splat(EXP_CONSTANTS + 24);
  const c1 = v128.load32_splat(EXP_CONSTANTS + 28);
  const c2 = v128.load32_splat(EXP_CONSTANTS + 32);
  const c3 = v128.load32_splat(EXP_CONSTANTS + 36);
  const c4 = v128.load32_splat(EXP_CONSTANTS + 40);
  const one = v128.load32_splat(EXP_CONSTANTS + 44);
  while (true) {
    const r = v128.load(at);
    let p = f32x4.add(f32x4.mul(c0, r), c1);
    p = f32x4.add(f32x4.mul(p, r), c2);
    p = f32x4.add(f32x4.mul(p, r), c3);
    p = f32x4.add(f32x4.mul(p, r), c4);
    v128.store(at, f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), one));
    at += 16;
    if (at === end) break;
  }
}

/** Turns e^r into a / (e^r·2^n + 1). */
function divideByNext(a: v128, at: usize, powers: usize, end: usize): void {
  const one = v128.load32_splat(EXP_CONSTANTS + 44);
  while (true) {
    v128.store(at, f32x4.div(a, f32x4.add(f32x4.mul(v128.load(at), v128.load(powers)), one)));
    at += 16;
    powers += 16;
    if (at === end) break;
  }
}

/**
 * Turns x into tanh x: 1 − 2 / (e^2|x| + 1), whose last part is at hand, with the sign of x; or x + x³·p(x²) where |x| < 0.625, which is
 * where x², rounded, is below 0.625².
 */
function joinTanhs(at: usize, quotients: usize, end: usize): void {
  const one = v128.load32_splat(EXP_CONSTANTS + 44);
  const sign = v128.load32_splat(SIGN_BIT);
  const c0 = v128.load32_splat(TANH_CONSTANTS);
  const c1 = v128.load32_splat(TANH_CONSTANTS + 4);
  const c2 = v128.load32_splat(TANH_CONSTANTS + 8);
  const c3 = v128.load32_splat(TANH_CONSTANTS + 12);
  const c4 = v128.load32_splat(TANH_CONSTANTS + 16);
  const near = v128.load32_splat(TANH_CONSTANTS + 28);
  while (true) {
    const x = v128.load(at);
    const z = f32x4.mul(x, x);
    let p = f32x4.add(f32x4.mul(c0, z), c1);
    p = f32x4.add(f32x4.mul(p, z), c2);
    p = f32x4.add(f32x4.mul(p, z), c3);
    p = f32x4.add(f32x4.mul(p, z), c4);
    p = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
    const tail = v128.or(f32x4.sub(one, v128.load(quotients)), v128.and(x, sign));
    v128.store(at, v128.bitselect(p, tail, f32x4.lt(z, near)));
    at += 16;
    quotients += 16;
    if (at === end) break;
  }
}
