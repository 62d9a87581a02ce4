import { expect, test } from "vitest";
import { dropoutBackward, dropoutForward } from "../reference/dropout.ts";
import { forSeeds, randomOf } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import { expectNear, floats, reads, run, SIZES, updates, writes } from "./harness.ts";

interface Place {
  rate: number;
  seed?: number;
  stream?: number;
  step?: number;
  firstRow?: number;
}

function dropout(rows: number, width: number, input: number[], place: Place): Float32Array {
  const { rate, seed = 1, stream = 2, step = 3, firstRow = 0 } = place;
  return run({ input: reads.f32(input), output: writes.f32(rows * width) }, ({ kernels, at, each }) =>
    each(rows, 1, (begin, end) =>
      kernels.dropoutF32(begin, end, width, at.input, at.output, rate, seed, stream, step, firstRow),
    ),
  ).output;
}

const ones = (count: number): number[] => new Array<number>(count).fill(1);

test("dropout keeps a share of 1 − p within 4 standard deviations and scales it by 1/(1 − p)", () => {
  for (const rate of [0.1, 0.25, 0.5, 0.9]) {
    const [rows, width] = [500, 40];
    const mask = dropout(rows, width, ones(rows * width), { rate, seed: 5 });
    const kept = mask.filter((value) => value !== 0);
    const error = Math.sqrt(rows * width * rate * (1 - rate));
    expect(Math.abs(kept.length - rows * width * (1 - rate)), `rate ${rate}`).toBeLessThan(4 * error);
    const factor = 1 / (1 - Math.fround(rate));
    expect(kept.find((value) => !(Math.abs(value / factor - 1) < 1.5e-7))).toBeUndefined();
  }
});

test("a rate of 0 copies", () => {
  const input = floats(randomOf(1), 5 * 15);
  expect([...dropout(5, 15, input, { rate: 0 })]).toEqual(input);
});

test("dropout equals the twin given its mask, forward and backward, for 0, 1, 3, 4, 5 and 15 rows and columns", () => {
  forSeeds(1, (random) => {
    for (const rows of SIZES) {
      for (const width of SIZES) {
        const rate = random.choose([0.1, 0.5, 0.7]);
        const x = floats(random, rows * width);
        const dy = floats(random, rows * width);
        const mask = fromFlat(dropout(rows, width, ones(rows * width), { rate }), rows, width);
        const keep = mask.map((row) => row.map((value) => value !== 0));
        const forward = fromFlat(dropout(rows, width, x, { rate }), rows, width);
        expectNear("y", ["r", "d"], forward, dropoutForward(fromFlat(x, rows, width), keep, rate), 3e-7);
        const backward = fromFlat(dropout(rows, width, dy, { rate }), rows, width);
        expectNear("dx", ["r", "d"], backward, dropoutBackward(fromFlat(dy, rows, width), keep, rate), 3e-7);
      }
    }
  });
});

test("seed, stream and step each give another mask; rows and columns are not masked alike", () => {
  const [rows, width] = [20, 20];
  const maskOf = (place: Partial<Place>): string =>
    dropout(rows, width, ones(rows * width), { rate: 0.5, ...place }).join("");
  const masks = [maskOf({}), maskOf({ seed: 2 }), maskOf({ stream: 3 }), maskOf({ step: 4 }), maskOf({ firstRow: 1 })];
  expect(new Set(masks).size).toBe(masks.length);
  const mask = fromFlat(dropout(rows, width, ones(rows * width), { rate: 0.5 }), rows, width);
  expect(new Set(mask.map((row) => row.join(""))).size).toBe(rows);
  expect(new Set(mask[0].map((_, d) => mask.map((row) => row[d]).join(""))).size).toBe(width);
});

test("the mask does not depend on the window: rows from firstRow on equal those of the whole batch", () => {
  forSeeds(20, (random) => {
    const [rows, width] = [random.integer(2, 20), random.integer(1, 9)];
    const x = floats(random, rows * width);
    const whole = dropout(rows, width, x, { rate: 0.4 });
    const firstRow = random.integer(1, rows - 1);
    const window = dropout(rows - firstRow, width, x.slice(firstRow * width), { rate: 0.4, firstRow });
    expect([...window]).toEqual([...whole.subarray(firstRow * width)]);
  });
});

test("the output may be the input", () => {
  const x = floats(randomOf(3), 7 * 5);
  const { x: inPlace } = run({ x: updates.f32(x) }, ({ kernels, at, each }) =>
    each(7, 1, (begin, end) => kernels.dropoutF32(begin, end, 5, at.x, at.x, 0.5, 1, 2, 3, 0)),
  );
  expect([...inPlace]).toEqual([...dropout(7, 5, x, { rate: 0.5 })]);
});

test("rows beyond 2^32 / width have masks of their own: the element index is 64 bits wide", () => {
  const [near, far] = [0, 2 ** 24].map((firstRow) => dropout(4, 256, ones(4 * 256), { rate: 0.5, firstRow }));
  expect([...near]).not.toEqual([...far]);
});
