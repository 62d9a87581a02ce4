import { expect, test } from "vitest";
import { dropoutBackward, dropoutForward } from "./dropout.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

test("dropout at rate 1/2 doubles what it keeps and zeroes the rest, NaN included", () => {
  const x = [
    [1, 2],
    [3, Number.NaN],
  ];
  const keep = [
    [true, false],
    [true, false],
  ];
  expect(dropoutForward(x, keep, 0.5)).toEqual([
    [2, 0],
    [6, 0],
  ]);
});

test("dropout at rate 0 with everything kept changes nothing", () => {
  expect(dropoutForward([[1, -2.5]], [[true, true]], 0)).toEqual([[1, -2.5]]);
});

test("dropout gradients equal central differences", () => {
  forSeeds(100, (random) => {
    const [rows, width] = [random.integer(1, 5), random.integer(1, 6)];
    const rate = random.unit() * 0.9;
    const x = random.matrix(rows, width);
    const dY = random.matrix(rows, width);
    const keep = x.map((row) => row.map(() => random.unit() >= rate));
    const loss = (): number => dropoutForward(x, keep, rate).reduce((sum, row, r) => sum + dot(row, dY[r]), 0);
    expectGradient("x", loss, x, dropoutBackward(dY, keep, rate));
  });
});
