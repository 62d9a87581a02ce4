/** Matrix products. */

import { type Matrix, zeroMatrix } from "./tensor.ts";

/** C is m×n, and k is summed over. */
export interface GemmShape {
  m: number;
  n: number;
  k: number;
}

/** How A and B are stored, and what C starts from. */
export interface GemmOptions {
  /** A is stored k×m. */
  transposeA?: boolean;
  /** B is stored n×k. */
  transposeB?: boolean;
  /** C starts from this m×n matrix (left as it is) and not from zero. */
  accumulate?: Matrix;
}

/**
 * Returns `C = op(A)·op(B)`, or `accumulate + op(A)·op(B)`: `c[i][j] = c0[i][j] + Σ_k a[i][k]·b[k][j]`, k in order.
 *
 * Any size may be 0; a product over k = 0 is zero.
 */
export function gemm(shape: GemmShape, a: Matrix, b: Matrix, options: GemmOptions = {}): Matrix {
  const { m, n, k } = shape;
  expectShape("A", a, options.transposeA ? k : m, options.transposeA ? m : k);
  expectShape("B", b, options.transposeB ? n : k, options.transposeB ? k : n);
  if (options.accumulate) expectShape("C", options.accumulate, m, n);
  const c = zeroMatrix(m, n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = options.accumulate ? options.accumulate[i][j] : 0;
      for (let p = 0; p < k; p++) {
        sum += (options.transposeA ? a[p][i] : a[i][p]) * (options.transposeB ? b[j][p] : b[p][j]);
      }
      c[i][j] = sum;
    }
  }
  return c;
}

/** Gradients of a product, stored as A and B are. */
export interface GemmGradients {
  dA: Matrix;
  dB: Matrix;
}

/** Takes dC back: `C = A·B` gives `dA = dC·Bᵀ` and `dB = Aᵀ·dC`. */
export function gemmBackward(
  shape: GemmShape,
  a: Matrix,
  b: Matrix,
  dC: Matrix,
  options: Pick<GemmOptions, "transposeA" | "transposeB"> = {},
): GemmGradients {
  const { m, n, k } = shape;
  const { transposeA = false, transposeB = false } = options;
  const dA = transposeA
    ? gemm({ m: k, n: m, k: n }, b, dC, { transposeA: transposeB, transposeB: true })
    : gemm({ m, n: k, k: n }, dC, b, { transposeB: !transposeB });
  const dB = transposeB
    ? gemm({ m: n, n: k, k: m }, dC, a, { transposeA: true, transposeB: transposeA })
    : gemm({ m: k, n, k: m }, a, dC, { transposeA: !transposeA });
  return { dA, dB };
}

function expectShape(name: string, matrix: Matrix, rows: number, columns: number): void {
  if (matrix.length !== rows || matrix.some((row) => row.length !== columns)) {
    const got = `[${matrix.length}, ${matrix[0]?.length ?? 0}]`;
    throw new RangeError(`gemm: ${name} is ${got}, expected [${rows}, ${columns}]`);
  }
}
