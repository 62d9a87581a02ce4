import { describe, expect, test } from "vitest";
import { interestBackward, interestForward, type Normalization } from "../reference/interest.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
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
  writes,
} from "./harness.ts";

/** Rows of u: one a sequence, or one a step. */
const rowsOfU = (batch: Packing, normalize: Normalization): number =>
  normalize === "sequence" ? batch.lengths.length : batch.rows;

function forward(batch: Packing, normalize: Normalization, width: number, x: number[], quick = false): Float32Array {
  const { offsets, steps, lengths } = batch;
  const buffers = {
    offsets: reads.i32(offsets),
    x: reads.f32(x),
    u: writes.f32(rowsOfU(batch, normalize) * width),
  };
  return run(
    buffers,
    ({ kernels, at, each }) => {
      const mean = normalize === "sequence" ? kernels.meanForwardF32 : kernels.runningMeanForwardF32;
      each(lengths.length, 1, (begin, end) => mean(begin, end, steps, at.offsets, width, at.x, at.u));
    },
    quick,
  ).u;
}

function backward(batch: Packing, normalize: Normalization, width: number, dU: number[], dX: number[]): Float32Array {
  const { offsets, steps, lengths } = batch;
  const buffers = {
    offsets: reads.i32(offsets),
    dU: normalize === "sequence" ? reads.f32(dU) : updates.f32(dU),
    dX: updates.f32(dX),
  };
  return run(buffers, ({ kernels, at, each }) => {
    const mean = normalize === "sequence" ? kernels.meanBackwardF32 : kernels.runningMeanBackwardF32;
    each(lengths.length, 1, (begin, end) => mean(begin, end, steps, at.offsets, width, at.dU, at.dX));
  }).dX;
}

/** u taken apart by sequence. */
const unpackU = (batch: Packing, normalize: Normalization, u: Float32Array, width: number): number[][][] =>
  normalize === "sequence" ? fromFlat(u, batch.lengths.length, width).map((row) => [row]) : unpackRows(batch, u, width);

const packU = (batch: Packing, normalize: Normalization, u: number[][][]): number[] =>
  normalize === "sequence" ? u.flat(2) : packRows(batch, u);

function batchOf(random: Random, seed: number): Packing {
  return seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random, 6, seed % 5 === 0 ? 40 : 7);
}

for (const normalize of ["sequence", "causal"] as const) {
  describe(normalize === "sequence" ? "the mean of a whole history" : "the mean of everything so far", () => {
    test("equals the f64 twin, forward and backward, for ragged, equal and single batches, D=0, 1, 3, 4, 5, 15", () => {
      forSeeds(40, (random, seed) => {
        const batch = batchOf(random, seed);
        const width = random.choose(SIZES);
        const x = batch.lengths.map((length) => floatRows(random, length, width));
        const u = forward(batch, normalize, width, packRows(batch, x));
        const want = x.map((sequence) => interestForward("mean", normalize, sequence, []));
        expectNear("u", ["b", "t", "d"], unpackU(batch, normalize, u, width), want);

        const dU = want.map((rows) => floatRows(random, rows.length, width));
        const before = x.map((sequence) => floatRows(random, sequence.length, width));
        const dX = backward(batch, normalize, width, packU(batch, normalize, dU), packRows(batch, before));
        const wantX = x.map((sequence, b) => {
          const through = interestBackward("mean", normalize, sequence, dU[b]).dX;
          return through.map((row, t) => row.map((value, d) => value + before[b][t][d]));
        });
        expectNear("dX", ["b", "t", "d"], unpackRows(batch, dX, width), wantX);
      });
    });

    test("of no sequences is nothing", () => {
      expect(forward(packing([]), normalize, 5, []).length).toBe(0);
      expect(backward(packing([]), normalize, 5, [], []).length).toBe(0);
    });

    test("gives a sequence the same bits alone as in a batch", () => {
      forSeeds(15, (random) => {
        const batch = randomPacking(random);
        const width = random.integer(1, 9);
        const x = batch.lengths.map((length) => floatRows(random, length, width));
        const u = unpackU(batch, normalize, forward(batch, normalize, width, packRows(batch, x)), width);
        const b = random.integer(0, x.length - 1);
        const one = packing([x[b].length]);
        expect(unpackU(one, normalize, forward(one, normalize, width, x[b].flat()), width)).toEqual([u[b]]);
      });
    });

    test("has a gradient equal to differences", () => {
      forSeeds(4, (random) => {
        const batch = randomPacking(random, 3, 6);
        const width = random.integer(1, 5);
        const x = floats(random, batch.rows * width);
        const dU = floats(random, rowsOfU(batch, normalize) * width);
        const dX = backward(
          batch,
          normalize,
          width,
          dU,
          x.map(() => 0),
        );
        expectDifferences("x", () => weigh(forward(batch, normalize, width, x, true), dU), x, dX);
      });
    });
  });
}
