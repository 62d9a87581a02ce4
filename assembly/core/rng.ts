// Random numbers as a function, not a state: bits = f(seed, stream, epoch or step, index). Nothing is stored, so a resumed,
// sharded or reordered run draws the same numbers.
// Source: the SplitMix64 finaliser (Steele, Lea, Flood, OOPSLA 2014, "mix64variant13"), used in counter mode.

const GOLDEN: u64 = 0x9e3779b97f4a7c15;

function mix64(value: u64): u64 {
  let z = value;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/** Returns the key of one stream of numbers. Stream says what it is for, step when. */
export function streamKey(seed: u32, stream: u32, step: u32): u64 {
  const low = mix64((<u64>seed + 1) * GOLDEN);
  return mix64((low ^ (((<u64>stream) << 32) | <u64>step)) + GOLDEN);
}

/** Returns 64 random bits for one index of a stream. */
export function randomBits(key: u64, index: u64): u64 {
  return mix64(key + (index + 1) * GOLDEN);
}

/** Returns the least of 16 random bits that dropout at a rate keeps, in all lanes: bits · 2^−16 ≥ rate. */
export function leastKeptI32x4(rate: f32): v128 {
  return i32x4.splat(<i32>ceil<f32>(rate * 65536));
}

/** Returns what dropout multiplies four numbers by: `factor` or 0, by 16 random bits each of one index, without a branch. */
export function keepFourF32x4(key: u64, index: u64, leastI32x4: v128, factorF32x4: v128): v128 {
  const quartersI32x4 = i32x4.extend_low_i16x8_u(i64x2.splat(randomBits(key, index)));
  return v128.and(factorF32x4, i32x4.ge_s(quartersI32x4, leastI32x4));
}

/** Returns a float in [0, 1) with 24 random bits. */
export function randomUnitF32(key: u64, index: u64): f32 {
  return <f32>(<u32>(randomBits(key, index) >> 40)) * <f32>5.9604644775390625e-8;
}

/**
 * Returns the standard normal quantile of p in (0, 1), relative error about 1e-7.
 * Source: Wichura, Algorithm AS 241 (PPND7), Applied Statistics 37 (1988).
 */
export function normalQuantile(p: f64): f64 {
  const q = p - 0.5;
  if (abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (
      (q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)) /
      (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1)
    );
  }
  let r = sqrt<f64>(-Math.log(q < 0 ? p : 1 - p));
  let value: f64;
  if (r <= 5) {
    r -= 1.6;
    value =
      (((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777) /
      ((0.12021132975 * r + 0.7370016425) * r + 1);
  } else {
    r -= 5;
    value =
      (((0.017337203997 * r + 0.42868294337) * r + 3.081226386) * r + 6.657905115) /
      ((0.012258202635 * r + 0.24197894225) * r + 1);
  }
  return q < 0 ? -value : value;
}
