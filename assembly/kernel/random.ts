// What     normal: out[i] = std·Φ⁻¹(u_i), u_i uniform in (0, 1).  uniform: out[i] = low + (high − low)·u_i.
//          index: a whole number in [0, bound), for shuffles and sampled prefixes drawn in TypeScript.
// Source   core/rng.ts (SplitMix64 in counter mode, AS 241 quantile); index by the multiply-shift of Lemire, TOMACS 2019.
// Shapes   out f32[n]
// Layout   4-byte aligned. The caller owns the memory.
// Writes   floats [begin, end) of out, overwritten.
// Numerics quantile in f64, rounded once; 32 random bits a draw, so |x| ≤ 6.4·std. Bias of index below bound/2^32.
// Limits   index: bound below 2^31.
// Cost     one mix and one rational function a number.

import { normalQuantile, randomBits, randomUnitF32, streamKey } from "../core/rng";

/** Fills floats [begin, end) with normal numbers. */
export function fillNormalF32(begin: i32, end: i32, out: usize, std: f32, seed: u32, stream: u32): void {
  const key = streamKey(seed, stream, 0);
  for (let i = begin; i < end; i++) {
    // The centre of one of 2^32 equal cells: never 0 or 1.
    const u = (<f64>(<u32>(randomBits(key, <u64>i) >> 32)) + 0.5) * 2.3283064365386962890625e-10;
    store<f32>(out + ((<usize>i) << 2), <f32>(<f64>std * normalQuantile(u)));
  }
}

/** Fills floats [begin, end) with uniform numbers. */
export function fillUniformF32(begin: i32, end: i32, out: usize, low: f32, high: f32, seed: u32, stream: u32): void {
  const key = streamKey(seed, stream, 0);
  for (let i = begin; i < end; i++) {
    store<f32>(out + ((<usize>i) << 2), low + (high - low) * randomUnitF32(key, <u64>i));
  }
}

/** Returns a whole number in [0, bound). */
export function randomIndex(bound: u32, seed: u32, stream: u32, step: u32, index: u32): u32 {
  const bits = randomBits(streamKey(seed, stream, step), <u64>index) >> 32;
  return <u32>((bits * <u64>bound) >> 32);
}
