import { describe, expect, test } from "vitest";
import { buildHistories, type Histories } from "../../src/data/histories.ts";
import { LogBuilder } from "../../src/data/log.ts";
import { readLog } from "../../src/data/read/index.ts";
import { type Split, splitHistories } from "../../src/data/split.ts";
import { type BaselinePreset, ScoreRanker } from "../../src/evaluate/baselines/baseline.ts";
import { BASELINES } from "../../src/evaluate/baselines/index.ts";
import { markov } from "../../src/evaluate/baselines/markov.ts";
import { popular } from "../../src/evaluate/baselines/popular.ts";
import { sequentialRules } from "../../src/evaluate/baselines/sequential-rules.ts";
import { SessionIndex } from "../../src/evaluate/baselines/session-index.ts";
import { SparseScores } from "../../src/evaluate/baselines/sparse.ts";
import { evaluateCases } from "../../src/evaluate/protocol.ts";
import { distinctItems } from "../../src/rank/ranker.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import {
  itemKnnTwin,
  markovTwin,
  popularTwin,
  sequentialRulesTwin,
  sessionKnnTwin,
  type Twin,
} from "./baseline-twins.ts";

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
  const ranker = baseline.fit(splitHistories(histories, "none"), Math.log2);
  const items = history.map((id) => histories.items.indexOf(id));
  const [list] = ranker.topK([{ history: items, excluded: distinctItems(items) }], 10);
  return Array.from(list.items, (item) => histories.items.idOf(item));
}

/** A log of users with 1 to `longest` events, skewed to the first items, with repeats; users in a few equal times. */
function randomSplit(random: Random, users: number, items: number, longest: number): Split {
  const log = new LogBuilder();
  for (let user = 0; user < users; user++) {
    const start = random.integer(0, 5);
    const length = random.integer(1, longest);
    for (let event = 0; event < length; event++) {
      const item = Math.min(random.integer(0, items - 1), random.integer(0, items - 1));
      log.add(`u${user}`, `i${item}`, start + event);
    }
  }
  return splitHistories(buildHistories(log.build(), {}).histories, "leave-one-out");
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

const TWINS: Record<string, Twin> = {
  popular: popularTwin,
  markov: markovTwin,
  "item-knn": itemKnnTwin,
  "session-knn": sessionKnnTwin,
  "sequential-rules": sequentialRulesTwin,
};

describe.each(BASELINES)("$name", (baseline) => {
  const twin = TWINS[baseline.name];

  function expectEqualToTwin(split: Split, history: number[]): void {
    const got = baseline.fit(split, Math.log2).scoresOf(history);
    const want = twin(split, history);
    expect(got.length).toBe(want.length);
    want.forEach((score, item) => {
      const error = Math.abs(got[item] - score);
      if (!(error <= 1e-12 * (1 + score))) throw new Error(`score[item=${item}]: got ${got[item]}, want ${score}`);
    });
  }

  test("scores as its formula says, on small random logs", () => {
    forSeeds(30, (random) => {
      const split = randomSplit(random, random.integer(1, 12), random.integer(1, 15), 8);
      const items = split.histories.items.size;
      expectEqualToTwin(
        split,
        Array.from({ length: random.integer(0, 10) }, () => random.integer(0, items - 1)),
      );
    });
  });

  test("scores as its formula says beyond every limit: 400 users, 300 items, 90 events", () => {
    forSeeds(2, (random) => {
      const split = randomSplit(random, 400, 300, 90);
      const items = split.histories.items.size;
      expect(items).toBeGreaterThan(200);
      expectEqualToTwin(
        split,
        Array.from({ length: 80 }, () => random.integer(0, items - 1)),
      );
    });
  });

  test("lists and ranks in the order score, popularity, item", () => {
    forSeeds(20, (random) => {
      const split = randomSplit(random, random.integer(2, 15), random.integer(2, 20), 8);
      const items = split.histories.items.size;
      const history = Array.from({ length: random.integer(0, 6) }, () => random.integer(0, items - 1));
      const ranker = baseline.fit(split, Math.log2);
      const scores = ranker.scoresOf(history);
      const { offsets, item } = split.histories;
      const events = new Array<number>(items).fill(0);
      split.trainLength.forEach((length, user) => {
        for (let at = offsets[user]; at < offsets[user] + length; at++) events[item[at]]++;
      });
      const order = Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || events[b] - events[a] || a - b);
      const nothing = { history, excluded: new Int32Array(0) };
      const seen = { history, excluded: distinctItems(history) };
      const allowed = order.filter((item) => !history.includes(item));
      const k = random.integer(1, items);
      expect(Array.from(ranker.topK([nothing], items)[0].items)).toEqual(order);
      expect(Array.from(ranker.topK([seen], k)[0].items)).toEqual(allowed.slice(0, k));
      for (let target = 0; target < items; target++) {
        const rank = ranker.ranks([seen], [target]);
        expect(rank.all[0]).toBe(order.indexOf(target) + 1);
        expect(rank.allowed[0]).toBe(history.includes(target) ? items : allowed.indexOf(target) + 1);
      }
    });
  });

  test("learns nothing from held-out events", () => {
    forSeeds(20, (random) => {
      const split = randomSplit(random, 10, 12, 8);
      const { histories, trainLength } = split;
      const items = histories.items.size;
      const item = histories.item.slice();
      const time = histories.time.slice();
      trainLength.forEach((length, user) => {
        for (let at = histories.offsets[user] + length; at < histories.offsets[user + 1]; at++) {
          item[at] = random.integer(0, items - 1);
          time[at] += random.integer(0, 100);
        }
      });
      const moved = { ...split, histories: { ...histories, item, time } };
      const history = [random.integer(0, items - 1), random.integer(0, items - 1)];
      expect(baseline.fit(moved, Math.log2).scoresOf(history)).toEqual(
        baseline.fit(split, Math.log2).scoresOf(history),
      );
    });
  });

  test("gives the same answer whatever was asked before", () => {
    const ranker = baseline.fit(splitHistories(historiesOf(LINES), "none"), Math.log2);
    const first = ranker.scoresOf([0, 1]);
    ranker.scoresOf([3, 2, 1]);
    expect(ranker.scoresOf([0, 1])).toEqual(first);
  });

  test("lists by popularity for no history, and for items that are not in the vocabulary", () => {
    const ranker = baseline.fit(splitHistories(historiesOf(LINES), "none"), Math.log2);
    for (const history of [[], [4], [4_000_000], [-1]]) {
      const [list] = ranker.topK([{ history, excluded: new Int32Array(0) }], 10);
      expect(Array.from(list.items)).toEqual([2, 3, 0, 1]);
      expect(Array.from(list.scores)).toEqual([0, 0, 0, 0]);
    }
  });

  test("makes something of one event, and nothing of none", () => {
    const one = splitHistories(historiesOf(["u a"]), "none");
    expect(baseline.fit(one, Math.log2).ranks([{ history: [0], excluded: new Int32Array(0) }], [0]).all[0]).toBe(1);
    const none = { ...one, trainLength: new Uint32Array(1) };
    expect(Array.from(baseline.fit(none, Math.log2).scoresOf([0]))).toEqual([0]);
  });
});

test("ranks agree with the list of the whole catalogue, for any scores with ties", () => {
  forSeeds(50, (random) => {
    const items = random.integer(1, 20);
    const counts = Float64Array.from({ length: items }, () => random.integer(0, 3));
    const scores = Float64Array.from({ length: items }, () => random.integer(0, 2));
    const ranker = new ScoreRanker(counts, (_history, sums) =>
      scores.forEach((score, item) => {
        sums.add(item, score);
      }),
    );
    const excluded = distinctItems(
      Array.from({ length: random.integer(0, items) }, () => random.integer(0, items - 1)),
    );
    const target = random.integer(0, items - 1);
    const [list] = ranker.topK([{ history: [0], excluded }], items);
    const [whole] = ranker.topK([{ history: [0], excluded: new Int32Array(0) }], items);
    const { all, allowed } = ranker.ranks([{ history: [0], excluded }], [target]);
    expect(all[0]).toBe(whole.items.indexOf(target) + 1);
    expect(allowed[0]).toBe(excluded.includes(target) ? items : list.items.indexOf(target) + 1);
  });
});

test("the best of sparse sums are the first of all, sorted, for any k", () => {
  forSeeds(50, (random) => {
    const size = random.integer(1, 40);
    const sums = new SparseScores(size);
    const values = new Array<number>(size).fill(0);
    for (let adds = random.integer(0, 60); adds > 0; adds--) {
      const id = random.integer(0, size - 1);
      const value = random.integer(0, 3);
      values[id] += value;
      sums.add(id, value);
    }
    const places = Array.from({ length: size }, (_, id) => size - id);
    const sorted = Array.from(values.keys())
      .filter((id) => values[id] > 0 && id % 5 !== 0)
      .sort((a, b) => values[b] - values[a] || places[a] - places[b]);
    for (const k of [0, 1, 2, 7, size]) {
      expect(Array.from(sums.best(k, places, (id) => id % 5 !== 0))).toEqual(sorted.slice(0, k));
    }
  });
});

test("of an item's sessions the most recent are kept, of equally recent ones the later in the log", () => {
  // Last training events at times 2, 2, 1, 3: sessions 0 … 3 are u4, u2, u1, u3.
  const split = splitHistories(historiesOf(["u1 a b c", "u2 b a a", "u3 a d", "u4 d c b a"]), "none");
  const index = new SessionIndex(split, 2);
  const { items } = split.histories;
  const of = (id: string) => {
    const from = index.first[items.indexOf(id)];
    const to = index.first[items.indexOf(id) + 1];
    return Array.from({ length: to - from }, (_, at) => [index.session[from + at], index.lastEvent[from + at]]);
  };
  expect(index.sessions).toBe(4);
  expect(Array.from(index.distinct)).toEqual([4, 2, 3, 2]);
  expect(Array.from(index.sessionsWith)).toEqual([4, 3, 2, 2]);
  // Events by user: 0–2, 3–5, 6–7, 8–11.
  expect(of("a")).toEqual([
    [0, 11],
    [1, 5],
  ]);
  expect(of("b")).toEqual([
    [0, 10],
    [1, 3],
  ]);
  expect(of("d")).toEqual([
    [0, 8],
    [3, 7],
  ]);
});

const dataFolder = process.env.ATTUNE_DATA;
if (dataFolder) {
  test.each([
    { file: "ml-100k/u.data.gz", kCore: 5, hr: 0.2025, ndcg: 0.107 },
    { file: "beauty/Beauty.txt.gz", kCore: 0, hr: 0.0814, ndcg: 0.0507 },
  ])("sequential-rules on the test of $file: HR@10 near $hr, NDCG@10 near $ndcg, or above", async (expected) => {
    const { log } = await readLog(`${dataFolder}/${expected.file}`);
    const split = splitHistories(buildHistories(log, { kCore: expected.kCore }).histories, "leave-one-out");
    const ranker = sequentialRules.fit(split, Math.log2);
    const { metrics } = evaluateCases(ranker, split.histories, split.test, "exclude", [10], Math.log2);
    expect(metrics["hr@10"]).toBeGreaterThan(0.98 * expected.hr);
    expect(metrics["ndcg@10"]).toBeGreaterThan(0.98 * expected.ndcg);
  });
} else console.info("ATTUNE_DATA names no folder: the baselines are not measured on real data.");
