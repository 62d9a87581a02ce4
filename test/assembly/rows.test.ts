import { expect, test } from "vitest";
import { forSeeds, type Random } from "../reference/random.ts";
import { expectNear, floats, packing, packRows, randomPacking, reads, run, SIZES, updates, writes } from "./harness.ts";

/** Every pair of sizes, with seeded numbers. */
function forShapes(check: (random: Random, rows: number, width: number) => void): void {
  forSeeds(2, (random) => {
    for (const rows of SIZES) for (const width of SIZES) check(random, rows, width);
  });
}

test("addRows adds exactly, for 0, 1, 3, 4, 5, 15 rows and columns", () => {
  forShapes((random, rows, width) => {
    const x = floats(random, rows * width);
    const y = floats(random, rows * width);
    const got = run({ x: reads.f32(x), y: updates.f32(y) }, ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) => kernels.addRowsF32(begin, end, width, at.x, at.y)),
    ).y;
    expect([...got]).toEqual(y.map((value, i) => Math.fround(value + x[i])));
  });
});

test("addBias adds one row to every row, exactly", () => {
  forShapes((random, rows, width) => {
    const bias = floats(random, width);
    const y = floats(random, rows * width);
    const got = run({ bias: reads.f32(bias), y: updates.f32(y) }, ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) => kernels.addBiasF32(begin, end, width, at.bias, at.y)),
    ).y;
    expect([...got]).toEqual(y.map((value, i) => Math.fround(value + bias[i % width])));
  });
});

test("columnSums adds rows in order, exactly, from a column block of a wider matrix, past three cache lines too", () => {
  const check = (random: Random, rows: number, width: number) => {
    const stride = width + random.choose([0, 2]);
    const x = floats(random, rows * stride);
    const out = floats(random, width);
    const got = run({ x: reads.f32(x), out: updates.f32(out) }, ({ kernels, at, each }) =>
      each(width, 1, (begin, end) => kernels.columnSumsF32(begin, end, rows, at.x, stride, at.out)),
    ).out;
    const want = Float32Array.from(out);
    for (let r = 0; r < rows; r++) for (let d = 0; d < width; d++) want[d] += x[r * stride + d];
    expect([...got]).toEqual([...want]);
  };
  forShapes(check);
  // Three cache lines and a tail.
  forSeeds(2, (random) => check(random, 15, 51));
});

test("rowDots is four lane sums added as (0 + 1) + (2 + 3), exactly, from column blocks", () => {
  forShapes((random, rows, width) => {
    const [aStride, bStride] = [width + random.choose([0, 3]), width + random.choose([0, 1])];
    const a = floats(random, rows * aStride);
    const b = floats(random, rows * bStride);
    const got = run({ a: reads.f32(a), b: reads.f32(b), out: writes.f32(rows) }, ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) => kernels.rowDotsF32(begin, end, width, at.a, aStride, at.b, bStride, at.out)),
    ).out;
    const exact: number[] = [];
    for (let r = 0; r < rows; r++) {
      const lanes = new Float32Array(4);
      let sum = 0;
      for (let d = 0; d < width; d++) {
        lanes[d % 4] += Math.fround(a[r * aStride + d] * b[r * bStride + d]);
        sum += a[r * aStride + d] * b[r * bStride + d];
      }
      exact.push(sum);
      expect(got[r]).toBe(Math.fround(Math.fround(lanes[0] + lanes[1]) + Math.fround(lanes[2] + lanes[3])));
    }
    expectNear("dots", ["r"], [...got], exact);
  });
});

test("scaleRows multiplies a column block by a factor of each row, in place or beside it, and leaves gaps alone", () => {
  forShapes((random, rows, width) => {
    const stride = width + random.choose([0, 3]);
    const x = floats(random, rows * stride);
    const factors = floats(random, rows, 3);
    const scaled = x.map((value, i) => Math.fround(value * factors[Math.floor(i / stride)]));
    const got = run({ x: updates.f32(x), factors: reads.f32(factors) }, ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) => kernels.scaleRowsF32(begin, end, width, at.x, stride, at.factors, at.x, stride)),
    ).x;
    expect([...got]).toEqual(x.map((value, i) => (i % stride < width ? scaled[i] : value)));
    const beside = run(
      { x: reads.f32(x), factors: reads.f32(factors), out: writes.f32(rows * width) },
      ({ kernels, at, each }) =>
        each(rows, 1, (begin, end) => kernels.scaleRowsF32(begin, end, width, at.x, stride, at.factors, at.out, width)),
    ).out;
    expect([...beside]).toEqual(scaled.filter((_, i) => i % stride < width));
  });
});

test("previousRows shifts every sequence by one step, from the state on, for ragged, equal and single batches", () => {
  forSeeds(40, (random, seed) => {
    const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random);
    const width = random.choose(SIZES);
    const { lengths, offsets, steps, rows } = batch;
    const state = lengths.map(() => floats(random, width));
    const h = lengths.map((length) => Array.from({ length }, () => floats(random, width)));
    const buffers = {
      offsets: reads.i32(offsets),
      state: reads.f32(state.flat()),
      h: reads.f32(packRows(batch, h)),
      out: writes.f32(rows * width),
    };
    const { out } = run(buffers, ({ kernels, at, each }) =>
      each(steps, 1, (begin, end) => kernels.previousRowsF32(begin, end, at.offsets, width, at.state, at.h, at.out)),
    );
    const want = h.map((sequence, b) => [state[b], ...sequence.slice(0, -1)]);
    expect([...out]).toEqual(packRows(batch, want));
  });
});
