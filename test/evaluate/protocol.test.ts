import { expect, test } from "vitest";
import type { Histories } from "../../src/data/histories.ts";
import type { Cases } from "../../src/data/split.ts";
import { Vocabulary } from "../../src/data/vocabulary.ts";
import { ListMetrics, rankMetrics, recallMetrics } from "../../src/evaluate/metrics.ts";
import { evaluateCases } from "../../src/evaluate/protocol.ts";
import type { Query, RankedList, Ranker, Ranks } from "../../src/rank/ranker.ts";
import { forSeeds, type Random } from "../reference/random.ts";

/** Ranks by made-up scores, a function of the history's last item and length; sorts the whole catalogue each time. */
class MadeUpRanker implements Ranker {
  lists = 0;

  constructor(readonly items: number) {}

  score(history: ArrayLike<number>, item: number): number {
    return (item * 7 + history[history.length - 1] * 3 + history.length) % 5;
  }

  order(history: ArrayLike<number>, excluded: ArrayLike<number>): number[] {
    const banned = Array.from(excluded);
    return Array.from({ length: this.items }, (_, item) => item)
      .filter((item) => !banned.includes(item))
      .sort((a, b) => this.score(history, b) - this.score(history, a) || a - b);
  }

  topK(queries: readonly Query[], k: number): RankedList[] {
    this.lists += queries.length;
    return queries.map(({ history, excluded }) => ({
      items: Int32Array.from(this.order(history, excluded).slice(0, k)),
      scores: new Float32Array(0),
    }));
  }

  ranks(queries: readonly Query[], targets: ArrayLike<number>): Ranks {
    const rank = ({ history }: Query, excluded: ArrayLike<number>, target: number) =>
      this.order(history, excluded).indexOf(target) + 1 || this.items;
    return {
      all: Int32Array.from(queries, (query, i) => rank(query, [], targets[i])),
      allowed: Int32Array.from(queries, (query, i) => rank(query, query.excluded, targets[i])),
    };
  }
}

function historiesOf(rows: number[][], items: number): Histories {
  const offsets = new Uint32Array(rows.length + 1);
  rows.forEach((row, user) => {
    offsets[user + 1] = offsets[user] + row.length;
  });
  return {
    userIds: Vocabulary.from(rows.map((_, user) => `u${user}`)),
    items: Vocabulary.from(Array.from({ length: items }, (_, item) => `i${item}`)),
    offsets,
    item: Uint32Array.from(rows.flat()),
    time: new Float64Array(rows.flat().length),
  };
}

function casesOf(rows: [user: number, prefix: number, target: number][]): Cases {
  return {
    user: Uint32Array.from(rows, ([user]) => user),
    prefix: Uint32Array.from(rows, ([, prefix]) => prefix),
    target: Int32Array.from(rows, ([, , target]) => target),
  };
}

function randomCases(random: Random, rows: number[][], items: number, count: number): Cases {
  const user = () => random.integer(0, rows.length - 1);
  return casesOf(
    Array.from({ length: count }, () => user()).map((u) => [
      u,
      random.integer(0, rows[u].length),
      random.integer(-1, items - 1),
    ]),
  );
}

test("every metric equals a brute-force twin, misses and questions with several targets included", () => {
  forSeeds(20, (random) => {
    const items = random.integer(2, 15);
    const rows = Array.from({ length: random.integer(1, 6) }, () =>
      Array.from({ length: random.integer(1, 5) }, () => random.integer(0, items - 1)),
    );
    const histories = historiesOf(rows, items);
    const cases = randomCases(random, rows, items, random.integer(1, 30));
    const counts = Array.from({ length: items }, () => random.integer(0, 9));
    const seen = random.choose(["exclude", "include"] as const);
    const cutoffs = [1, 3, 20];
    const ranker = new MadeUpRanker(items);
    const got = evaluateCases(ranker, histories, cases, seen, cutoffs, Math.log2, counts);

    const question: number[] = [];
    const all: number[] = [];
    const allowed: number[] = [];
    const lists = new ListMetrics(counts, cutoffs, Math.log2);
    for (let i = 0; i < cases.user.length; i++) {
      const history = rows[cases.user[i]].slice(0, cases.prefix[i]);
      const isNew = i === 0 || cases.user[i] !== cases.user[i - 1] || cases.prefix[i] !== cases.prefix[i - 1];
      question.push((question[i - 1] ?? -1) + (isNew ? 1 : 0));
      const isMiss = history.length === 0 || cases.target[i] < 0;
      const target = cases.target[i];
      all.push(isMiss ? 1e9 : ranker.order(history, []).indexOf(target) + 1);
      allowed.push(isMiss ? 1e9 : ranker.order(history, history).indexOf(target) + 1 || items);
      if (isNew && history.length > 0) {
        lists.add(ranker.order(history, seen === "include" ? [] : history).slice(0, 20));
      }
    }
    const measure = (ranks: number[]) => ({
      ...rankMetrics(ranks, cutoffs, Math.log2),
      ...recallMetrics(ranks, question, cutoffs),
    });
    expect(got.cases).toBe(cases.user.length);
    expect(got.includeSeen).toEqual(measure(all));
    expect(got.metrics).toEqual({ ...measure(seen === "include" ? all : allowed), ...lists.metrics() });
  });
});

test("makes no list, and reports none of their metrics, where training events are not given", () => {
  const ranker = new MadeUpRanker(3);
  const histories = historiesOf([[0, 1]], 3);
  const { metrics } = evaluateCases(ranker, histories, casesOf([[0, 1, 1]]), "exclude", [10], Math.log2);
  expect(Object.keys(metrics)).toEqual(["hr@10", "ndcg@10", "mrr@10"]);
  expect(ranker.lists).toBe(0);
});

test("measures the same whether 10,000 cases come at once or one by one", () => {
  forSeeds(1, (random) => {
    const rows = Array.from({ length: 50 }, () => Array.from({ length: 4 }, () => random.integer(0, 5)));
    const histories = historiesOf(rows, 6);
    const cases = randomCases(random, rows, 6, 10_000);
    const ranker = new MadeUpRanker(6);
    const { metrics } = evaluateCases(ranker, histories, cases, "exclude", [2], Math.log2);
    let hits = 0;
    for (let i = 0; i < 10_000; i++) {
      const one = casesOf([[cases.user[i], cases.prefix[i], cases.target[i]]]);
      hits += evaluateCases(ranker, histories, one, "exclude", [2], Math.log2).metrics["hr@2"];
    }
    expect(metrics["hr@2"]).toBe(hits / 10_000);
  });
});

test("of no cases, all metrics are 0", () => {
  const { cases, metrics } = evaluateCases(
    new MadeUpRanker(3),
    historiesOf([[0]], 3),
    casesOf([]),
    "exclude",
    [5],
    Math.log2,
    [1, 0, 0],
  );
  expect(cases).toBe(0);
  expect(new Set(Object.values(metrics))).toEqual(new Set([0]));
});
