import { describe, expect, test } from "vitest";
import { normalQuantile } from "../reference/math.ts";
import { expectUntouched, run, SIZES, variants, writes } from "./harness.ts";

const [{ engine }] = variants;
const { randomIndex } = engine.kernels;

function normal(count: number, std: number, seed: number, stream = 1): Float32Array {
  return run({ out: writes.f32(count) }, ({ kernels, at, each }) =>
    each(count, 1, (begin, end) => kernels.fillNormalF32(begin, end, at.out, std, seed, stream)),
  ).out;
}

function uniform(count: number, low: number, high: number, seed: number, stream = 1): Float32Array {
  return run({ out: writes.f32(count) }, ({ kernels, at, each }) =>
    each(count, 1, (begin, end) => kernels.fillUniformF32(begin, end, at.out, low, high, seed, stream)),
  ).out;
}

/** Mean, standard deviation, skewness and kurtosis. */
function momentsOf(values: Float32Array) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const central = (power: number): number => values.reduce((sum, value) => sum + (value - mean) ** power, 0) / count;
  const std = Math.sqrt(central(2));
  return { mean, std, skewness: central(3) / std ** 3, kurtosis: central(4) / std ** 4 };
}

test("fills of any size write that many floats, and a longer fill begins with the shorter one", () => {
  const long = { normal: normal(100, 1, 5), uniform: uniform(100, 0, 1, 5) };
  for (const count of SIZES) {
    expect([...normal(count, 1, 5)]).toEqual([...long.normal.subarray(0, count)]);
    expect([...uniform(count, 0, 1, 5)]).toEqual([...long.uniform.subarray(0, count)]);
  }
  const part = run(
    { out: writes.f32(20) },
    ({ kernels, at }) => {
      if (kernels.fillNormalF32) kernels.fillNormalF32(7, 11, at.out, 1, 5, 1);
    },
    true,
  ).out;
  expect([...part.subarray(7, 11)]).toEqual([...long.normal.subarray(7, 11)]);
  expectUntouched(
    "out",
    part,
    [...Array(20).keys()].filter((i) => i < 7 || i >= 11),
  );
});

test("random numbers are what they always were", () => {
  expect([...normal(4, 0.05, 42)]).toMatchInlineSnapshot(`
    [
      -0.0995754599571228,
      -0.026815643534064293,
      0.01416373997926712,
      0.02187572605907917,
    ]
  `);
  expect([...uniform(4, -0.125, 0.125, 42)]).toMatchInlineSnapshot(`
    [
      -0.11919689178466797,
      -0.05103221535682678,
      0.027879223227500916,
      0.04228271543979645,
    ]
  `);
  expect([0, 1, 2, 3, 4, 5].map((i) => randomIndex(1000, 42, 3, 7, i))).toMatchInlineSnapshot(`
    [
      344,
      878,
      283,
      536,
      868,
      590,
    ]
  `);
});

test("seed and stream each give other numbers", () => {
  const [one, ...others] = [normal(50, 1, 5), normal(50, 1, 6), normal(50, 1, 5, 2)];
  for (const other of others) for (const [i, value] of one.entries()) expect(other[i]).not.toBe(value);
});

describe("200,000 normal numbers", () => {
  const count = 200_000;
  const values = normal(count, 1, 11);

  test("have mean 0, deviation 1, skewness 0 and kurtosis 3, each within 4 standard errors", () => {
    const { mean, std, skewness, kurtosis } = momentsOf(values);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(std - 1)).toBeLessThan(4 / Math.sqrt(2 * count));
    expect(Math.abs(skewness)).toBeLessThan(4 * Math.sqrt(6 / count));
    expect(Math.abs(kurtosis - 3)).toBeLessThan(4 * Math.sqrt(24 / count));
  });

  test("have normal tails: shares beyond 1, 2, 3 and 4 within 4 standard errors, none beyond 6.4", () => {
    for (const [bound, share] of [
      [1, 0.317310508],
      [2, 0.045500264],
      [3, 0.002699796],
      [4, 0.0000633425],
    ]) {
      const beyond = values.filter((value) => Math.abs(value) > bound).length;
      const error = Math.sqrt(count * share * (1 - share));
      expect(Math.abs(beyond - count * share), `${beyond} beyond ${bound}`).toBeLessThan(4 * error);
    }
    expect(values.some((value) => Math.abs(value) > 6.4)).toBe(false);
  });

  test("are the quantiles of the uniform numbers of their stream, within 1e-6", () => {
    // uniform has the top 24 of the 32 bits that normal draws; the 8 others move the quantile by less than 6e-8/φ(x).
    const units = uniform(2000, 0, 1, 11);
    for (let i = 0; i < units.length; i++) {
      const [low, high] = [Math.max(units[i], 2 ** -33), units[i] + 2 ** -24 * (1 - 2 ** -9)].map(normalQuantile);
      const slack = 1e-6 * Math.max(1, Math.abs(low));
      if (!(values[i] >= low - slack && values[i] <= high + slack)) {
        throw new Error(`normal[${i}]: got ${values[i]}, want ${low} … ${high}`);
      }
    }
  });

  test("scale with the deviation", () => {
    const scaled = normal(1000, 0.02, 11);
    for (let i = 0; i < 1000; i++) expect(Math.abs(scaled[i] - 0.02 * values[i])).toBeLessThan(1e-8);
  });
});

test("the first and the last of the 2^32 uniform cells give finite normal numbers, 6.34 deviations out", () => {
  // Two places, found by search, where the 32 bits drawn are all 0 and all 1.
  for (const [seed, index, want] of [
    [10, 105_499_594, normalQuantile(2 ** -33)],
    [4, 778_746_961, -normalQuantile(2 ** -33)],
  ]) {
    const { out } = run({ out: writes.f32(1) }, ({ kernels, at, each }) =>
      each(1, 1, (begin, end) => kernels.fillNormalF32(index + begin, index + end, at.out - 4 * index, 1, seed, 1)),
    );
    expect(out[0]).toBeCloseTo(want, 5);
    expect(Math.abs(out[0])).toBeLessThan(6.4);
  }
});

describe("200,000 uniform numbers", () => {
  const count = 200_000;
  const values = uniform(count, -0.5, 0.5, 13);

  test("lie in [low, high), with mean 0 and deviation 1/√12 within 4 standard errors", () => {
    expect(values.every((value) => value >= -0.5 && value < 0.5)).toBe(true);
    const { mean, std, kurtosis } = momentsOf(values);
    const sigma = 1 / Math.sqrt(12);
    expect(Math.abs(mean)).toBeLessThan((4 * sigma) / Math.sqrt(count));
    expect(Math.abs(std - sigma)).toBeLessThan((4 * sigma * Math.sqrt(0.8)) / (2 * Math.sqrt(count)));
    expect(Math.abs(kurtosis - 1.8)).toBeLessThan(0.02);
  });

  test("fill 256 bins evenly (chi-square within 4 standard deviations)", () => {
    const counts = new Float64Array(256);
    for (const value of values) counts[Math.floor((value + 0.5) * 256)]++;
    const chi = counts.reduce((sum, seen) => sum + (seen - count / 256) ** 2 / (count / 256), 0);
    expect(Math.abs(chi - 255)).toBeLessThan(4 * Math.sqrt(510));
  });
});

describe("randomIndex", () => {
  test("is 0 for bound 1, and below every bound up to 2^31 − 1", () => {
    for (let i = 0; i < 200; i++) {
      expect(randomIndex(1, 3, 4, 5, i)).toBe(0);
      for (const bound of [2, 3, 7, 1000, 2 ** 31 - 1]) {
        const index = randomIndex(bound, 3, 4, 5, i);
        expect(Number.isInteger(index) && index >= 0 && index < bound, `${index} of ${bound}`).toBe(true);
      }
    }
  });

  test("hits each of 7, 100 and 1,000 numbers equally often (chi-square within 4 standard deviations)", () => {
    for (const bound of [7, 100, 1000]) {
      const counts = new Float64Array(bound);
      const draws = 100 * bound + 10_000;
      for (let i = 0; i < draws; i++) counts[randomIndex(bound, 17, 2, 9, i)]++;
      const chi = counts.reduce((sum, seen) => sum + (seen - draws / bound) ** 2 / (draws / bound), 0);
      expect(Math.abs(chi - (bound - 1)), `bound ${bound}`).toBeLessThan(4 * Math.sqrt(2 * (bound - 1)));
    }
  });

  test("changes with seed, stream, step and index, and is the same on every module", () => {
    const indices = (seed: number, stream: number, step: number): number[] =>
      Array.from({ length: 20 }, (_, i) => randomIndex(2 ** 30, seed, stream, step, i));
    const one = indices(1, 1, 1);
    for (const other of [indices(2, 1, 1), indices(1, 2, 1), indices(1, 1, 2)]) {
      for (const [i, index] of other.entries()) expect(index).not.toBe(one[i]);
    }
    expect(new Set(one).size).toBe(20);
    const debug = variants[1].engine.kernels;
    expect(Array.from({ length: 20 }, (_, i) => debug.randomIndex(2 ** 30, 1, 1, 1, i))).toEqual(one);
  });
});
