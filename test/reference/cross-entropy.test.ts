import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cross-entropy.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds } from "./random.ts";

describe("cross-entropy equals torch.nn.functional.cross_entropy", () => {
  for (const golden of loadGolden("cross_entropy.json").cases) {
    const { h, e, targets, scale } = golden;
    test(`losses and gradients, ${h.length} rows, D=${e[0].length}, V=${e.length}, scale ${scale ?? "1/rows"}`, () => {
      expectClose("loss", ["row"], crossEntropyForward(h, e, targets), golden.losses, GOLDEN);
      const back = crossEntropyBackward(h, e, targets, scale ?? undefined);
      expectClose("dH", ["row", "d"], back.dH, golden.dH, GOLDEN);
      expectClose("dE", ["v", "d"], back.dE, golden.dE, GOLDEN);
    });
  }
});

test("cross-entropy gradients equal central differences, as a mean and with a given scale", () => {
  forSeeds(100, (random) => {
    const [rows, width, items] = [random.integer(1, 5), random.integer(1, 6), random.integer(1, 9)];
    const h = random.matrix(rows, width, 2);
    const e = random.matrix(items, width, 2);
    const targets = h.map(() => random.integer(0, items - 1));
    const scale = random.choose([undefined, 0.5, 3]);
    const loss = (): number =>
      crossEntropyForward(h, e, targets).reduce((sum, one) => sum + one, 0) * (scale ?? 1 / rows);
    const { dH, dE } = crossEntropyBackward(h, e, targets, scale);
    expectGradient("h", loss, h, dH);
    expectGradient("e", loss, e, dE);
  });
});

test("cross-entropy of equal logits is log V, of one item 0, and of no rows nothing", () => {
  const equal = crossEntropyForward(
    [[0, 0]],
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    [1],
  );
  expectClose("loss", ["row"], equal, [Math.log(3)], ROUNDING);
  expect(crossEntropyForward([[2]], [[5]], [0])).toEqual([0]);
  expect(crossEntropyForward([], [[5]], [])).toEqual([]);
  expect(crossEntropyBackward([], [[5]], [], 1)).toEqual({ dH: [], dE: [[0]] });
});

test("cross-entropy of logits ±1000 is 2000 for the worse item, with gradients of −1 and 1", () => {
  const [h, e] = [[[1000]], [[1], [-1]]];
  expect(crossEntropyForward(h, e, [1])).toEqual([2000]);
  expect(crossEntropyBackward(h, e, [1], 1).dE).toEqual([[1000], [-1000]]);
});
