import { expect, test } from "vitest";
import { embeddingBackward, embeddingForward } from "../reference/embedding.ts";
import { forSeeds } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
  expectUntouched,
  floats,
  reads,
  run,
  SIZES,
  updates,
  weigh,
  writes,
} from "./harness.ts";

function gather(table: number[], ids: number[], width: number, quick = false): Float32Array {
  const buffers = { table: reads.f32(table), ids: reads.i32(ids), out: writes.f32(ids.length * width) };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(ids.length, 1, (begin, end) => kernels.gatherForwardF32(begin, end, at.table, at.ids, width, at.out)),
    quick,
  ).out;
}

function scatter(dTable: number[], ids: number[], dRows: number[], width: number, items: number): Float32Array {
  const buffers = { dRows: reads.f32(dRows), ids: reads.i32(ids), dTable: updates.f32(dTable) };
  return run(buffers, ({ kernels, at, each }) =>
    each(items, 1, (begin, end) =>
      kernels.gatherBackwardF32(begin, end, ids.length, at.dRows, at.ids, width, at.dTable),
    ),
  ).dTable;
}

test("gather copies rows exactly and scatter adds them in row order, for 0, 1, 3, 4, 5, 15 rows, columns and items", () => {
  forSeeds(3, (random) => {
    for (const rows of SIZES) {
      for (const width of SIZES) {
        const items = random.choose([1, 3, 4, 5, 15]);
        const table = floats(random, items * width);
        const ids = Array.from({ length: rows }, () => random.integer(0, items - 1));
        expect([...gather(table, ids, width)]).toEqual(embeddingForward(fromFlat(table, items, width), ids).flat());

        const dRows = floats(random, rows * width);
        const before = floats(random, items * width);
        const got = scatter(before, ids, dRows, width, items);
        const want = Float32Array.from(before);
        for (let r = 0; r < rows; r++) for (let d = 0; d < width; d++) want[ids[r] * width + d] += dRows[r * width + d];
        expect([...got], `rows ${rows}, width ${width}`).toEqual([...want]);
      }
    }
  });
});

test("scatter equals the f64 twin where one item comes up hundreds of times", () => {
  forSeeds(3, (random) => {
    const [rows, width, items] = [700, 5, 3];
    const ids = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const dRows = floats(random, rows * width);
    const got = fromFlat(scatter(new Array(items * width).fill(0), ids, dRows, width, items), items, width);
    const zero = fromFlat(new Float32Array(items * width), items, width);
    expectNear("dTable", ["item", "d"], got, embeddingBackward(zero, ids, fromFlat(dRows, rows, width)));
  });
});

test("a gather of some rows leaves the others alone", () => {
  const out = run(
    { table: reads.f32([1, 2, 3, 4]), ids: reads.i32([1, 0, 1, 0]), out: writes.f32(8) },
    ({ kernels, at }) => kernels.gatherForwardF32(1, 3, at.table, at.ids, 2, at.out),
    true,
  ).out;
  expect([...out.subarray(2, 6)]).toEqual([1, 2, 3, 4]);
  expectUntouched("out", out, [0, 1, 6, 7]);
});

test("scatter is the gradient of gather: equal to differences", () => {
  forSeeds(5, (random) => {
    const [rows, width, items] = [random.integer(1, 7), random.integer(1, 5), random.integer(1, 4)];
    const table = floats(random, items * width);
    const ids = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const dOut = floats(random, rows * width);
    const gradient = scatter(new Array(items * width).fill(0), ids, dOut, width, items);
    expectDifferences("table", () => weigh(gather(table, ids, width, true), dOut), table, gradient);
  });
});
