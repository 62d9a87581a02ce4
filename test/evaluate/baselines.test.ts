import { expect, test } from "vitest";
import { buildHistories, type Histories } from "../../src/data/histories.ts";
import { LogBuilder } from "../../src/data/log.ts";
import { splitHistories } from "../../src/data/split.ts";
import { type BaselinePreset, ScoreRanker } from "../../src/evaluate/baselines/baseline.ts";
import { markov } from "../../src/evaluate/baselines/markov.ts";
import { popular } from "../../src/evaluate/baselines/popular.ts";
import { distinctItems } from "../../src/rank/ranker.ts";
import { forSeeds } from "../reference/random.ts";

function historiesOf(lines: string[]): Histories {
  const log = new LogBuilder();
  for (const line of lines) {
    const [user, ...items] = line.split(" ");
    items.forEach((item, time) => {
      log.add(user, item, time);
    });
  }
  return buildHistories(log.build(), {}).histories;
}

function listOf(baseline: BaselinePreset, lines: string[], history: string[]): string[] {
  const histories = historiesOf(lines);
  const ranker = baseline.fit(splitHistories(histories, "none"));
  const items = history.map((id) => histories.items.indexOf(id));
  const [list] = ranker.topK([{ history: items, excluded: distinctItems(items) }], 10);
  return Array.from(list.items, (item) => histories.items.idOf(item));
}

const LINES = ["u1 a b c", "u2 a b d", "u3 d c", "u4 d a c", "u5 c d"];

test("popular lists by events, item order among equals, without what was seen", () => {
  // c and d have four events each, a three, b two; c was seen first.
  expect(listOf(popular, LINES, [])).toEqual(["c", "d", "a", "b"]);
  expect(listOf(popular, LINES, ["c"])).toEqual(["d", "a", "b"]);
});

test("markov lists what followed the last item by count, then the rest by popularity", () => {
  // After a came b, b, c.
  expect(listOf(markov, LINES, ["a"])).toEqual(["b", "c", "d"]);
  // After b came c and d once each: the tie goes to item order, because their popularity is equal.
  expect(listOf(markov, LINES, ["b"])).toEqual(["c", "d", "a"]);
});

test("learns nothing from held-out events", () => {
  const histories = historiesOf(["u1 a b c d", "u2 a b c d"]);
  const ranker = markov.fit(splitHistories(histories, "leave-one-out"));
  const c = histories.items.indexOf("c");
  const d = histories.items.indexOf("d");
  // c → d only happens in the test events, so d is not ahead of a, which is popular.
  expect(ranker.ranks([{ history: [c], excluded: distinctItems([c]) }], [d]).allowed[0]).toBe(3);
});

test("ranks agree with the list of the whole catalogue, for any scores with ties", () => {
  forSeeds(50, (random) => {
    const items = random.integer(1, 20);
    const counts = Float64Array.from({ length: items }, () => random.integer(0, 3));
    const scores = Float64Array.from({ length: items }, () => random.integer(0, 2));
    const ranker = new ScoreRanker(counts, (_history, out) => out.set(scores));
    const excluded = distinctItems(Array.from({ length: random.integer(0, items) }, () => random.integer(0, items - 1)));
    const target = random.integer(0, items - 1);
    const [list] = ranker.topK([{ history: [0], excluded }], items);
    const [whole] = ranker.topK([{ history: [0], excluded: new Int32Array(0) }], items);
    const { all, allowed } = ranker.ranks([{ history: [0], excluded }], [target]);
    expect(all[0]).toBe(whole.items.indexOf(target) + 1);
    expect(allowed[0]).toBe(excluded.includes(target) ? items : list.items.indexOf(target) + 1);
  });
});
