import { describe, expect, test } from "vitest";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { centralDifference, expectGradient } from "./finite-difference.ts";

describe("expectClose", () => {
  test("accepts what is within the tolerance, absolute or relative", () => {
    expectClose("h", ["t"], [1, 0], [1 + 1e-9, 1e-13], GOLDEN);
    expectClose("h", [], [Number.NaN, Number.POSITIVE_INFINITY], [Number.NaN, Number.POSITIVE_INFINITY], ROUNDING);
    expectClose("h", [], [0], [-0], ROUNDING);
  });

  test("names the place, both numbers and their distance for the worst entry", () => {
    const want = [
      [1, 2],
      [3, 4],
    ];
    const got = [
      [1, 2.01],
      [3, 5],
    ];
    expect(() => expectClose("h", ["t", "j"], got, want, GOLDEN)).toThrow(/^h\[t=1,j=1\]: got 5, want 4, 2097152 ULP/);
  });

  test("refuses NaN for a number, a number for NaN, and the other infinity", () => {
    expect(() => expectClose("h", ["j"], [Number.NaN], [1], GOLDEN)).toThrow("h[j=0]: got NaN, want 1");
    expect(() => expectClose("h", ["j"], [1], [Number.NaN], GOLDEN)).toThrow("h[j=0]: got 1, want NaN");
    const [up, down] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(() => expectClose("h", ["j"], [up], [down], GOLDEN)).toThrow("h[j=0]: got Infinity, want -Infinity");
  });

  test("refuses another shape", () => {
    expect(() => expectClose("h", ["t"], [[1]], [[1, 2]], GOLDEN)).toThrow("h[t=0]: got 1 entries, want 2 entries");
    expect(() => expectClose("h", ["t"], [], [1], GOLDEN)).toThrow("h: got 0 entries, want 1 entries");
    expect(() => expectClose("h", ["t"], [1], [[1]], GOLDEN)).toThrow("h[t=0]: got the number 1, want 1 entries");
  });
});

describe("expectGradient", () => {
  const values = [0.5, -1.5, 2];
  const cubes = (): number => values.reduce((sum, value) => sum + value ** 3, 0);

  test("accepts 3x² as the gradient of Σ x³ and puts the values back", () => {
    expectGradient("x", cubes, values, [0.75, 6.75, 12]);
    expect(values).toEqual([0.5, -1.5, 2]);
    expect(centralDifference(cubes, values, 2, 1e-6)).toBeCloseTo(12, 6);
  });

  test("refuses an entry that is one percent off, NaN, or missing", () => {
    expect(() => expectGradient("x", cubes, values, [0.75, 6.82, 12])).toThrow(
      /^x\[1\]: gradient 6.82, difference 6.7/,
    );
    expect(() => expectGradient("x", cubes, values, [0.75, 6.75, Number.NaN])).toThrow(/^x\[2\]: gradient NaN/);
    expect(() => expectGradient("x", cubes, values, [0.75, 6.75])).toThrow("x: gradient row 0 has 2 entries");
    expect(() => expectGradient("x", cubes, [values], [])).toThrow("x: gradient has 0 rows, the parameter 1");
  });
});
