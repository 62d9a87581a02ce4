// The guard has to bark: a harness that sees nothing would pass every kernel.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cutWindows, packHistories } from "../../src/model/packed.ts";
import { forSeeds, randomOf } from "../reference/random.ts";
import {
  expectDifferences,
  expectNear,
  expectUntouched,
  packing,
  packNumbers,
  packRows,
  randomPacking,
  reads,
  run,
  unpackRows,
  updates,
  variants,
  writes,
} from "./harness.ts";

describe("a run is refused", () => {
  const fill = (offset: number, count: number) => () =>
    run({ x: reads.f32([1, 2]), out: writes.f32(5) }, ({ kernels, at }) =>
      kernels.fillUniformF32(0, count, at.out + offset, 0, 1, 1, 1),
    );

  test("when a kernel writes one float beyond its output, or before it, and not when it fills it", () => {
    expect(fill(0, 6)).toThrow("canary 0 bytes after out is dead");
    expect(fill(-4, 5)).toThrow("canary 4 bytes before out is dead");
    expect(fill(0, 5)).not.toThrow();
  });

  test("when an input changes", () => {
    const body = () =>
      run({ x: reads.f32([1, 2]) }, ({ kernels, at }) => kernels.fillUniformF32(1, 2, at.x, 0, 1, 1, 1));
    expect(body).toThrow("input x[1] was changed");
  });

  test("when two shares write one float", () => {
    const body = () =>
      run({ out: writes.f32(8) }, ({ kernels, at, each }) =>
        each(8, 1, (begin, end) => kernels.fillUniformF32(Math.max(0, begin - 1), end, at.out, 0, 1, 1, 1)),
      );
    expect(body).toThrow("written by two shares of 8");
  });

  test("when a share needs what another one wrote, or the result depends on where it begins", () => {
    const chained = () =>
      run({ x: updates.f32([1, 1, 1, 1, 1, 1]) }, ({ kernels, at, each }) =>
        each(5, 1, (begin, end) => kernels.addRowsF32(begin, end, 1, at.x, at.x + 4)),
      );
    expect(chained).toThrow("in shares against as a whole: x[");
    const shifted = () =>
      run({ out: writes.f32(8) }, ({ kernels, at, each }) =>
        each(8, 1, (begin, end) => kernels.fillUniformF32(0, end - begin, at.out + 4 * begin, 0, 1, 1, 1)),
      );
    expect(shifted).toThrow("in shares against as a whole: out[");
  });

  test("when the full modules lack a kernel, while the small one may", () => {
    const body = () => run({}, ({ kernels }) => (kernels as unknown as { none(): void }).none());
    expect(body).toThrow("none");
  });
});

test("outputs start as poison", () => {
  const { out } = run({ out: writes.f32(3) }, ({ kernels, at }) => kernels.fillUniformF32(1, 2, at.out, 0, 1, 1, 1));
  expectUntouched("out", out, [0, 2]);
  expect(() => expectUntouched("out", out, [1])).toThrow("out[1]");
});

test("expectNear refuses one entry that is off, and all of them a little", () => {
  const want = Array.from({ length: 100 }, (_, i) => i);
  expect(() =>
    expectNear(
      "x",
      ["i"],
      want.map((v) => (v === 3 ? v + 2e-3 : v)),
      want,
    ),
  ).toThrow("x[i=3]");
  expect(() =>
    expectNear(
      "x",
      ["i"],
      want.map((v) => v + 9e-4),
      want,
    ),
  ).toThrow("mean squared error");
  expect(() =>
    expectNear(
      "x",
      ["i"],
      want.map((v) => v + 1e-6),
      want,
    ),
  ).not.toThrow();
  expect(() => expectNear("x", ["i"], [Number.NaN], [0])).toThrow("x[i=0]");
});

test("expectDifferences refuses a gradient that is off by 1%", () => {
  const values = [0.5, 0.25];
  const loss = (): number => values[0] ** 2 + values[1];
  expect(() => expectDifferences("x", loss, values, [1, 1])).not.toThrow();
  expect(() => expectDifferences("x", loss, values, [1.01, 1])).toThrow("x[0]");
  expect(() => expectDifferences("x", loss, values, [Number.NaN, 1])).toThrow("x[0]");
});

test("batches are packed as src/model/packed.ts packs them, windows included", () => {
  forSeeds(20, (random) => {
    const batch = randomPacking(random);
    const histories = batch.lengths.map((length) => Array.from({ length }, () => random.integer(0, 99)));
    const [{ engine }] = variants;
    const mark = engine.memory.mark();
    const packed = packHistories(engine, histories);
    expect([...packed.offsets]).toEqual(batch.offsets);
    expect([...engine.memory.i32(packed.itemsAt, packed.rows)]).toEqual(packNumbers(batch, histories));
    const size = random.integer(1, 4);
    for (const window of cutWindows(engine, packed, size)) {
      const alive = batch.lengths.filter((length) => length > window.firstStep);
      const { offsets } = packing(alive.map((length) => Math.min(size, length - window.firstStep)));
      expect([...engine.memory.i32(window.offsetsAt, window.steps + 1)]).toEqual(offsets);
    }
    engine.memory.release(mark);
  });
  const sequences = [
    [
      [1, 2],
      [3, 4],
    ],
    [[5, 6]],
  ];
  expect(packRows(packing([2, 1]), sequences)).toEqual([1, 2, 5, 6, 3, 4]);
  expect(unpackRows(packing([2, 1]), [1, 2, 5, 6, 3, 4], 2)).toEqual(sequences);
});

test("every function that a module exports is called by a test of this folder, and the small module is part of the full one", () => {
  const folder = new URL(".", import.meta.url);
  const tests = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const text = tests.map((name) => readFileSync(new URL(name, folder), "utf8")).join("\n");
  const [full, debug, small] = variants.map(({ engine }) =>
    Object.entries(engine.kernels)
      .filter(([, value]) => typeof value === "function")
      .map(([name]) => name)
      .sort(),
  );
  expect(debug).toEqual(full);
  expect(small.filter((name) => !full.includes(name))).toEqual([]);
  expect(small).toContain("topKF32");
  expect(full.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});

test("every module tells its version and where the caller's memory begins: beyond its own data", () => {
  for (const { engine } of variants) {
    expect(engine.kernels.abiVersion()).toBe(1);
    expect(engine.kernels.heapBase()).toBeGreaterThanOrEqual(1024);
    expect(engine.memory.mark()).toBeGreaterThanOrEqual(engine.kernels.heapBase());
  }
  expect(randomOf(1).unit()).not.toBe(randomOf(2).unit());
});
