import { expect, test } from "vitest";
import { embeddingBackward, embeddingForward } from "./embedding.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

test("gathering copies rows in order, repeats included; changing the copy leaves the table alone", () => {
  const table = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  const rows = embeddingForward(table, [2, 0, 2]);
  expect(rows).toEqual([
    [5, 6],
    [1, 2],
    [5, 6],
  ]);
  rows[0][0] = 99;
  expect(table[2]).toEqual([5, 6]);
  expect(embeddingForward(table, [])).toEqual([]);
});

test("scatter-add sums the rows of a repeated item and leaves items that were not drawn at zero", () => {
  const dTable = embeddingBackward([[0], [0], [0]], [2, 0, 2], [[1], [10], [100]]);
  expect(dTable).toEqual([[10], [0], [101]]);
});

test("embedding gradients equal central differences", () => {
  forSeeds(100, (random) => {
    const [items, width, rows] = [random.integer(1, 6), random.integer(1, 5), random.integer(0, 9)];
    const table = random.matrix(items, width);
    const drawn = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const dRows = random.matrix(rows, width);
    const loss = (): number => embeddingForward(table, drawn).reduce((sum, row, r) => sum + dot(row, dRows[r]), 0);
    expectGradient("table", loss, table, embeddingBackward(table, drawn, dRows));
  });
});
