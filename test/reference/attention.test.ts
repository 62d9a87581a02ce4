import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import {
  type AttentionOptions,
  attentionBackward,
  attentionForward,
  dotScoreBackward,
  dotScoreForward,
  EMPTY_STREAM,
  type Scale,
  streamWeight,
  weightsBackward,
  weightsForward,
} from "./attention.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import type { Interest, Normalization } from "./interest.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

const NORMALIZATIONS: Normalization[] = ["sequence", "causal"];
const SCALES: Scale[] = ["none", "length"];
const ALL: AttentionOptions[] = (["learned", "last", "mean"] as Interest[]).flatMap((interest) =>
  NORMALIZATIONS.flatMap((normalize) => SCALES.map((scale) => ({ interest, normalize, scale }))),
);
const titleOf = ({ interest, normalize, scale }: AttentionOptions): string =>
  `${interest}, ${normalize}, scale ${scale}`;

describe("attention equals PyTorch", () => {
  const { cases } = loadGolden("attention.json");

  test("the fixture has every interest, normalisation and scale", () => {
    expect(cases.map(titleOf).sort()).toEqual(ALL.map(titleOf).sort());
  });

  for (const { learned, sequences, ...options } of cases) {
    test(`${titleOf(options)}: weights and gradients, T=${sequences.map(({ x }) => x.length).join(", ")}`, () => {
      for (const { x, weights, dWeights, dX, dLearned } of sequences) {
        const at = `T=${x.length}`;
        expectClose(`w, ${at}`, ["t"], attentionForward(options, x, learned), weights, GOLDEN);
        const back = attentionBackward(options, x, learned, dWeights);
        expectClose(`dX, ${at}`, ["t", "d"], back.dX, dX, GOLDEN);
        expectClose(`dLearned, ${at}`, ["d"], back.dLearned, dLearned, GOLDEN);
      }
    });
  }
});

describe("gradients equal central differences", () => {
  for (const options of ALL) {
    test(`${titleOf(options)}, T=1..8, D=1..6, path through u included`, () => {
      forSeeds(50, (random) => {
        const [length, width] = [random.integer(1, 8), random.integer(1, 6)];
        const x = random.matrix(length, width);
        const learned = random.vector(width);
        const dWeights = random.vector(length);
        const loss = (): number => dot(attentionForward(options, x, learned), dWeights);
        const { dX, dLearned } = attentionBackward(options, x, learned, dWeights);
        expectGradient("x", loss, x, dX);
        expectGradient("learned", loss, learned, dLearned);
      });
    });
  }

  for (const normalize of NORMALIZATIONS) {
    for (const scale of SCALES) {
      test(`scores and weights by themselves, ${normalize}, scale ${scale}`, () => {
        forSeeds(50, (random) => {
          const [length, width] = [random.integer(1, 7), random.integer(1, 5)];
          const x = random.matrix(length, width);
          const u = random.matrix(normalize === "sequence" ? 1 : length, width);
          const z = dotScoreForward(x, u);
          const dWeights = random.vector(length);
          const dZ = weightsBackward({ normalize, scale }, z, dWeights);
          expectGradient("z", () => dot(weightsForward({ normalize, scale }, z), dWeights), z, dZ);
          const { dX, dU } = dotScoreBackward(x, u, dZ);
          const loss = (): number => dotScoreForward(x, u).reduce((sum, row, t) => sum + dot(row, dZ[t]), 0);
          expectGradient("x", loss, x, dX);
          expectGradient("u", loss, u, dU);
        });
      });
    }
  }
});

describe("weights", () => {
  test("of a whole history sum to 1, or to T", () => {
    forSeeds(20, (random) => {
      const z = random.matrix(1, random.integer(1, 9), 5);
      const sumOf = (scale: Scale): number =>
        weightsForward({ normalize: "sequence", scale }, z).reduce((sum, weight) => sum + weight, 0);
      expect(sumOf("none")).toBeCloseTo(1, 12);
      expect(sumOf("length")).toBeCloseTo(z[0].length, 12);
    });
  });

  test("never look ahead when causal: a later item changes no earlier weight", () => {
    forSeeds(50, (random) => {
      const options: AttentionOptions = { ...random.choose(ALL), normalize: "causal" };
      const [length, width] = [random.integer(2, 8), random.integer(1, 5)];
      const x = random.matrix(length, width);
      const learned = random.vector(width);
      const before = attentionForward(options, x, learned);
      x[length - 1] = random.vector(width, 10);
      const after = attentionForward(options, x, learned);
      expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
      expect(after[length - 1]).not.toBe(before[length - 1]);
    });
  });

  test("of the same score are 1/T and, by length, exactly 1", () => {
    const z = [[0.3, 0.3, 0.3, 0.3]];
    const byLength = weightsForward({ normalize: "sequence", scale: "length" }, z);
    expectClose("w", ["t"], byLength, [1, 1, 1, 1], ROUNDING);
    const plain = weightsForward({ normalize: "sequence", scale: "none" }, z);
    expectClose("w", ["t"], plain, [0.25, 0.25, 0.25, 0.25], ROUNDING);
  });
});

describe("the (max, sum) recurrence", () => {
  test("weighs event by event as the causal weights of a learned interest do", () => {
    forSeeds(100, (random) => {
      const [length, width] = [random.integer(1, 12), random.integer(1, 6)];
      const scale = random.choose(SCALES);
      const x = random.matrix(length, width, 4);
      const learned = random.vector(width, 4);
      const want = attentionForward({ interest: "learned", normalize: "causal", scale }, x, learned);
      let state = EMPTY_STREAM;
      const got = x.map((row) => {
        const step = streamWeight(state, dot(row, learned), scale);
        state = step.state;
        return step.weight;
      });
      expectClose(`w, scale ${scale}`, ["t"], got, want, ROUNDING);
      expect(state.count).toBe(length);
    });
  });

  test("stays finite for scores of ±1000, rising and falling", () => {
    for (const scores of [
      [-1000, 0, 1000],
      [1000, 0, -1000],
    ]) {
      const z = scores.map(() => scores);
      const want = weightsForward({ normalize: "causal", scale: "none" }, z);
      let state = EMPTY_STREAM;
      for (const [t, score] of scores.entries()) {
        const step = streamWeight(state, score, "none");
        state = step.state;
        expect(step.weight).toBe(want[t]);
      }
      expect(want).toEqual(scores[0] < 0 ? [1, 1, 1] : [1, 0, 0]);
      for (const row of weightsBackward({ normalize: "causal", scale: "none" }, z, [1, 1, 1])) {
        for (const value of row) expect(value).toBeCloseTo(0, 300);
      }
    }
  });
});
