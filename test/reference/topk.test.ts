import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankOf } from "./rank.ts";
import { topK } from "./topk.ts";

/** Few values, so that ties, both zeros, infinities and NaN are common. */
const score = fc.constantFrom(-1, -0, 0, 0.5, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN);
const scores = fc.array(score, { maxLength: 20 });
const indices = fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 6 });

describe("topK", () => {
  test("lists by score, and equal scores by item", () => {
    expect(topK([1, 3, 2, 3, 0], 3)).toEqual({ items: [1, 3, 2], scores: [3, 3, 2] });
    expect(topK([0, -0, 0], 3).items).toEqual([0, 1, 2]);
  });

  test("never lists NaN or excluded items, and lists infinities", () => {
    const [up, down] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(topK([Number.NaN, down, up, 1], 9)).toEqual({ items: [2, 3, 1], scores: [up, 1, down] });
    expect(topK([5, 4, 3], 2, [0]).items).toEqual([1, 2]);
    expect(topK([5, 4, 3], 2, new Set([0, 1, 2]))).toEqual({ items: [], scores: [] });
  });

  test("gives all there is when k exceeds V, and nothing for k = 0 or V = 0", () => {
    expect(topK([1, 2], 10).items).toEqual([1, 0]);
    expect(topK([1, 2], 0).items).toEqual([]);
    expect(topK([], 5).items).toEqual([]);
  });

  test("takes heap views as they are", () => {
    expect(topK(Float32Array.of(0.25, 0.5), 1)).toEqual({ items: [1], scores: [0.5] });
  });

  test("equals taking the best remaining item k times over", () => {
    fc.assert(
      fc.property(scores, fc.integer({ min: 0, max: 25 }), indices, (all, k, excluded) => {
        const left = new Set(all.map((_, item) => item).filter((item) => !excluded.includes(item)));
        const want: number[] = [];
        while (want.length < k) {
          let best = -1;
          for (let item = 0; item < all.length; item++) {
            if (!left.has(item) || Number.isNaN(all[item])) continue;
            if (best < 0 || all[item] > all[best]) best = item;
          }
          if (best < 0) break;
          want.push(best);
          left.delete(best);
        }
        expect(topK(all, k, excluded)).toEqual({ items: want, scores: want.map((item) => all[item]) });
      }),
      { numRuns: 1000 },
    );
  });
});

describe("rankOf", () => {
  test("counts what is not below the target: ties and NaN come first", () => {
    expect(rankOf([3, 2, 1], 1)).toBe(2);
    expect(rankOf([2, 2, 2], 0)).toBe(3);
    expect(rankOf([Number.NaN, 5, 1], 1)).toBe(2);
    expect(rankOf([0, -0], 0)).toBe(2);
  });

  test("puts a NaN target behind everyone", () => {
    expect(rankOf([Number.NaN, -1, Number.NEGATIVE_INFINITY], 0)).toBe(3);
  });

  test("lets excluded items sit out, but never the target itself", () => {
    expect(rankOf([9, 8, 1], 2, [0])).toBe(2);
    expect(rankOf([9, 8, 1], 2, [0, 1, 2])).toBe(1);
  });

  test("is 1 for the only item, NaN or not", () => {
    expect(rankOf([Number.NaN], 0)).toBe(1);
  });

  test("is never better than the place in the list, and equal to it where the score stands alone", () => {
    fc.assert(
      fc.property(scores, indices, (all, excluded) => {
        const { items } = topK(all, all.length, excluded);
        for (const [place, item] of items.entries()) {
          const rank = rankOf(all, item, excluded);
          expect(rank).toBeGreaterThanOrEqual(place + 1);
          const rivals = all.filter((one, other) => other !== item && !excluded.includes(other) && !(one < all[item]));
          expect(rank).toBe(1 + rivals.length);
          if (rivals.every((one) => one > all[item])) expect(rank).toBe(place + 1);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
