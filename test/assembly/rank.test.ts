import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { forSeeds, type Random } from "../reference/random.ts";
import { rankOf } from "../reference/rank.ts";
import { topK } from "../reference/topk.ts";
import { reads, run, updates, writes } from "./harness.ts";

/** Rows of scores, and what each leaves out. */
interface Scored {
  scores: number[][];
  excluded: number[][];
  stride: number;
}

const GAP = 7;

function flat({ scores, stride }: Scored): number[] {
  return scores.flatMap((row) => [...row, ...new Array<number>(stride - row.length).fill(GAP)]);
}

function offsetsOf({ excluded }: Scored): number[] {
  const offsets = [0];
  for (const ids of excluded) offsets.push(offsets[offsets.length - 1] + ids.length);
  return offsets;
}

function expectTopK(scored: Scored, k: number): void {
  const { scores, excluded, stride } = scored;
  const [rows, items] = [scores.length, scores[0].length];
  const buffers = {
    scores: updates.f32(flat(scored)),
    offsets: reads.i32(offsetsOf(scored)),
    ids: reads.i32(excluded.flat()),
    outIds: writes.i32(rows * k),
    outScores: writes.f32(rows * k),
    outCounts: writes.i32(rows),
  };
  const out = run(buffers, ({ kernels, at, each }) =>
    each(rows, 1, (begin, end) =>
      kernels.topKF32(
        begin,
        end,
        items,
        stride,
        at.scores,
        at.offsets,
        at.ids,
        k,
        at.outIds,
        at.outScores,
        at.outCounts,
      ),
    ),
  );
  for (let r = 0; r < rows; r++) {
    const want = topK(scores[r], k, excluded[r]);
    const count = out.outCounts[r];
    const got = {
      items: [...out.outIds.slice(r * k, r * k + count)],
      scores: [...out.outScores.slice(r * k, r * k + count)],
    };
    expect(got, `row ${r}, K=${k} of ${items}`).toEqual(want);
    const after = [...out.scores.subarray(r * stride, (r + 1) * stride)];
    const left = scores[r].map((score, item) => (excluded[r].includes(item) ? Number.NaN : score));
    expect(after, "only excluded scores change").toEqual([...left, ...new Array(stride - items).fill(GAP)]);
  }
}

function expectRanks(scored: Scored, targets: number[]): void {
  const { scores, excluded, stride } = scored;
  const [rows, items] = [scores.length, scores[0].length];
  const buffers = {
    scores: reads.f32(flat(scored)),
    targets: reads.i32(targets),
    offsets: reads.i32(offsetsOf(scored)),
    ids: reads.i32(excluded.flat()),
    outRanks: writes.i32(2 * rows),
  };
  const { outRanks } = run(buffers, ({ kernels, at, each }) =>
    each(rows, 1, (begin, end) =>
      kernels.rankF32(begin, end, items, stride, at.scores, at.targets, at.offsets, at.ids, at.outRanks),
    ),
  );
  const want = targets.flatMap((target, r) => [
    rankOf(scores[r], target),
    excluded[r].includes(target) ? items : rankOf(scores[r], target, excluded[r]),
  ]);
  expect([...outRanks], `targets ${targets} of ${items}`).toEqual(want);
}

const INFINITY = Number.POSITIVE_INFINITY;
const AWKWARD = [0, -0, 1, -1, 3.4e38, -3.4e38, 1e-40, -1e-40, 2 ** -149, 1e-30, INFINITY, -INFINITY, Number.NaN].map(
  Math.fround,
);

/** One way to draw a row of scores. */
type Draw = (random: Random, items: number) => number[];
const each =
  (draw: (random: Random) => number): Draw =>
  (random, items) =>
    Array.from({ length: items }, () => Math.fround(draw(random)));
const KINDS: [string, Draw][] = [
  ["random", each((random) => random.unit() * 2 - 1)],
  ["all equal", (random, items) => new Array(items).fill(random.choose(AWKWARD))],
  ["zeros of both signs", each((random) => random.choose([0, -0]))],
  ["huge", each((random) => (random.unit() * 2 - 1) * 3.4e38)],
  ["tiny", each((random) => (random.unit() * 2 - 1) * 1e-37)],
  ["denormal", each((random) => random.integer(-5, 5) * 2 ** -149)],
  ["duplicates", each((random) => random.integer(0, 3))],
  ["one ULP apart", each((random) => 1 + random.integer(0, 4) * 2 ** -23)],
  ["rising", (_random, items) => Array.from({ length: items }, (_, j) => j)],
  ["falling", (_random, items) => Array.from({ length: items }, (_, j) => -j)],
  ["infinities and NaN among others", each((random) => random.choose([...AWKWARD, random.unit()]))],
  ["mostly NaN", each((random) => random.choose([Number.NaN, Number.NaN, Number.NaN, 1]))],
];

/** Draws distinct items to leave out: none, some, all. */
function drawExcluded(random: Random, items: number): number[] {
  const share = random.choose([0, 0.2, 0.7, 1]);
  const all = Array.from({ length: items }, (_, j) => j).filter(() => random.unit() < share);
  return random.choose([all, all.reverse()]);
}

describe("topK and rank equal the twins", () => {
  for (const [name, draw] of KINDS) {
    test(`${name}: V=1…15 and 300, K from 1 to beyond V, exclusions none to all, the target among them`, () => {
      forSeeds(25, (random, seed) => {
        const items = seed <= 15 ? seed : random.choose([3, 4, 5, 15, 16, 17, 300]);
        const rows = random.choose([1, 3, 4]);
        const scored: Scored = {
          scores: Array.from({ length: rows }, () => draw(random, items)),
          excluded: Array.from({ length: rows }, () => drawExcluded(random, items)),
          stride: random.choose([items, Math.ceil(items / 8) * 8]),
        };
        expectTopK(scored, random.choose([1, 2, 3, random.integer(1, items), items, items + 5]));
        expectRanks(
          scored,
          scored.scores.map((_, r) => random.choose([random.integer(0, items - 1), scored.excluded[r][0] ?? 0])),
        );
      });
    });
  }

  test("every K from 1 to V + 1 of 20 random items, with ties", () => {
    forSeeds(5, (random) => {
      const scores = [Array.from({ length: 20 }, () => random.integer(0, 9))];
      for (let k = 1; k <= 21; k++) expectTopK({ scores, excluded: [[]], stride: 20 }, k);
    });
  });

  test("for whatever floats fast-check finds", () => {
    const score = fc.oneof(fc.float(), fc.constantFrom(...AWKWARD), fc.integer({ min: -2, max: 2 }));
    const row = fc.array(score, { minLength: 1, maxLength: 24 });
    fc.assert(
      fc.property(row, fc.nat(), fc.integer({ min: 1, max: 26 }), fc.array(fc.nat(23)), (scores, place, k, ids) => {
        const excluded = [[...new Set(ids)].filter((id) => id < scores.length)];
        expectTopK({ scores: [scores], excluded, stride: scores.length }, k);
        expectRanks({ scores: [scores], excluded, stride: scores.length }, [place % scores.length]);
      }),
      { numRuns: 400, seed: 42 },
    );
  });
});

test("no rows need no memory", () => {
  const out = run({ offsets: reads.i32([0]), ranks: writes.i32(0), counts: writes.i32(0) }, ({ kernels, at }) => {
    kernels.rankF32(0, 0, 5, 5, 0, 0, at.offsets, 0, at.ranks);
    kernels.topKF32(0, 0, 5, 5, 0, at.offsets, 0, 3, 0, 0, at.counts);
  });
  expect(out.counts.length).toBe(0);
});
