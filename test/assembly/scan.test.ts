import { expect, test } from "vitest";
import { pack } from "../reference/quantize.ts";
import { forSeeds } from "../reference/random.ts";
import { reads, run, updates, writes } from "./harness.ts";

const BLOCK = 64;
const length = (row: readonly number[]) =>
  Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) * (1 + 2 ** -20);

test("scanCatalogue lists what reaches each threshold, whatever it looks at first: 1–9 queries, up to three blocks", () => {
  forSeeds(60, (random) => {
    const words = 2 * random.integer(1, 8);
    const stages = [0, 0].map(() => 2 * random.integer(1, words / 2)).sort((a, b) => a - b);
    stages.push(words);
    const queries = random.choose([1, 2, 3, 4, 5, 9]);
    const groups = Math.ceil(queries / 4);
    const blocks = random.integer(1, 3);
    const count = random.integer(BLOCK * (blocks - 1) + 1, BLOCK * blocks);
    const bound = random.choose([3, 200, 5000]);
    // The first numbers are the largest, so that the first stages decide often.
    const draw = () =>
      Array.from({ length: 2 * words }, (_, k) =>
        Math.round(random.integer(-bound, bound) / (k < 2 * stages[0] ? 1 : k < 2 * stages[1] ? 4 : 16)),
      );
    const item = Array.from({ length: blocks * BLOCK }, (_, i) => (i < count ? draw() : new Array(2 * words).fill(0)));
    const query = Array.from({ length: queries }, draw);
    const sums = query.map((q) => item.map((x) => x.reduce((sum, value, k) => sum + value * q[k], 0)));
    const scale = random.choose([1, 0.5]);
    const tau = sums.map((row) => Math.fround(random.choose([row[random.integer(0, count - 1)] * scale, 1e12, -1e12])));
    const error = random.choose([0, 5]);

    const panels = new Array(blocks * BLOCK * words).fill(0);
    for (const [i, x] of item.entries()) {
      for (const [w, word] of pack(x, 2, words).entries()) {
        const stage = stages.findIndex((stop) => w < stop);
        const from = stages[stage - 1] ?? 0;
        panels[blocks * BLOCK * from + ((i >> 3) * (stages[stage] - from) + w - from) * 8 + (i & 7)] = word;
      }
    }
    const q = new Array(groups * words * 4).fill(0);
    const queryBounds = new Array(groups * 80).fill(0);
    for (let r = 0; r < 4 * groups; r++) {
      const own = 80 * (r >> 2) + (r & 3);
      queryBounds[own] = r < queries ? tau[r] : Number.POSITIVE_INFINITY;
      if (r >= queries) continue;
      for (const [w, word] of pack(query[r], 2, words).entries()) q[((r >> 2) * words + w) * 4 + (r & 3)] = word;
      queryBounds[own + 4] = error;
      queryBounds[own + 8] = length(query[r]);
      for (let stage = 0; stage < 2; stage++)
        queryBounds[own + 12 + 4 * stage] = length(query[r].slice(2 * stages[stage]));
    }
    const blockBounds = Array.from({ length: blocks }, (_, block) => {
      const own = item.slice(BLOCK * block, BLOCK * (block + 1));
      const longest = Math.max(...own.map(length));
      const rest = stages.slice(0, 2).map((stop) => Math.max(...own.map((x) => length(x.slice(2 * stop)))));
      return [1 / scale, 1, 0, longest, ...rest, 0, 0];
    }).flat();

    const buffers = {
      stages: reads.i32(stages),
      panels: reads.i32(panels),
      blockBounds: reads.f32(blockBounds),
      q: reads.i32(q),
      queryBounds: updates.f32(queryBounds),
      positions: writes.i32(queries * blocks * BLOCK),
      counts: updates.i32(new Array(queries).fill(0)),
    };
    const out = run(buffers, ({ kernels, at, each }) =>
      each(groups, 1, (begin, end) =>
        kernels.scanCatalogue(
          begin,
          end,
          queries,
          count,
          blocks,
          0,
          blocks,
          words,
          at.stages,
          at.panels,
          at.blockBounds,
          at.q,
          at.queryBounds,
          blocks * BLOCK,
          at.positions,
          at.counts,
          0,
        ),
      ),
    );
    for (const [r, row] of sums.entries()) {
      const least = Math.floor(Math.fround(Math.fround(tau[r] / scale) - error));
      const want = [...row.keys()].filter((i) => i < count && row[i] >= least);
      const got = [...out.positions.subarray(r * blocks * BLOCK, r * blocks * BLOCK + out.counts[r])];
      expect(got, `query ${r} of ${queries}, stages ${stages}`).toEqual(want);
    }
  });
});
