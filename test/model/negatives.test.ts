import { expect, test } from "vitest";
import { NegativeSampler } from "../../src/model/negatives.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { forSeeds } from "../reference/random.ts";

const { kernels } = await createTrainingEngine();

/** Draws many steps and returns how often each item was drawn, and the mean of the weights it had then. */
function drawMany(counts: readonly number[], size: number, steps: number) {
  const sampler = new NegativeSampler(counts, size);
  const drawn = counts.map(() => 0);
  const weight = counts.map(() => 0);
  for (let step = 0; step < steps; step++) {
    const { items, weights } = sampler.draw(kernels, 7, step);
    expect(new Set(items).size, "distinct items").toBe(items.length);
    expect(items.length).toBeLessThanOrEqual(size);
    items.forEach((item, place) => {
      drawn[item]++;
      weight[item] += weights[place];
    });
  }
  return { drawn, weight };
}

test("each item's weight is 1 a step on average, so that sums over the negatives are sums over the catalogue on average", () => {
  forSeeds(4, (random, seed) => {
    const items = random.integer(5, 60);
    const counts = Array.from({ length: items }, () =>
      random.unit() < 0.3 ? 0 : Math.floor(1 / (0.01 + random.unit())),
    );
    const size = random.integer(2, items - 1);
    const steps = 6000;
    const { weight } = drawMany(counts, size, steps);
    for (const [item, total] of weight.entries()) {
      // A weight of w is drawn once in w steps: the mean of 6,000 steps is off by √(w / 6,000), w ≤ 2·V/S.
      const deviation = Math.sqrt((2 * items) / size / steps);
      expect(Math.abs(total / steps - 1), `item ${item} of ${items}, seed ${seed}`).toBeLessThan(5 * deviation);
    }
  });
});

test("what occurs often is in every step and counts once; what never occurs counts for at most 2·V/S items", () => {
  const counts = [1000, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
  const { drawn, weight } = drawMany(counts, 4, 4000);
  expect(drawn[0]).toBe(4000);
  expect(weight[0]).toBe(4000);
  expect(drawn[1]).toBeGreaterThan(0);
  expect(weight[1] / drawn[1]).toBeLessThanOrEqual((2 * counts.length) / 4);
});

test("items that occur equally often, or not at all, are equally likely", () => {
  for (const counts of [new Array(12).fill(0), new Array(12).fill(3)]) {
    const { drawn, weight } = drawMany(counts, 3, 4000);
    for (const [item, times] of drawn.entries()) {
      expect(weight[item] / times).toBeCloseTo(4, 5);
      expect(Math.abs(times / 4000 - 0.25)).toBeLessThan(0.04);
    }
  }
});

test("with as many negatives as items, or more, all are in every step with weight 1", () => {
  for (const items of [1, 2, 3, 49]) {
    for (const size of [items, items + 1, 1000]) {
      const counts = Array.from({ length: items }, (_, j) => j * j);
      const { items: drawn, weights } = new NegativeSampler(counts, size).draw(kernels, 1, 1);
      expect([...drawn]).toEqual(counts.map((_, j) => j));
      expect([...weights]).toEqual(counts.map(() => 1));
    }
  }
});

test("draws are a function of seed and step", () => {
  const counts = Array.from({ length: 500 }, (_, j) => 500 - j);
  const draw = (seed: number, step: number) => [...new NegativeSampler(counts, 20).draw(kernels, seed, step).items];
  expect(draw(1, 5)).toEqual(draw(1, 5));
  expect(draw(1, 6)).not.toEqual(draw(1, 5));
  expect(draw(2, 5)).not.toEqual(draw(1, 5));
});

test("every part of the catalogue is in every step: of equally likely items, one in each piece of V/S", () => {
  const { items } = new NegativeSampler(new Array(1000).fill(1), 10).draw(kernels, 3, 9);
  expect([...items].map((item) => Math.floor(item / 100))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
