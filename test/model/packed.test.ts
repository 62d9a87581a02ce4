import { expect, test } from "vitest";
import { cutWindows, lastRow, packHistories, placePositions } from "../../src/model/packed.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { forSeeds } from "../reference/random.ts";

test("every item of every history stands in its row, and rows are as many as items", async () => {
  const engine = await createTrainingEngine();
  forSeeds(30, (random) => {
    const mark = engine.memory.mark();
    const histories = Array.from({ length: random.integer(1, 9) }, () =>
      Array.from({ length: random.integer(1, 8) }, () => random.integer(0, 99)),
    );
    const batch = packHistories(engine, histories);
    const items = engine.memory.i32(batch.itemsAt, batch.rows);
    expect(batch.rows).toBe(histories.flat().length);
    for (let b = 0; b < batch.sequences; b++) {
      const history = histories[batch.order[b]];
      expect(batch.lengths[b]).toBe(history.length);
      if (b > 0) expect(batch.lengths[b]).toBeLessThanOrEqual(batch.lengths[b - 1]);
      expect(history.map((_, t) => items[batch.offsets[t] + b])).toEqual(history);
      expect(items[lastRow(batch, b)]).toBe(history.at(-1));
    }
    engine.memory.release(mark);
  });
});

test("windows cover all rows in order, and their offsets count from their own first row", async () => {
  const engine = await createTrainingEngine();
  const batch = packHistories(engine, [[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5], [1]]);
  const windows = cutWindows(engine, batch, 3);
  expect(
    windows.map(({ firstStep, steps, firstRow, rows, sequences }) => [firstStep, steps, firstRow, rows, sequences]),
  ).toEqual([
    [0, 3, 0, 7, 3],
    [3, 3, 7, 5, 2],
    [6, 1, 12, 1, 1],
  ]);
  for (const window of windows) {
    const offsets = [...engine.memory.i32(window.offsetsAt, window.steps + 1)];
    expect(offsets.map((row) => row + window.firstRow)).toEqual([
      ...batch.offsets.subarray(window.firstStep, window.firstStep + window.steps + 1),
    ]);
  }
});

/** Positions of each history's steps, in the order of the packing. */
async function positionsOf(lengths: readonly number[], size: number): Promise<number[][]> {
  const engine = await createTrainingEngine();
  const batch = packHistories(
    engine,
    lengths.map((length) => new Array<number>(length).fill(0)),
  );
  const positions = engine.memory.i32(placePositions(engine, batch, size), batch.rows);
  return [...batch.lengths].map((length, b) => Array.from({ length }, (_, t) => positions[batch.offsets[t] + b]));
}

test("the newest item has the last position, and each one before it the position before", async () => {
  expect(await positionsOf([1, 5, 3], 5)).toEqual([[0, 1, 2, 3, 4], [2, 3, 4], [4]]);
});

test("full windows have all positions, and the rest of a history the last ones", async () => {
  expect(await positionsOf([7, 6, 4], 3)).toEqual([
    [0, 1, 2, 0, 1, 2, 2],
    [0, 1, 2, 0, 1, 2],
    [0, 1, 2, 2],
  ]);
  expect(await positionsOf([3], 1)).toEqual([[0, 0, 0]]);
  expect(await positionsOf([], 4)).toEqual([]);
});

test("positions are those of the paper's windows, filled up from the front", async () => {
  for (const size of [1, 2, 3, 4, 9, 10, 11]) {
    for (let length = 1; length <= 10; length++) {
      const want: number[] = [];
      for (let first = 0; first < length; first += size) {
        const taken = Math.min(size, length - first);
        want.push(...Array.from({ length: size }, (_, position) => position).slice(size - taken));
      }
      expect(await positionsOf([length], size), `${length} steps, windows of ${size}`).toEqual([want]);
    }
  }
});

test("equal lengths keep the caller's order", async () => {
  const engine = await createTrainingEngine();
  expect([...packHistories(engine, [[1], [2, 3], [4], [5, 6]]).order]).toEqual([1, 3, 0, 2]);
});

test("no histories make no rows", async () => {
  const engine = await createTrainingEngine();
  expect(packHistories(engine, [])).toMatchObject({ sequences: 0, steps: 0, rows: 0 });
});
