import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { createEngine } from "../../src/wasm/engine.ts";
import type { TrainingKernels } from "../../src/wasm/kernels.ts";
import { createMemory, Memory } from "../../src/wasm/memory.ts";
import { createTrainingEngine, fullModule } from "../../src/wasm/node.ts";
import { createBoard, cut, extentOf, MOST_THREADS, Team } from "../../src/wasm/team.ts";
import { forSeeds, type Random, randomOf } from "../reference/random.ts";
import { endHelpers, startHelpers, startScripted } from "./teammates.ts";

const bounds = (axis: Parameters<typeof cut>[0], grain: number, pieces: number) => {
  const to: number[] = [];
  cut(axis, grain, pieces, to);
  return to;
};

describe("cut", () => {
  test("an axis of equal places falls in pieces that differ by one block at most", () => {
    expect(bounds(12, 1, 4)).toEqual([0, 3, 6, 9, 12]);
    expect(bounds(10, 1, 4)).toEqual([0, 2, 5, 7, 10]);
    expect(bounds(10, 4, 3)).toEqual([0, 4, 8, 10]);
    expect(bounds(0, 4, 1)).toEqual([0, 0]);
  });

  test("an axis of unequal places falls in pieces of about equal work", () => {
    // Work 8, 4, 2, 1, 1: half of it is in the first place.
    expect(bounds([0, 8, 12, 14, 15, 16], 1, 2)).toEqual([0, 1, 5]);
    expect(bounds([0, 8, 12, 14, 15, 16], 1, 4)).toEqual([0, 1, 1, 2, 5]);
    expect(bounds([0, 1, 2, 3, 4], 1, 4)).toEqual([0, 1, 2, 3, 4]);
  });

  test("pieces cover the axis once, begin at multiples of the grain, and may be more than its blocks", () => {
    forSeeds(2000, (random) => {
      const extent = random.integer(0, 40);
      const steps = Array.from({ length: extent }, () => random.integer(0, 9));
      const work = [0];
      for (const step of steps) work.push(work[work.length - 1] + step);
      const axis = random.unit() < 0.5 ? extent : work;
      const grain = random.integer(1, 6);
      const pieces = random.integer(1, 12);
      const all = bounds(axis, grain, pieces);
      const label = `extent ${extent}, grain ${grain}, ${pieces} pieces, ${typeof axis}: ${all}`;
      expect(extentOf(axis), label).toBe(extent);
      expect(all.length, label).toBe(pieces + 1);
      expect([all[0], all[pieces]], label).toEqual([0, extent]);
      for (let piece = 0; piece < pieces; piece++) {
        expect(all[piece + 1] >= all[piece], label).toBe(true);
        expect(all[piece] % grain === 0 || all[piece] === extent, label).toBe(true);
      }
      if (typeof axis === "number") {
        const sizes = all.slice(1).map((end, piece) => Math.ceil((end - all[piece]) / grain));
        expect(Math.max(...sizes) - Math.min(...sizes), label).toBeLessThanOrEqual(1);
      } else {
        // No piece does more than its share and what one block adds.
        const heaviest = Math.max(0, ...steps);
        for (let piece = 0; piece < pieces; piece++) {
          const own = work[all[piece + 1]] - work[all[piece]];
          expect(own, label).toBeLessThanOrEqual(work[extent] / pieces + grain * heaviest);
        }
      }
    });
  });
});

test("each place of an axis runs once, with the call's own kernel and numbers, in 20,000 calls for 3 threads", async () => {
  const board = createBoard();
  const PLACES = 64;
  const shared = new SharedArrayBuffer(8 * PLACES);
  const code = `{
    add: (begin, end, by) => { for (let i = begin; i < end; i++) Atomics.add(words, i, by); },
    addBoth: (begin, end, by, more) => { for (let i = begin; i < end; i++) Atomics.add(words, ${PLACES} + i, by * more); },
  }`;
  const helpers = await startScripted(2, board, shared, code);
  const words = new Int32Array(shared);
  const kernels = new Function("words", `return ${code}`)(words) as WebAssembly.Exports;
  const team = new Team(board, 3, 0);
  const wanted = new Int32Array(2 * PLACES);
  const random = randomOf(1);
  for (let call = 0; call < 20_000; call++) {
    const extent = random.integer(0, PLACES);
    const grain = random.integer(1, 4);
    const [by, more] = [random.integer(1, 9), random.integer(1, 9)];
    const both = random.unit() < 0.5;
    if (both) team.share(kernels, "addBoth", extent, grain, [by, more]);
    else team.share(kernels, "add", extent, grain, [by]);
    for (let i = 0; i < extent; i++) wanted[i + (both ? PLACES : 0)] += both ? by * more : by;
    // What the helpers wrote is there when the call is over.
    if (Buffer.compare(Buffer.from(wanted.buffer), Buffer.from(shared)) !== 0)
      expect([...words], `seed 1, call ${call}`).toEqual([...wanted]);
  }
  await endHelpers(helpers);
});

/** Draws the call of a kernel that reads what others wrote; the same for every engine. */
function randomCall(random: Random, blocks: readonly number[], width: number): [string, number, number, number[]] {
  const rows = random.integer(1, 40);
  const seed = random.integer(0, 1e6);
  const [x, y] = [random.choose(blocks), random.choose(blocks)];
  const calls: [keyof TrainingKernels, number, number, number[]][] = [
    ["fillNormalF32", rows * width, 4, [x, 0.5, seed, 1]],
    ["fillUniformF32", rows * width, 4, [x, -1, 1, seed, 2]],
    ["sigmoidF32", rows * width, 4, [x, y]],
  ];
  // In one block, a piece of these would read what another one writes.
  if (x !== y) calls.push(["addRowsF32", rows, 1 + (seed % 3), [width, x, y]]);
  if (x !== y) calls.push(["squaresF64", rows, 1, [rows * 1024, x, y]]);
  return random.choose(calls);
}

test.each([1, 2, 3, 8])("%i threads give the bits of one in thousands of random kernels", async (threads) => {
  const memory = new Memory(createMemory(true));
  const board = createBoard();
  const helpers = await startHelpers(threads - 1, memory.wasm, board, threads === 2 ? 1000 : 0);
  const team = await createEngine<TrainingKernels>(await fullModule(), memory, new Team(board, threads, 0));
  const alone = await createTrainingEngine();
  const FLOATS = 40 * 1024;
  const blocksOf = ({ memory }: { memory: Memory }) =>
    Array.from({ length: 4 }, () => {
      const at = memory.planF32(FLOATS);
      memory.f32(at, FLOATS).fill(0.25);
      return at;
    });
  const blocks = blocksOf(team);
  expect(blocksOf(alone)).toEqual(blocks);
  const random = randomOf(threads);
  for (let call = 0; call < 3000; call++) {
    const [kernel, axis, grain, rest] = randomCall(random, blocks, 12);
    for (const engine of [team, alone]) (engine.each as (...all: unknown[]) => void)(kernel, axis, grain, ...rest);
    if (call % 50 > 0) continue;
    for (const block of blocks) {
      const [got, want] = [team, alone].map(({ memory }) => Buffer.from(memory.f32(block, FLOATS).slice().buffer));
      expect(Buffer.compare(got, want), `seed ${threads}, call ${call}, ${kernel}`).toBe(0);
    }
  }
  await endHelpers(helpers);
});

test("all kernels fit on the board, for the most threads", async () => {
  const { kernels } = await createTrainingEngine();
  for (const [name, kernel] of Object.entries(kernels) as [string, () => void][])
    if (typeof kernel === "function") expect(kernel.length, name).toBeLessThanOrEqual(2 + 30);
  expect(MOST_THREADS * 4).toBeLessThan(255);
});

describe("a helper that stops inside a kernel", () => {
  // The leader's own piece waits until a helper is in one: so that it is the helper that fails, every time.
  const IN = 0;
  const waitForHelper = (words: Int32Array) => ({
    work: () => {
      while (Atomics.load(words, IN) === 0) Atomics.wait(words, IN, 0);
    },
  });

  test("by a trap gives KERNEL_FAILED in the leader, and is an error of the worker", async () => {
    const board = createBoard();
    const shared = new SharedArrayBuffer(8);
    const code = `{ work: () => {
      Atomics.store(words, ${IN}, 1);
      Atomics.notify(words, ${IN});
      new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([
        0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11,
      ]))).exports.f();
    } }`;
    const [helper] = await startScripted(1, board, shared, code);
    const failed = once(helper, "error");
    const kernels = waitForHelper(new Int32Array(shared));
    const team = new Team(board, 2, 0);
    expect(() => team.share(kernels as unknown as WebAssembly.Exports, "work", 8, 1, [])).toThrow(
      expect.objectContaining({ code: "KERNEL_FAILED" }),
    );
    expect((await failed)[0]).toMatchObject({ message: expect.stringContaining("unreachable") });
  });
});
