import { expect, test } from "vitest";
import { gemm } from "./matmul.ts";
import { forSeeds, randomOf } from "./random.ts";
import {
  addMatrix,
  addOuter,
  addScaled,
  addTensors,
  dot,
  fromFlat,
  multiplyTransposed,
  multiplyVector,
  type Tensors,
  tensorsUnder,
  toFlat,
  zeroMatrix,
  zerosLike,
} from "./tensor.ts";

test("a flat row-major array becomes rows and comes back", () => {
  const flat = Float32Array.of(1, 2, 3, 4, 5, 6);
  expect(fromFlat(flat, 2, 3)).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect([...toFlat(fromFlat(flat, 3, 2))]).toEqual([...flat]);
  expect(fromFlat([], 0, 4)).toEqual([]);
  expect(() => fromFlat(flat, 2, 2)).toThrow("6 numbers, expected 4 for [2, 2]");
});

test("products of matrices and vectors are products of matrices of one column", () => {
  forSeeds(20, (random) => {
    const [rows, columns] = [random.integer(1, 6), random.integer(1, 6)];
    const matrix = random.matrix(rows, columns);
    const right = random.vector(columns);
    const left = random.vector(rows);
    const asColumn = (vector: number[]): number[][] => vector.map((value) => [value]);
    expect(multiplyVector(matrix, right)).toEqual(
      gemm({ m: rows, n: 1, k: columns }, matrix, asColumn(right)).map(([value]) => value),
    );
    expect(multiplyTransposed(matrix, left, columns)).toEqual(
      gemm({ m: columns, n: 1, k: rows }, matrix, asColumn(left), { transposeA: true }).map(([value]) => value),
    );
    const outer = zeroMatrix(rows, columns);
    addOuter(outer, left, right);
    expect(outer).toEqual(gemm({ m: rows, n: columns, k: 1 }, asColumn(left), [right]));
  });
});

test("sums go into the target and leave the source alone", () => {
  const target = [
    [1, 2],
    [3, 4],
  ];
  const source = [
    [10, 20],
    [30, 40],
  ];
  addMatrix(target, source);
  addScaled(target[0], source[1], -0.5);
  expect(target).toEqual([
    [-4, 2],
    [33, 44],
  ]);
  expect(source).toEqual([
    [10, 20],
    [30, 40],
  ]);
});

test("vectors and matrices of different length are refused, not cut", () => {
  expect(() => dot([1], [1, 2])).toThrow("dot: 1 and 2 numbers");
  expect(() => addScaled([1, 2], [1])).toThrow("addScaled: 2 and 1 numbers");
  expect(() => addMatrix([[1]], [])).toThrow("addMatrix: 1 and 0 rows");
});

test("random numbers are a function of the seed, and keep to their range", () => {
  expect(randomOf(7).vector(5)).toEqual(randomOf(7).vector(5));
  expect(randomOf(7).vector(5)).not.toEqual(randomOf(8).vector(5));
  const random = randomOf(9);
  const drawn = new Set<number>();
  for (let i = 0; i < 1000; i++) drawn.add(random.integer(-2, 3));
  expect([...drawn].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
  for (const value of random.vector(1000, 0.5)) expect(Math.abs(value)).toBeLessThanOrEqual(0.5);
});

test("a failing check names its seed", () => {
  expect(() =>
    forSeeds(5, (_, seed) => {
      if (seed === 3) throw new Error("h[0]: got 1, want 2");
    }),
  ).toThrow("h[0]: got 1, want 2, seed 3");
});

test("tensors are found under a prefix, zeroed by shape, and added by name", () => {
  const tensors: Tensors = { "blocks.1.a": [1, 2], "blocks.1.b": [[3], [4]], "blocks.10.a": [5], c: [6] };
  const under = tensorsUnder(tensors, "blocks.1.");
  expect(under).toEqual({ a: [1, 2], b: [[3], [4]] });
  expect(zerosLike(under)).toEqual({ a: [0, 0], b: [[0], [0]] });
  addTensors(tensors, { a: [10, 20], b: [[30], [40]] }, "blocks.1.");
  expect(tensors).toEqual({ "blocks.1.a": [11, 22], "blocks.1.b": [[33], [44]], "blocks.10.a": [5], c: [6] });
  expect(() => addTensors(tensors, { d: [1] })).toThrow("no tensor d");
  expect(() => addTensors(tensors, { c: [1, 2] })).toThrow("1 and 2 numbers");
});
