import { describe, expect, test } from "vitest";
import { rankMetrics } from "../../src/evaluate/metrics.ts";
import { rankOf } from "../reference/rank.ts";
import { forSeeds } from "../reference/random.ts";

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
