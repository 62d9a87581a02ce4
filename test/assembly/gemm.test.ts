import { describe, expect, test } from "vitest";
import { PANEL_COLUMNS, panelFloats } from "../../src/model/layers/linear.ts";
import { gemm } from "../reference/matmul.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
  expectUntouched,
  floats,
  reads,
  run,
  updates,
  weigh,
  writes,
} from "./harness.ts";

/** Around the 2 rows of a tile, its 16 columns, the 4 terms of a turn of its loop, 64 rows of a block and 256 terms. */
const ROWS = [0, 1, 2, 3, 4, 5, 15, 63, 64, 65, 69];
const COLUMNS = [0, 1, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 33, 51];
const TERMS = [0, 1, 2, 3, 4, 5, 6, 15, 255, 256, 257, 515];

/** How a matrix lies in memory: element (i, j) at i·row + j·column. */
interface View {
  row: number;
  column: number;
  floats: number;
}
const rowMajor = (rows: number, columns: number, gap = 0): View => ({
  row: columns + gap,
  column: 1,
  floats: rows * (columns + gap),
});
const columnMajor = (rows: number, columns: number, gap = 0): View => ({
  row: 1,
  column: rows + gap,
  floats: columns * (rows + gap),
});

interface Product {
  rows: number;
  n: number;
  k: number;
  a: View;
  b: View;
  cRow: number;
}

/** C = A·B, or c + A·B, by packF32 and gemmF32. */
function multiply(product: Product, a: number[], b: number[], c: number[] | undefined, quick = false): Float32Array {
  const { rows, n, k, cRow } = product;
  const buffers = {
    a: reads.f32(a),
    b: reads.f32(b),
    panels: writes.f32(panelFloats(n, k)),
    c: c ? updates.f32(c) : writes.f32(rows * cRow),
  };
  return run(
    buffers,
    ({ kernels, at, each }) => {
      each(Math.ceil(n / PANEL_COLUMNS), 1, (begin, end) =>
        kernels.packF32(begin, end, n, k, at.b, product.b.row, product.b.column, at.panels),
      );
      each(rows, 1, (begin, end) =>
        kernels.gemmF32(begin, end, n, k, at.a, product.a.row, product.a.column, at.panels, at.c, cRow, c ? 1 : 0),
      );
    },
    quick,
  ).c;
}

/** The canonical order: multiply, round, add, round, k ascending. */
function inOrder({ rows, n, k, a, b, cRow }: Product, aFloats: number[], bFloats: number[], c?: number[]) {
  const out = new Float32Array(rows * n);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      let sum = c ? c[i * cRow + j] : 0;
      for (let step = 0; step < k; step++) {
        const term = Math.fround(aFloats[i * a.row + step * a.column] * bFloats[step * b.row + j * b.column]);
        sum = Math.fround(sum + term);
      }
      out[i * n + j] = sum;
    }
  }
  return out;
}

function expectExact(product: Product, got: Float32Array, want: Float32Array): void {
  const { rows, n, k, cRow } = product;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < n; j++) {
      if (!Object.is(got[i * cRow + j], want[i * n + j])) {
        throw new Error(
          `c[i=${i},j=${j}] of ${rows}×${n}, k=${k}: got ${got[i * cRow + j]}, want ${want[i * n + j]} exactly`,
        );
      }
    }
  }
}

function check(random: Random, rows: number, n: number, k: number, product?: Partial<Product>): void {
  const full: Product = { rows, n, k, a: rowMajor(rows, k), b: columnMajor(k, n), cRow: n, ...product };
  const a = floats(random, full.a.floats);
  const b = floats(random, full.b.floats);
  const c = floats(random, rows * full.cRow);
  const plain = multiply(full, a, b, undefined);
  expectExact(full, plain, inOrder(full, a, b));
  const gaps = Array.from({ length: rows * full.cRow }, (_, i) => i).filter((i) => i % full.cRow >= n);
  expectUntouched("c beyond its columns", plain, gaps);
  const added = multiply(full, a, b, c);
  expectExact(full, added, inOrder(full, a, b, c));
  for (const i of gaps) expect(added[i]).toBe(c[i]);
}

describe("gemm equals the f32 loop in k order, bit for bit, overwriting and adding", () => {
  test("for numbers of rows in 0…69, columns in 0…51 and terms in 0…515, two at a time", () => {
    forSeeds(1, (random) => {
      for (const rows of ROWS) for (const n of COLUMNS) check(random, rows, n, 5);
      for (const k of TERMS) for (const n of [1, 16, 17]) check(random, 5, n, k);
      for (const k of [4, 257]) for (const rows of [3, 65]) check(random, rows, 33, k);
    });
  });

  const ORIENTATIONS: [string, (rows: number, n: number, k: number) => Pick<Product, "a" | "b">][] = [
    ["x·Wᵀ (forward)", (rows, n, k) => ({ a: rowMajor(rows, k), b: columnMajor(k, n) })],
    ["dy·W (input gradient)", (rows, n, k) => ({ a: rowMajor(rows, k), b: rowMajor(k, n) })],
    ["dyᵀ·x (weight gradient)", (rows, n, k) => ({ a: columnMajor(rows, k), b: rowMajor(k, n) })],
    ["column blocks of wider matrices", (rows, n, k) => ({ a: rowMajor(rows, k, 5), b: rowMajor(k, n, 3) })],
    ["transposed column blocks", (rows, n, k) => ({ a: columnMajor(rows, k, 2), b: columnMajor(k, n, 1) })],
  ];
  for (const [name, views] of ORIENTATIONS) {
    test(`${name}, random shapes, C with and without a gap between rows`, () => {
      forSeeds(25, (random) => {
        const [rows, n, k] = [random.integer(0, 12), random.integer(0, 35), random.integer(0, 20)];
        check(random, rows, n, k, { ...views(rows, n, k), cRow: n + random.choose([0, 0, 3]) });
      });
    });
  }
});

test("packF32 lays out 256 terms after the other as panels of 16 columns, f32[⌈n/16⌉, 256, 16], with zeros beyond n", () => {
  forSeeds(40, (random) => {
    const [n, k] = [random.choose(COLUMNS), random.choose(TERMS)];
    const view = random.choose([rowMajor, columnMajor])(k, n, random.integer(0, 2));
    const b = floats(random, view.floats);
    const { panels } = run({ b: reads.f32(b), panels: writes.f32(panelFloats(n, k)) }, ({ kernels, at, each }) =>
      each(Math.ceil(n / PANEL_COLUMNS), 1, (begin, end) =>
        kernels.packF32(begin, end, n, k, at.b, view.row, view.column, at.panels),
      ),
    );
    let i = 0;
    for (let first = 0; first < k; first += 256) {
      const last = Math.min(k, first + 256);
      for (let column = 0; column < n; column += PANEL_COLUMNS) {
        for (let step = first; step < last; step++) {
          for (let j = column; j < column + PANEL_COLUMNS; j++) {
            const want = j < n ? b[step * view.row + j * view.column] : 0;
            if (panels[i] !== want) expect(panels[i], `n=${n} k=${k}: column ${j}, term ${step}`).toBe(want);
            i++;
          }
        }
      }
    }
    expect(i).toBe(panels.length);
  });
});

test("a row of C has the same bits whatever rows stand around it", () => {
  forSeeds(20, (random) => {
    const [rows, n, k] = [random.integer(2, 70), random.integer(1, 35), random.integer(1, 20)];
    const a = floats(random, rows * k);
    const b = floats(random, n * k);
    const whole = multiply({ rows, n, k, a: rowMajor(rows, k), b: columnMajor(k, n), cRow: n }, a, b, undefined);
    const row = random.integer(0, rows - 1);
    const one = { rows: 1, n, k, a: rowMajor(1, k), b: columnMajor(k, n), cRow: n };
    const alone = multiply(one, a.slice(row * k, (row + 1) * k), b, undefined);
    expect([...alone]).toEqual([...whole.subarray(row * n, (row + 1) * n)]);
  });
});

test("gemm is within 1e-5 of the f64 twin over up to 600 terms, in all three orientations", () => {
  forSeeds(20, (random) => {
    const [rows, n, k] = [random.integer(1, 9), random.integer(1, 35), random.choose([1, 7, 100, 600])];
    const transposeA = random.choose([true, false]);
    const transposeB = random.choose([true, false]);
    const a = floats(random, rows * k);
    const b = floats(random, n * k);
    const product: Product = {
      rows,
      n,
      k,
      a: transposeA ? columnMajor(rows, k) : rowMajor(rows, k),
      b: transposeB ? columnMajor(k, n) : rowMajor(k, n),
      cRow: n,
    };
    const want = gemm(
      { m: rows, n, k },
      transposeA ? fromFlat(a, k, rows) : fromFlat(a, rows, k),
      transposeB ? fromFlat(b, n, k) : fromFlat(b, k, n),
      { transposeA, transposeB },
    );
    expectNear("c", ["i", "j"], fromFlat(multiply(product, a, b, undefined), rows, n), want);
  });
});

test("the gradient products dy·W and dyᵀ·x equal differences of x·Wᵀ", () => {
  forSeeds(6, (random) => {
    const [rows, out, width] = [random.integer(1, 5), random.integer(1, 9), random.integer(1, 6)];
    const x = floats(random, rows * width);
    const w = floats(random, out * width);
    const dy = floats(random, rows * out);
    const forward = { rows, n: out, k: width, a: rowMajor(rows, width), b: columnMajor(width, out), cRow: out };
    const loss = (): number => weigh(multiply(forward, x, w, undefined, true), dy);
    const toX = { rows, n: width, k: out, a: rowMajor(rows, out), b: rowMajor(out, width), cRow: width };
    expectDifferences("x", loss, x, multiply(toX, dy, w, undefined));
    const toW = { rows: out, n: width, k: rows, a: columnMajor(out, rows), b: rowMajor(rows, width), cRow: width };
    expectDifferences("w", loss, w, multiply(toW, dy, x, new Array(out * width).fill(0)));
  });
});
