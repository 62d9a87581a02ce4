import { describe, expect, test } from "vitest";
import { expectClose, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { gemm, gemmBackward } from "./matmul.ts";
import { forSeeds } from "./random.ts";
import { addMatrix, dot, type Matrix, zeroMatrix } from "./tensor.ts";

const transposed = (matrix: Matrix, columns: number): Matrix =>
  Array.from({ length: columns }, (_, c) => matrix.map((row) => row[c]));

describe("gemm", () => {
  test("multiplies by hand: [[1,2],[3,4]]·[[5,6],[7,8]]", () => {
    const [a, b] = [
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ];
    const shape = { m: 2, n: 2, k: 2 };
    expect(gemm(shape, a, b)).toEqual([
      [19, 22],
      [43, 50],
    ]);
    expect(gemm(shape, a, b, { transposeA: true })).toEqual([
      [26, 30],
      [38, 44],
    ]);
    expect(gemm(shape, a, b, { transposeB: true })).toEqual([
      [17, 23],
      [39, 53],
    ]);
  });

  test("gives one result for every way of storing A and B, sizes 0 to 15, and adds to what is there", () => {
    forSeeds(100, (random) => {
      const [m, n, k] = [random.integer(0, 15), random.integer(0, 15), random.integer(0, 15)];
      const shape = { m, n, k };
      const [a, b, c] = [random.matrix(m, k), random.matrix(k, n), random.matrix(m, n)];
      const want = gemm(shape, a, b);
      expect(want.length).toBe(m);
      for (const transposeA of [false, true]) {
        for (const transposeB of [false, true]) {
          const options = { transposeA, transposeB };
          const storedA = transposeA ? transposed(a, k) : a;
          const storedB = transposeB ? transposed(b, n) : b;
          expectClose("C", ["i", "j"], gemm(shape, storedA, storedB, options), want, ROUNDING);
          const sum = want.map((row) => [...row]);
          addMatrix(sum, c);
          const got = gemm(shape, storedA, storedB, { ...options, accumulate: c });
          expectClose("C0 + A·B", ["i", "j"], got, sum, ROUNDING);
        }
      }
    });
  });

  test("a product over nothing is zero, or what was there", () => {
    expect(gemm({ m: 2, n: 1, k: 0 }, [[], []], [])).toEqual(zeroMatrix(2, 1));
    expect(gemm({ m: 1, n: 1, k: 0 }, [[]], [], { accumulate: [[7]] })).toEqual([[7]]);
  });

  test("refuses operands of another shape", () => {
    const shape = { m: 1, n: 2, k: 3 };
    expect(() => gemm(shape, [[1, 2]], zeroMatrix(3, 2))).toThrow("A is [1, 2], expected [1, 3]");
    expect(() => gemm(shape, [[1, 2, 3]], zeroMatrix(2, 3))).toThrow("B is [2, 3], expected [3, 2]");
    expect(() => gemm(shape, [[1, 2, 3]], zeroMatrix(3, 2), { accumulate: [[1]] })).toThrow("C is [1, 1]");
  });
});

test("gemmBackward equals central differences for every way of storing A and B", () => {
  forSeeds(100, (random) => {
    const [m, n, k] = [random.integer(1, 5), random.integer(1, 5), random.integer(1, 5)];
    const options = { transposeA: random.choose([false, true]), transposeB: random.choose([false, true]) };
    const a = options.transposeA ? random.matrix(k, m) : random.matrix(m, k);
    const b = options.transposeB ? random.matrix(n, k) : random.matrix(k, n);
    const dC = random.matrix(m, n);
    const loss = (): number => gemm({ m, n, k }, a, b, options).reduce((sum, row, i) => sum + dot(row, dC[i]), 0);
    const { dA, dB } = gemmBackward({ m, n, k }, a, b, dC, options);
    expectGradient(`A ${JSON.stringify(options)}`, loss, a, dA);
    expectGradient(`B ${JSON.stringify(options)}`, loss, b, dB);
  });
});
