import { expect, test } from "vitest";
import { expectGradient } from "./finite-difference.ts";
import { linearBackward, linearForward } from "./linear.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

test("linear gives W·x + b by hand, and nothing for no rows", () => {
  const weight = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  expect(linearForward([[10, 1]], weight, [0.5, 0, -1])).toEqual([[12.5, 34, 55]]);
  expect(linearForward([], weight, [0.5, 0, -1])).toEqual([]);
});

test("linear gradients equal central differences, 0 to 4 rows, 1 to 6 in and out", () => {
  forSeeds(100, (random) => {
    const [rows, width, out] = [random.integer(0, 4), random.integer(1, 6), random.integer(1, 6)];
    const [x, weight, bias] = [random.matrix(rows, width), random.matrix(out, width), random.vector(out)];
    const dY = random.matrix(rows, out);
    const loss = (): number => linearForward(x, weight, bias).reduce((sum, row, t) => sum + dot(row, dY[t]), 0);
    const back = linearBackward(x, weight, dY);
    expectGradient("x", loss, x, back.dX);
    expectGradient("weight", loss, weight, back.dWeight);
    expectGradient("bias", loss, bias, back.dBias);
  });
});
