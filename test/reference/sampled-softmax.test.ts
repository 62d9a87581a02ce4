import { expect, test } from "vitest";
import { expectClose, ROUNDING } from "./compare.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cross-entropy.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds, type Random } from "./random.ts";
import { type Sample, sampledSoftmaxBackward, sampledSoftmaxForward } from "./sampled-softmax.ts";

/** Draws distinct items with weights from 0.5 to 4. */
function drawSample(random: Random, items: number, count: number): Sample {
  const left = Array.from({ length: items }, (_, item) => item);
  const drawn = Array.from({ length: count }, () => left.splice(random.integer(0, left.length - 1), 1)[0]);
  return { items: drawn, weights: drawn.map(() => 0.5 + 3.5 * random.unit()) };
}

test("gradients equal central differences, with targets among the negatives and outside, and with no negative at all", () => {
  forSeeds(100, (random) => {
    const [rows, width, items] = [random.integer(1, 5), random.integer(1, 6), random.integer(1, 9)];
    const h = random.matrix(rows, width, 2);
    const e = random.matrix(items, width, 2);
    const targets = h.map(() => random.integer(0, items - 1));
    const sample = drawSample(random, items, random.integer(0, items));
    const scale = random.choose([1, 0.5, 3]);
    const loss = () => scale * sampledSoftmaxForward(h, e, targets, sample).reduce((sum, one) => sum + one, 0);
    const { dH, dE } = sampledSoftmaxBackward(h, e, targets, sample, scale);
    expectGradient("h", loss, h, dH);
    expectGradient("e", loss, e, dE);
  });
});

test("with the whole catalogue as negatives that stand for themselves it is the cross-entropy", () => {
  forSeeds(20, (random) => {
    const h = random.matrix(4, 5, 2);
    const e = random.matrix(7, 5, 2);
    const targets = h.map(() => random.integer(0, 6));
    const sample = { items: [3, 1, 0, 2, 6, 5, 4], weights: new Array(7).fill(1) };
    const losses = sampledSoftmaxForward(h, e, targets, sample);
    expectClose("losses", ["r"], losses, crossEntropyForward(h, e, targets), ROUNDING);
    const [got, want] = [
      sampledSoftmaxBackward(h, e, targets, sample, 0.25),
      crossEntropyBackward(h, e, targets, 0.25),
    ];
    expectClose("dH", ["r", "d"], got.dH, want.dH, ROUNDING);
    expectClose("dE", ["v", "d"], got.dE, want.dE, ROUNDING);
  });
});

test("a weight of n is n items with the same vector", () => {
  const [h, e] = [
    [[1, -2]],
    [
      [0.5, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ],
  ];
  const [loss] = sampledSoftmaxForward(h, e, [0], { items: [2], weights: [3] });
  expect(loss).toBeCloseTo(crossEntropyForward(h, e, [0])[0], 12);
});
