import { expect, test } from "vitest";
import { joinLists } from "../../src/rank/search.ts";
import { forSeeds } from "../reference/random.ts";
import { topK } from "../reference/topk.ts";
import { floatRows, floats, reads, run, updates, writes } from "./harness.ts";

test("rescore keeps the best of what is listed and reaches the guess, in canonical scores, and take has them in order; excluded and barred items never enter: K=1…150", () => {
  forSeeds(60, (random) => {
    const items = random.choose([1, 3, 4, 5, 15, 40, 150]);
    const width = random.choose([1, 3, 4, 5, 15, 64]);
    const rows = random.choose([1, 3, 4, 5]);
    const k = random.integer(1, items);
    const [table, y] = [floatRows(random, items, width), floatRows(random, rows, width)];
    if (items > 4) table[2] = table[4];
    const bias = random.choose([undefined, floats(random, items)]);
    const order = Array.from({ length: items }, (_, i) => (i * 7 + 3) % items);
    const isOrder = new Set(order).size === items;
    const itemAt = isOrder ? order : order.map((_, i) => i);
    const barred = Array.from({ length: items }, () => random.unit() < 0.2);
    const words = new Uint32Array(Math.ceil(items / 4));
    for (const [item, out] of barred.entries()) if (out) words[item >> 2] |= 1 << (8 * (item & 3));
    const pick = (share: number) => Array.from({ length: items }, (_, i) => i).filter(() => random.unit() < share);
    const excluded = y.map(() => pick(0.2));
    // Two lists one after the other: what the first kept has to compete with the second.
    const listed = y
      .map(() => [pick(0.5), pick(0.5)])
      .map(([a, b]) => [a, b.filter((position) => !a.includes(position))]);
    const { offsets } = joinLists(excluded);
    const scales = y.flatMap(() => [0.25, 2, 0, 0]);
    const guesses = y.map(() => random.choose([Number.NEGATIVE_INFINITY, 0.125]));
    const positions = new Array(rows * items).fill(-1);
    for (const [r, [first]] of listed.entries())
      for (const [i, position] of first.entries()) positions[r * items + i] = position;

    const stride = 4 * Math.ceil(k / 4);
    const places = y.map((_, r) => (r + 1) % rows);
    const buffers = {
      y: reads.f32(y.flat()),
      table: reads.f32(table.flat()),
      bias: reads.f32(bias ?? [0]),
      order: reads.i32(itemAt),
      barred: reads.i32(new Int32Array(words.buffer)),
      offsets: reads.i32(offsets),
      ids: reads.i32(excluded.flat()),
      positions: updates.i32(positions),
      counts: updates.i32(listed.map(([first]) => first.length)),
      scales: reads.f64(scales),
      guesses: reads.f32(guesses),
      bounds: updates.f32(new Array(80 * Math.ceil(rows / 4)).fill(7)),
      listIds: updates.i32(new Array(rows * stride).fill(0)),
      listScores: updates.f32(new Array(rows * stride).fill(Number.NEGATIVE_INFINITY)),
      listCounts: updates.i32(new Array(rows).fill(0)),
      scratch: updates.f32(new Array(8 * rows).fill(0)),
      places: reads.i32(places),
      outIds: writes.i32(rows * k),
      outScores: writes.f32(rows * k),
      outCounts: writes.i32(rows),
    };
    const out = run(buffers, ({ kernels, at, each, views }) => {
      const rescore = () =>
        each(rows, 1, (begin, end) =>
          kernels.rescoreF32(
            begin,
            end,
            k,
            width,
            at.y,
            at.table,
            bias ? at.bias : 0,
            at.order,
            at.barred,
            at.offsets,
            at.ids,
            at.positions,
            items,
            1,
            at.counts,
            at.scales,
            at.guesses,
            at.bounds,
            at.listIds,
            at.listScores,
            at.listCounts,
            at.scratch,
          ),
        );
      rescore();
      expect([...views.counts]).toEqual(new Array(rows).fill(0));
      for (const [r, [, second]] of listed.entries()) {
        views.counts[r] = second.length;
        for (const [i, position] of second.entries()) views.positions[r * items + i] = position;
      }
      rescore();
      each(rows, 1, (begin, end) =>
        kernels.takeTopKF32(
          begin,
          end,
          k,
          at.listIds,
          at.listScores,
          at.listCounts,
          at.places,
          at.outIds,
          at.outScores,
          at.outCounts,
        ),
      );
    });
    for (let r = 0; r < rows; r++) {
      const candidates = listed[r].flat().map((position) => itemAt[position]);
      const scores = table.map((row, item) => {
        if (!candidates.includes(item)) return Number.NaN;
        let sum = 0;
        for (let d = 0; d < width; d++) sum = Math.fround(sum + Math.fround(y[r][d] * row[d]));
        const score = bias ? Math.fround(sum + bias[item]) : sum;
        return score >= guesses[r] ? score : Number.NaN;
      });
      const want = topK(scores, k, [...excluded[r], ...itemAt.filter((item) => barred[item])]);
      const count = out.outCounts[places[r]];
      const [from, to] = [places[r] * k, places[r] * k + count];
      expect({ items: [...out.outIds.slice(from, to)], scores: [...out.outScores.slice(from, to)] }).toEqual(want);
      const theta = Math.max(want.scores[k - 1], guesses[r]);
      const tau = out.bounds[80 * (r >> 2) + (r & 3)];
      expect(tau, "the threshold").toBe(count < k ? 7 : Math.fround((theta - 0.25) / 2));
    }
  });
});

test("scores of all items straight from the table are the canonical sums, in shares of four items as well", () => {
  forSeeds(20, (random) => {
    const items = random.choose([0, 1, 3, 4, 5, 8, 15, 40]);
    const width = random.choose([1, 3, 4, 5, 15, 64]);
    const [table, y] = [floatRows(random, items, width), floats(random, width)];
    const buffers = { y: reads.f32(y), table: reads.f32(table.flat()), scores: writes.f32(items) };
    const out = run(buffers, ({ kernels, at, each }) =>
      each(items, 4, (begin, end) => kernels.scoreTableF32(begin, end, width, at.y, at.table, at.scores)),
    );
    const wanted = table.map((row) => row.reduce((sum, value, d) => Math.fround(sum + Math.fround(y[d] * value)), 0));
    expect([...out.scores]).toEqual(wanted);
  });
});
