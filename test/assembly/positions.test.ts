import { expect, test } from "vitest";
import { forSeeds, type Random } from "../reference/random.ts";
import {
  expectDifferences,
  floatRows,
  floats,
  type Packing,
  packing,
  packRows,
  randomPacking,
  reads,
  run,
  SIZES,
  unpackRows,
  updates,
  weigh,
} from "./harness.ts";

interface Input {
  batch: Packing;
  width: number;
  /** Rows of the table. */
  window: number;
  table: number[];
}

/** Adds positions to x. */
function forward({ batch, width, window, table }: Input, x: number[], quick = false): Float32Array {
  const { offsets, steps } = batch;
  const buffers = { offsets: reads.i32(offsets), table: reads.f32(table), x: updates.f32(x) };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(steps, 1, (begin, end) =>
        kernels.positionsForwardF32(begin, end, at.offsets, width, window, at.table, at.x),
      ),
    quick,
  ).x;
}

/** Adds the gradient of the table to dTable. */
function backward({ batch, width, window }: Omit<Input, "table">, dx: number[], dTable: number[]): Float32Array {
  const { offsets, steps } = batch;
  const buffers = { offsets: reads.i32(offsets), dx: reads.f32(dx), dTable: updates.f32(dTable) };
  return run(buffers, ({ kernels, at, each }) =>
    each(window, 1, (begin, end) =>
      kernels.positionsBackwardF32(begin, end, steps, at.offsets, width, window, at.dx, at.dTable),
    ),
  ).dTable;
}

/** Steps that end before the window, at its end, beyond it, and beyond it twice and more. */
function draw(random: Random, seed: number): Input {
  const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random, 6, seed % 5 === 0 ? 40 : 9);
  const width = random.choose(SIZES);
  const { steps } = batch;
  const window = random.choose([1, 2, 3, Math.max(1, steps - 1), steps, steps + 1, steps + 5]);
  return { batch, width, window, table: floats(random, window * width) };
}

test("every row gets the position t mod window, exactly, for ragged, equal and single batches, D=0, 1, 3, 4, 5, 15", () => {
  forSeeds(80, (random, seed) => {
    const input = draw(random, seed);
    const { batch, width, window, table } = input;
    const x = batch.lengths.map((length) => floatRows(random, length, width));
    const want = x.map((sequence) =>
      sequence.map((row, t) => row.map((value, d) => Math.fround(value + table[(t % window) * width + d]))),
    );
    expect(unpackRows(batch, forward(input, packRows(batch, x)), width)).toEqual(want);
  });
});

test("every position gets the sum of its rows, added in row order to what is there, exactly; those of no step stay", () => {
  forSeeds(80, (random, seed) => {
    const input = draw(random, seed);
    const { batch, width, window } = input;
    const dx = floats(random, batch.rows * width);
    const before = floats(random, window * width);
    const want = Float32Array.from(before);
    for (let t = 0; t < batch.steps; t++) {
      for (let row = batch.offsets[t]; row < batch.offsets[t + 1]; row++) {
        for (let d = 0; d < width; d++) want[(t % window) * width + d] += dx[row * width + d];
      }
    }
    expect([...backward(input, dx, before)]).toEqual([...want]);
  });
});

test("a window of 3 over 7 steps begins again at steps 3 and 6", () => {
  const input: Input = { batch: packing([7]), width: 1, window: 3, table: [10, 20, 30] };
  expect([...forward(input, [0, 1, 2, 3, 4, 5, 6])]).toEqual([10, 21, 32, 13, 24, 35, 16]);
  expect([...backward(input, [1, 2, 4, 8, 16, 32, 64], [0, 0, 0])]).toEqual([1 + 8 + 64, 2 + 16, 4 + 32]);
});

test("no sequences are nothing: the gradient stays what it was", () => {
  const input: Input = { batch: packing([]), width: 5, window: 3, table: new Array<number>(15).fill(1) };
  expect(forward(input, []).length).toBe(0);
  const before = Array.from({ length: 15 }, (_, i) => i);
  expect([...backward(input, [], before)]).toEqual(before);
});

test("a sequence has the same bits alone as in a batch", () => {
  forSeeds(15, (random, seed) => {
    const input = draw(random, seed);
    const { batch, width } = input;
    const x = batch.lengths.map((length) => floatRows(random, length, width));
    const whole = unpackRows(batch, forward(input, packRows(batch, x)), width);
    const b = random.integer(0, x.length - 1);
    const alone = forward({ ...input, batch: packing([x[b].length]) }, x[b].flat());
    expect([...alone]).toEqual(whole[b].flat());
  });
});

test("the gradient of the table equals differences", () => {
  forSeeds(4, (random) => {
    const batch = randomPacking(random, 3, 6);
    const [width, window] = [random.integer(1, 5), random.integer(1, 4)];
    const input: Input = { batch, width, window, table: floats(random, window * width) };
    const x = floats(random, batch.rows * width);
    const dx = floats(random, batch.rows * width);
    const gradient = backward(input, dx, new Array<number>(window * width).fill(0));
    expectDifferences("table", () => weigh(forward(input, x, true), dx), input.table, gradient);
  });
});
