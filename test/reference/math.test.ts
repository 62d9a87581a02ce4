import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN } from "./compare.ts";
import { erfc, exp, logSumExp, normalQuantile, sigmoid, tanh, ulpDistance, ulpError } from "./math.ts";

/** 2^−23: the spacing of f32 numbers from 1 to 2. */
const SPACING = 2 ** -23;

describe("elementary functions equal Python's standard library", () => {
  const functions = { exp, sigmoid, tanh, erfc, normalQuantile };
  const { cases } = loadGolden("math.json");

  test("all five are covered", () => {
    expect(cases.map((one) => one.name).sort()).toEqual(Object.keys(functions).sort());
  });

  for (const { name, rows } of cases) {
    test(`${name} at ${rows.length} points, relative to its value`, () => {
      for (const [x, want] of rows) {
        expectClose(`${name}(${x})`, [], functions[name](x), want, { absolute: 1e-300, relative: GOLDEN.relative });
      }
    });
  }
});

test("sigmoid neither overflows nor loses its small values", () => {
  expect(sigmoid(-1000)).toBe(0);
  expect(sigmoid(1000)).toBe(1);
  expect(sigmoid(-700)).toBeGreaterThan(0);
  expect(sigmoid(3) + sigmoid(-3)).toBeCloseTo(1, 15);
});

test("logSumExp takes scores of ±1000, minus infinity and nothing", () => {
  expect(logSumExp([1000, 1000])).toBeCloseTo(1000 + Math.log(2), 12);
  expect(logSumExp([-1000, -1000])).toBeCloseTo(-1000 + Math.log(2), 12);
  expect(logSumExp([Number.NEGATIVE_INFINITY, 2])).toBe(2);
  expect(logSumExp([])).toBe(Number.NEGATIVE_INFINITY);
});

test("the quantile function inverts the distribution function and refuses what is no probability", () => {
  for (const p of [1e-12, 0.001, 0.1, 0.5, 0.9, 0.999]) {
    const x = normalQuantile(p);
    expectClose(`Φ(Φ⁻¹(${p}))`, [], erfc(-x / Math.SQRT2) / 2, p, { absolute: 0, relative: 1e-11 });
  }
  expect(normalQuantile(0.5)).toBe(0);
  for (const p of [0, 1, -0.1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(`p is ${p}`);
});

describe("ulpDistance", () => {
  test("counts f32 numbers across powers of two and across zero", () => {
    expect(ulpDistance(1, 1)).toBe(0);
    expect(ulpDistance(1, 1 + SPACING)).toBe(1);
    expect(ulpDistance(1, 1 - SPACING / 2)).toBe(1);
    expect(ulpDistance(1 + 3 * SPACING, 1 - SPACING)).toBe(5);
    expect(ulpDistance(2 ** -149, -(2 ** -149))).toBe(2);
    expect(ulpDistance(0, -0)).toBe(0);
    expect(ulpDistance(-1, -1 - SPACING)).toBe(1);
  });

  test("rounds both numbers to f32 first", () => {
    expect(ulpDistance(0.1, Math.fround(0.1))).toBe(0);
    expect(ulpDistance(Math.fround(0.1), 0.1 + 1e-8)).toBe(1);
  });

  test("keeps NaN apart from every number, and infinity next to the largest", () => {
    expect(ulpDistance(Number.NaN, Number.NaN)).toBe(0);
    expect(ulpDistance(Number.NaN, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(ulpDistance(1, Number.NaN)).toBe(Number.POSITIVE_INFINITY);
    expect(ulpDistance((2 - SPACING) * 2 ** 127, Number.POSITIVE_INFINITY)).toBe(1);
  });
});

test("ulpError measures in fractions of the spacing, against the exact value", () => {
  expect(ulpError(1, 1 + SPACING / 4)).toBe(0.25);
  expect(ulpError(-3, -3 - 2 * SPACING)).toBe(1);
  expect(ulpError(0.75, 0.75)).toBe(0);
});
