import { describe, expect, test } from "vitest";
import { BLOCK, compileInternals } from "./internals.ts";

const internals = await compileInternals();
const MASK = 0xffffffffffffffffn;
const GOLDEN = 0x9e3779b97f4a7c15n;

/** SplitMix64's finaliser, in whole numbers without a width. */
function mix(value: bigint): bigint {
  let z = value & MASK;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return z ^ (z >> 31n);
}

function bitsOf(seed: number, stream: number, step: number, index: bigint): bigint {
  const low = mix((BigInt(seed) + 1n) * GOLDEN);
  const key = mix((low ^ ((BigInt(stream) << 32n) | BigInt(step))) + GOLDEN);
  return mix(key + (index + 1n) * GOLDEN);
}

const KEYS: [seed: number, stream: number, step: number][] = [
  [0, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [42, 7, 3],
  [4294967295, 4294967295, 4294967295],
];

/** Σ (seen − wanted)² / wanted: about `counts.length − 1`, with a standard deviation of the root of twice that. */
function chiSquare(counts: ArrayLike<number>, wanted: number): number {
  return Array.from(counts).reduce((sum, count) => sum + (count - wanted) ** 2 / wanted, 0);
}

test("random bits are SplitMix64 in counter mode, for indices to 2^40", () => {
  for (const [seed, stream, step] of KEYS) {
    for (const first of [0n, 1n << 32n, 1n << 40n]) {
      const drawn = internals.draw(50, seed, stream, step, first);
      for (let i = 0; i < 50; i++) {
        const want = bitsOf(seed, stream, step, first + BigInt(i));
        if (drawn[i] !== want)
          throw new Error(`bits(${seed}, ${stream}, ${step})[${first + BigInt(i)}]: got ${drawn[i]}, want ${want}`);
      }
    }
  }
});

test("random bits are what they always were", () => {
  const hex = KEYS.map(([seed, stream, step]) => internals.draw(1, seed, stream, step)[0].toString(16));
  expect(hex).toMatchInlineSnapshot(`
    [
      "238275bc38fcbe91",
      "80abe802ac1e182e",
      "19aeffc39b6f4e53",
      "44e5b98100c67fb0",
      "7498ac7dbe6c5005",
      "13dcd3694f732891",
    ]
  `);
});

test("262,144 numbers of one stream are all different, and no two streams, seeds or steps share one", () => {
  const seen = new Set<bigint>();
  let drawn = 0;
  for (const [seed, stream, step] of KEYS.slice(0, 5)) {
    const blocks = seed === 42 ? 4 : 1;
    for (let block = 0; block < blocks; block++) {
      for (const value of internals.draw(BLOCK, seed, stream, step, BigInt(block * BLOCK))) seen.add(value);
      drawn += BLOCK;
    }
  }
  expect(seen.size).toBe(drawn);
});

describe("131,072 numbers of a stream", () => {
  const halves = [internals.draw(BLOCK, 9, 2, 5), internals.draw(BLOCK, 9, 2, 5, BigInt(BLOCK))];
  const words = halves.map((half) => new Uint32Array(half.buffer));
  const count = 2 * BLOCK;

  test("have each of the 64 bits set half the time, within 4.5 standard deviations", () => {
    const deviation = Math.sqrt(count) / 2;
    for (let bit = 0; bit < 64; bit++) {
      let set = 0;
      for (const half of words) for (let i = bit >> 5; i < half.length; i += 2) set += (half[i] >>> (bit & 31)) & 1;
      expect(Math.abs(set - count / 2), `bit ${bit}: set ${set} times`).toBeLessThan(4.5 * deviation);
    }
  });

  test("change half of their bits from one to the next, within 1%, and from one seed to the next", () => {
    const ones = (value: bigint): number => value.toString(2).replaceAll("0", "").length;
    const other = internals.draw(2000, 10, 2, 5);
    let [next, seed] = [0, 0];
    for (let i = 0; i < 2000; i++) {
      next += ones(halves[0][i] ^ halves[0][i + 1]) / 2000;
      seed += ones(halves[0][i] ^ other[i]) / 2000;
    }
    expect(Math.abs(next - 32)).toBeLessThan(0.32 * 2);
    expect(Math.abs(seed - 32)).toBeLessThan(0.32 * 2);
  });

  test("fill 1,024 bins evenly by their top bits (chi-square within 4 standard deviations)", () => {
    const counts = new Float64Array(1024);
    for (const half of words) for (let i = 1; i < half.length; i += 2) counts[half[i] >>> 22]++;
    expect(Math.abs(chiSquare(counts, count / 1024) - 1023)).toBeLessThan(4 * Math.sqrt(2 * 1023));
  });

  test("fill the pairs (bin now, bin next) evenly: neighbours do not depend on each other", () => {
    const counts = new Float64Array(32 * 32);
    for (const half of words) {
      for (let i = 1; i + 4 <= half.length; i += 4) counts[(half[i] >>> 27) * 32 + (half[i + 2] >>> 27)]++;
    }
    expect(Math.abs(chiSquare(counts, count / 2 / 1024) - 1023)).toBeLessThan(4 * Math.sqrt(2 * 1023));
  });
});
