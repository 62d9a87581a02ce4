import { expect, test } from "vitest";
import { pack, quantise } from "../reference/quantize.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { floatRows, floats, reads, run, writes } from "./harness.ts";

const BLOCK = 64;
const length = (row: readonly number[]) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));

/** Throws unless a bound holds and is no more than 2^-19 above what it bounds. */
function expectBound(name: string, got: number, least: number): void {
  if (!(got >= least && got <= least * (1 + 2 ** -18)))
    throw new Error(`${name}: got ${got}, want just above ${least}`);
}

/** Two stages and all words. */
const stagesOf = (random: Random, words: number) => [
  ...[0, 0].map(() => 2 * random.integer(1, words / 2)).sort((a, b) => a - b),
  words,
];

const shapeOf = (width: number, perWord: 2 | 4) => ({ words: 2 * Math.ceil(width / perWord / 2) });

test("items become the twin's integers, by panels of eight, with bounds just above the truth", () => {
  forSeeds(24, (random) => {
    const perWord = random.choose([2, 4] as const);
    const width = random.choose([1, 3, 4, 5, 15, 33, 64]);
    const { words } = shapeOf(width, perWord);
    const stages = stagesOf(random, words);
    const blocks = random.integer(1, 3);
    const z = floatRows(random, blocks * BLOCK, width, random.choose([1, 1e-12, 1e9]));
    if (random.choose([true, false])) z.fill(new Array(width).fill(0), BLOCK * (blocks - 1));
    const floor = 1e-20;
    // Blocks of a band, the ones before it left alone.
    const before = random.integer(0, 2);
    const all = before + blocks;
    const buffers = {
      z: reads.f32(z.flat()),
      stages: reads.i32(stages),
      panels: writes.i32(all * BLOCK * words),
      bounds: writes.f32(all * 8),
    };
    const out = run(buffers, ({ kernels, at, each }) =>
      each(blocks, 1, (begin, end) =>
        kernels.quantizeItemsF32(begin, end, perWord, width, at.stages, floor, at.z, all, before, at.panels, at.bounds),
      ),
    );
    for (let block = 0; block < blocks; block++) {
      const own = z.slice(block * BLOCK, (block + 1) * BLOCK);
      const twin = quantise(own, perWord === 4 ? 63 : undefined, floor);
      for (const [i, integers] of twin.integers.entries()) {
        const padded = Array.from({ length: words * perWord }, (_, k) => (integers[k] ?? 0) + (perWord === 4 ? 64 : 0));
        const item = (before + block) * BLOCK + i;
        const got = Array.from({ length: words }, (_, w) => {
          const stage = stages.findIndex((stop) => w < stop);
          const from = stages[stage - 1] ?? 0;
          return out.panels[all * BLOCK * from + ((item >> 3) * (stages[stage] - from) + w - from) * 8 + (item & 7)];
        });
        expect(got, `item ${item}`).toEqual(pack(padded, perWord, words));
      }
      const [inverse, farthest, residue, reach, ...rest] = out.bounds.subarray(8 * (before + block));
      expect(inverse).toBe(Math.fround(1 / twin.scale));
      expectBound("N/S", farthest, Math.max(...own.map(length)) / twin.scale);
      expectBound("R/S", residue, Math.max(...twin.residues) / twin.scale);
      expectBound("length", reach, Math.max(...twin.integers.map(length)));
      for (let stage = 0; stage < 2; stage++) {
        const beyond = twin.integers.map((row) => length(row.slice(stages[stage] * perWord)));
        expectBound(`beyond stage ${stage}`, rest[stage], Math.max(...beyond));
      }
    }
  });
});

test("queries become the twin's integers, four interleaved, with bounds just above the truth", () => {
  forSeeds(24, (random) => {
    const perWord = random.choose([2, 4] as const);
    const width = random.choose([1, 3, 4, 5, 15, 33, 64]);
    const { words } = shapeOf(width, perWord);
    const stages = stagesOf(random, words);
    const rows = random.integer(1, 9);
    const groups = Math.ceil(rows / 4);
    const [y, v] = [floatRows(random, rows, width), floatRows(random, rows, width)];
    const [mean, moments] = [floats(random, width), floats(random, width).map(Math.abs)];
    const guess = random.choose([Number.NEGATIVE_INFINITY, 2]);
    const buffers = {
      stages: reads.i32(stages),
      y: reads.f32(y.flat()),
      v: reads.f32(v.flat()),
      mean: reads.f32(mean),
      moments: reads.f32(moments),
      q: writes.i32(groups * words * 4),
      bounds: writes.f32(groups * 80),
      scales: writes.f64(rows * 4),
      guesses: writes.f32(rows),
    };
    const [relative, ofLength, constant] = [2 ** -10, 2 ** -12, 2 ** -14];
    const out = run(buffers, ({ kernels, at, each }) =>
      each(groups, 1, (begin, end) =>
        kernels.quantizeQueriesF32(
          begin,
          end,
          rows,
          perWord,
          width,
          words,
          at.stages,
          at.y,
          at.v,
          at.mean,
          at.moments,
          relative,
          ofLength,
          constant,
          guess,
          at.q,
          at.bounds,
          at.scales,
          at.guesses,
        ),
      ),
    );
    for (let r = 0; r < 4 * groups; r++) {
      const own = Array.from({ length: 8 }, (_, i) => out.bounds[80 * (r >> 2) + 4 * i + (r & 3)]);
      const got = Array.from({ length: words }, (_, w) => out.q[((r >> 2) * words + w) * 4 + (r & 3)]);
      if (r >= rows) {
        expect(own).toEqual([Number.POSITIVE_INFINITY, 0, 0, 0, 0, 0, 0, 0]);
        expect(got).toEqual(new Array(words).fill(0));
        continue;
      }
      const twin = quantise([v[r]], perWord === 4 ? 63 : undefined);
      const [integers] = twin.integers;
      expect(got).toEqual(pack(integers, perWord, words));
      const [shift, scale, center, deviation] = out.scales.subarray(4 * r);
      expect(scale).toBe(twin.scale);
      const product = y[r].reduce((sum, value, k) => sum + value * mean[k], 0);
      expect(center).toBeCloseTo(product, 12);
      expect(shift).toBeCloseTo(product + length(y[r]) * ofLength + constant, 12);
      expect(deviation).toBeCloseTo(length(v[r].map((value, k) => value * Math.sqrt(moments[k]))), 10);
      const least = Math.fround(guess === Number.NEGATIVE_INFINITY ? guess : center + guess * deviation);
      expect(out.guesses[r]).toBe(least);
      expect(own[0]).toBe(Math.fround((least - shift) * (1 / scale)));
      expectBound("a", own[1], (twin.residues[0] + relative * length(y[r])) / scale);
      expectBound("length", own[2], length(integers));
      const beyond = [0, ...stages.slice(0, 2)].map((stop) => integers.slice(stop * perWord));
      for (const [stage, rest] of beyond.entries()) {
        if (stage > 0) expectBound(`beyond stage ${stage}`, own[2 + stage], length(rest));
        const sum = rest.reduce((total, value) => total + value, 0) * (perWord === 4 ? 64 : 0);
        const at = out.bounds.byteOffset + 4 * (80 * (r >> 2) + 4 * (5 + stage) + (r & 3));
        expect(new Int32Array(out.bounds.buffer, at, 1)[0]).toBe(sum + 0);
      }
    }
  });
});
