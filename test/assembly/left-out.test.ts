import { expect, test } from "vitest";
import { forSeeds } from "../reference/random.ts";
import { zeros } from "../reference/tensor.ts";
import { floats, reads, run, updates } from "./harness.ts";

/** What is left of scores after the items that rows hold were taken out, asked for in parts that end at `bounds`. */
function masked(
  scores: number[],
  rows: { list: [number, number][]; step: number; target: number }[],
  bounds: number[],
  byItem: boolean,
) {
  const items = scores.length / rows.length;
  const buffers = {
    scores: updates.f32(scores),
    lists: reads.i32(rows.flatMap(({ list }) => list.flat())),
    seen: updates.i32(zeros(4 * rows.length)),
  };
  const [rowBytes, itemBytes] = byItem ? [4, 4 * rows.length] : [4 * items, 4];
  const out = run(buffers, ({ kernels, at, views, each }) => {
    let listAt = at.lists;
    for (const [r, { list, step, target }] of rows.entries()) {
      views.seen.set([listAt, listAt + 8 * list.length, step, target], 4 * r);
      listAt += 8 * list.length;
    }
    for (const last of bounds) {
      each(rows.length, 1, (begin, end) => {
        kernels.leaveOutF32(begin, end, last, at.seen, at.scores, rowBytes, itemBytes);
      });
    }
    // Addresses are another module's elsewhere.
    views.seen.fill(0);
  });
  return [...out.scores];
}

test("items that a row holds by its step lose their scores, the target and all others keep theirs; by rows and by items, in any parts", () => {
  forSeeds(20, (random) => {
    const [count, items] = [random.integer(1, 15), random.integer(1, 40)];
    const scores = floats(random, count * items, 3);
    const rows = Array.from({ length: count }, () => {
      const held = new Set(Array.from({ length: random.choose([0, 1, items]) }, () => random.integer(0, items - 1)));
      const list = [...held].sort((a, b) => a - b).map((item): [number, number] => [item, random.integer(0, 5)]);
      return { list, step: random.integer(0, 5), target: random.integer(-1, items - 1) };
    });
    const want = (r: number, item: number, score: number) => {
      const { list, step, target } = rows[r];
      const isHeld = list.some(([held, first]) => held === item && first <= step);
      return isHeld && item !== target ? -Infinity : score;
    };
    const middle = random.integer(0, items);
    for (const bounds of [[items], [middle, items], [0, middle, middle, items]]) {
      const byRow = scores.map((score, i) => want(Math.floor(i / items), i % items, score));
      expect(masked(scores, rows, bounds, false), `by row, ${bounds}`).toEqual(byRow);
      const byItem = scores.map((score, i) => want(i % count, Math.floor(i / count), score));
      expect(masked(scores, rows, bounds, true), `by item, ${bounds}`).toEqual(byItem);
    }
  });
});

test("items from `last` on keep their scores until they are asked for", () => {
  const rows = [
    {
      list: [
        [1, 0],
        [3, 0],
      ] as [number, number][],
      step: 0,
      target: -1,
    },
  ];
  expect(masked([1, 2, 3, 4], rows, [3], false)).toEqual([1, -Infinity, 3, 4]);
});
