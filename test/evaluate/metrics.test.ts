import { describe, expect, test } from "vitest";
import { ListMetrics, rankMetrics, recallMetrics } from "../../src/evaluate/metrics.ts";
import { forSeeds } from "../reference/random.ts";
import { rankOf } from "../reference/rank.ts";

describe("rank metrics", () => {
  test("equal a brute-force twin that sorts whole catalogues, ties and NaN included", () => {
    forSeeds(20, (random) => {
      const cases = random.integer(1, 40);
      const items = random.integer(1, 30);
      const ranks: number[] = [];
      const brute = { hr: 0, ndcg: 0, mrr: 0 };
      const k = random.integer(1, 12);
      for (let i = 0; i < cases; i++) {
        // Few distinct values, so that ties are frequent.
        const scores = Array.from({ length: items }, () => (random.unit() < 0.05 ? Number.NaN : random.integer(0, 4)));
        const target = random.integer(0, items - 1);
        ranks.push(rankOf(scores, target));
        let place = 1;
        scores.forEach((score, item) => {
          if (item !== target && !(score < scores[target])) place++;
        });
        if (place <= k) {
          brute.hr += 1 / cases;
          brute.ndcg += 1 / Math.log2(place + 1) / cases;
          brute.mrr += 1 / place / cases;
        }
      }
      const got = rankMetrics(ranks, [k], Math.log2);
      expect(got[`hr@${k}`]).toBeCloseTo(brute.hr, 12);
      expect(got[`ndcg@${k}`]).toBeCloseTo(brute.ndcg, 12);
      expect(got[`mrr@${k}`]).toBeCloseTo(brute.mrr, 12);
    });
  });

  test("of one case at rank 3 are HR 1, NDCG 1/log2(4), MRR 1/3, and 0 below the cut-off", () => {
    const metrics = rankMetrics([3], [2, 3], Math.log2);
    expect(metrics).toEqual({ "hr@2": 0, "ndcg@2": 0, "mrr@2": 0, "hr@3": 1, "ndcg@3": 0.5, "mrr@3": 1 / 3 });
  });

  test("of no cases are 0", () => {
    expect(rankMetrics([], [10], Math.log2)).toEqual({ "hr@10": 0, "ndcg@10": 0, "mrr@10": 0 });
  });
});

describe("recall", () => {
  test("is the mean over questions of the share of targets found, as a brute-force twin says", () => {
    forSeeds(20, (random) => {
      const questions = Array.from({ length: random.integer(1, 10) }, () =>
        Array.from({ length: random.integer(1, 4) }, () => random.integer(1, 8)),
      );
      const numbers = questions.flatMap((ranks, question) => ranks.map(() => question));
      const k = random.integer(1, 8);
      const shares = questions.map((ranks) => ranks.filter((rank) => rank <= k).length / ranks.length);
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      expect(recallMetrics(questions.flat(), numbers, [k])[`recall@${k}`]).toBeCloseTo(mean, 12);
    });
  });

  test("differs from HR only where a question has several targets", () => {
    const ranks = [1, 9, 9, 2];
    expect(recallMetrics(ranks, [0, 1, 2, 3], [5])).toEqual({ "recall@5": rankMetrics(ranks, [5], Math.log2)["hr@5"] });
    expect(recallMetrics(ranks, [0, 1, 1, 1], [5])).toEqual({ "recall@5": (1 + 1 / 3) / 2 });
    expect(recallMetrics([], [], [5])).toEqual({ "recall@5": 0 });
  });
});

describe("list metrics", () => {
  test("equal a brute-force twin on random lists, short and empty ones included", () => {
    forSeeds(20, (random) => {
      const items = random.integer(1, 12);
      const counts = Array.from({ length: items }, () => random.integer(0, 5));
      const lists = Array.from({ length: random.integer(1, 10) }, () => {
        const shuffled = Array.from(counts.keys()).sort(() => random.unit() - 0.5);
        return shuffled.slice(0, random.integer(0, items));
      });
      const cutoffs = [1, 3, 10];
      const metrics = new ListMetrics(counts, cutoffs, Math.log2);
      for (const list of lists) metrics.add(list);
      const total = Math.max(
        1,
        counts.reduce((sum, count) => sum + count, 0),
      );
      const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
      for (const k of cutoffs) {
        const heads = lists.map((list) => list.slice(0, k)).filter((list) => list.length > 0);
        const got = metrics.metrics();
        expect(got[`coverage@${k}`]).toBeCloseTo(new Set(heads.flat()).size / items, 12);
        const popularity = heads.map((head) => mean(head.map((item) => counts[item] / Math.max(1, ...counts))));
        expect(got[`popularity@${k}`]).toBeCloseTo(mean(popularity), 12);
        const novelty = heads.map((head) => mean(head.map((item) => -Math.log2(Math.max(1, counts[item]) / total))));
        expect(got[`novelty@${k}`]).toBeCloseTo(mean(novelty), 12);
      }
    });
  });

  test("of one list [most popular, a quarter as popular] of a catalogue of four", () => {
    const metrics = new ListMetrics([4, 1, 2, 1], [2], Math.log2);
    metrics.add([0, 1]);
    // Probabilities 4/8 and 1/8 are 1 and 3 bits.
    expect(metrics.metrics()).toEqual({ "coverage@2": 0.5, "popularity@2": (1 + 0.25) / 2, "novelty@2": 2 });
  });

  test("of no lists are 0", () => {
    expect(new ListMetrics([], [10], Math.log2).metrics()).toEqual({
      "coverage@10": 0,
      "popularity@10": 0,
      "novelty@10": 0,
    });
  });
});
