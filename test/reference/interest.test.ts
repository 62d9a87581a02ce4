import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { type Interest, interestBackward, interestForward, type Normalization } from "./interest.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

const INTERESTS: Interest[] = ["learned", "last", "mean"];
const NORMALIZATIONS: Normalization[] = ["sequence", "causal"];

test("u of the history (1, 5, 9) is 7, 9 or 5 as a whole, and (7,7,7), (1,5,9) or (1,3,5) step by step", () => {
  const x = [[1], [5], [9]];
  const uOf = (interest: Interest, normalize: Normalization): number[][] =>
    interestForward(interest, normalize, x, [7]);
  expect(uOf("learned", "sequence")).toEqual([[7]]);
  expect(uOf("last", "sequence")).toEqual([[9]]);
  expect(uOf("mean", "sequence")[0][0]).toBeCloseTo(5, 14);
  expect(uOf("learned", "causal")).toEqual([[7], [7], [7]]);
  expect(uOf("last", "causal")).toEqual([[1], [5], [9]]);
  expectClose("u", ["t"], uOf("mean", "causal"), [[1], [3], [5]], GOLDEN);
});

describe("interest", () => {
  for (const { interest, normalize, scale, learned, sequences } of loadGolden("attention.json").cases) {
    if (scale === "length") continue; // u does not depend on the scale
    test(`${interest}, ${normalize}: u equals PyTorch`, () => {
      for (const { x, u } of sequences) {
        expectClose(`u, T=${x.length}`, ["t", "d"], interestForward(interest, normalize, x, learned), u, GOLDEN);
      }
    });
  }

  for (const interest of INTERESTS) {
    for (const normalize of NORMALIZATIONS) {
      test(`${interest}, ${normalize}: gradients equal central differences, T=1..8, D=1..6`, () => {
        forSeeds(100, (random) => {
          const [length, width] = [random.integer(1, 8), random.integer(1, 6)];
          const x = random.matrix(length, width);
          const learned = random.vector(width);
          const dU = random.matrix(normalize === "sequence" ? 1 : length, width);
          const loss = (): number =>
            interestForward(interest, normalize, x, learned).reduce((sum, row, t) => sum + dot(row, dU[t]), 0);
          const { dX, dLearned } = interestBackward(interest, normalize, x, dU);
          expectGradient("x", loss, x, dX);
          expectGradient("learned", loss, learned, dLearned);
        });
      });
    }
  }
});
