import { expect, test } from "vitest";
import { expectClose } from "../reference/compare.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

const ITEMS = 5;

interface Pairs {
  rows: number;
  width: number;
  y: number[];
  items: number[];
  table: number[];
  itemBias: number[];
  bias: number[];
}

const pairsOf = (random: Random, rows: number, width: number): Pairs => ({
  rows,
  width,
  y: floats(random, rows * width, 1),
  items: Array.from({ length: rows }, () => random.integer(0, ITEMS - 1)),
  table: floats(random, ITEMS * width, 1),
  itemBias: floats(random, ITEMS, 1),
  bias: floats(random, 1, 1),
});

function forward({ rows, width, y, items, table, itemBias, bias }: Pairs, quick = false): Float32Array {
  const buffers = {
    y: reads.f32(y),
    items: reads.i32(items),
    table: reads.f32(table),
    itemBias: reads.f32(itemBias),
    bias: reads.f32(bias),
    scores: writes.f32(rows),
  };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) =>
        kernels.headForwardF32(begin, end, width, at.y, at.items, at.table, at.itemBias, at.bias, at.scores),
      ),
    quick,
  ).scores;
}

function backward({ rows, width, y, items, table, itemBias }: Pairs, dScores: number[]) {
  const buffers = {
    y: reads.f32(y),
    items: reads.i32(items),
    table: reads.f32(table),
    dScores: reads.f32(dScores),
    dY: writes.f32(rows * width),
    dTable: updates.f32(table.map(() => 0)),
    dItemBias: updates.f32(itemBias.map(() => 0)),
  };
  return run(buffers, ({ kernels, at, each }) => {
    each(rows, 1, (begin, end) =>
      kernels.headBackwardRowsF32(begin, end, width, at.dScores, at.items, at.table, at.dY),
    );
    each(ITEMS, 1, (begin, end) =>
      kernels.headBackwardItemsF32(begin, end, rows, width, at.dScores, at.items, at.y, at.dTable, at.dItemBias),
    );
  });
}

test("scores of gathered items and all their gradients equal the f64 twin", () => {
  forSeeds(3, (random) => {
    for (const rows of SIZES) {
      for (const width of [1, 3, 4, 5, 15]) {
        const pairs = pairsOf(random, rows, width);
        const { y, items, table, itemBias, bias } = pairs;
        const dScores = floats(random, rows, 1);
        const scores = items.map((item, r) => {
          let sum = bias[0] + itemBias[item];
          for (let d = 0; d < width; d++) sum += y[r * width + d] * table[item * width + d];
          return sum;
        });
        const dY = y.map(
          (_, i) => dScores[Math.floor(i / width)] * table[items[Math.floor(i / width)] * width + (i % width)],
        );
        const dTable = table.map(() => 0);
        const dItemBias = itemBias.map(() => 0);
        for (const [r, item] of items.entries()) {
          dItemBias[item] += dScores[r];
          for (let d = 0; d < width; d++) dTable[item * width + d] += dScores[r] * y[r * width + d];
        }
        const at = `rows ${rows}, D=${width}`;
        expectNear(`scores, ${at}`, ["r"], [...forward(pairs)], scores);
        const got = backward(pairs, dScores);
        expectNear(`dY, ${at}`, ["i"], [...got.dY], dY);
        expectNear(`dTable, ${at}`, ["i"], [...got.dTable], dTable);
        expectNear(`dItemBias, ${at}`, ["v"], [...got.dItemBias], dItemBias);
      }
    }
  });
});

test("gradients of y, table and item bias equal differences of the scores", () => {
  forSeeds(4, (random) => {
    const pairs = pairsOf(random, 4, 5);
    const dScores = floats(random, 4, 1);
    const { dY, dTable, dItemBias } = backward(pairs, dScores);
    const loss = () => weigh(forward(pairs, true), dScores);
    expectDifferences("y", loss, pairs.y, dY);
    expectDifferences("table", loss, pairs.table, dTable);
    expectDifferences("itemBias", loss, pairs.itemBias, dItemBias);
  });
});

type Loss = "squaredErrorF32" | "binaryCrossEntropyF32";

function lossOf(kernel: Loss, scores: number[], targets: number[], scale: number, quick = false) {
  const buffers = { scores: updates.f32(scores), targets: reads.f32(targets), losses: writes.f32(scores.length) };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(scores.length, 1, (begin, end) => kernels[kernel](begin, end, at.scores, at.targets, scale, at.losses)),
    quick,
  );
}

const TWINS: Record<Loss, (s: number, t: number) => { loss: number; slope: number }> = {
  squaredErrorF32: (s, t) => ({ loss: (s - t) ** 2, slope: 2 * (s - t) }),
  binaryCrossEntropyF32: (s, t) => ({
    loss: Math.log1p(Math.exp(-Math.abs(s))) + Math.max(s, 0) - t * s,
    slope: 1 / (1 + Math.exp(-s)) - t,
  }),
};

for (const kernel of Object.keys(TWINS) as Loss[]) {
  test(`${kernel}: losses and dS equal the f64 twin, and dS differences of the losses`, () => {
    forSeeds(3, (random) => {
      for (const rows of SIZES) {
        const scores = floats(random, rows, random.choose([1, 20]));
        const targets = Array.from({ length: rows }, () => random.integer(0, 1));
        const scale = Math.fround(random.choose([1, 1 / 7]));
        const got = lossOf(kernel, scores, targets, scale);
        const want = scores.map((score, r) => TWINS[kernel](score, targets[r]));
        expectClose(
          `losses, rows ${rows}`,
          ["r"],
          [...got.losses],
          want.map(({ loss }) => loss),
          {
            absolute: 3e-7,
            relative: 3e-7,
          },
        );
        expectNear(
          `dS, rows ${rows}`,
          ["r"],
          [...got.scores],
          want.map(({ slope }) => slope * scale),
        );
      }
      const scores = floats(random, 6, 2);
      const targets = [0, 1, 1, 0, 1, 0];
      const half = scores.map(() => 0.5);
      const { scores: dS } = lossOf(kernel, scores, targets, 0.5);
      expectDifferences("scores", () => weigh(lossOf(kernel, scores, targets, 0.5, true).losses, half), scores, dS);
    });
  });
}

test("binary cross-entropy of scores far out stays finite", () => {
  const { losses, scores } = lossOf("binaryCrossEntropyF32", [1000, -1000, 1000, -1000], [1, 0, 0, 1], 1);
  expect([...losses]).toEqual([0, 0, 1000, 1000]);
  for (const value of scores) expect(Math.abs(value)).toBeLessThanOrEqual(1);
});

test("the sigmoid equals the f64 twin", () => {
  forSeeds(2, (random) => {
    for (const size of SIZES) {
      const x = floats(random, size, 10);
      const got = run({ x: reads.f32(x), y: writes.f32(size) }, ({ kernels, at, each }) =>
        each(size, 1, (begin, end) => kernels.sigmoidF32(begin, end, at.x, at.y)),
      ).y;
      expectNear(
        "sigmoid",
        ["i"],
        [...got],
        x.map((value) => 1 / (1 + Math.exp(-value))),
      );
    }
  });
});
