import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { type AdamOptions, adamState, adamStep, clipGradientNorm } from "./adam.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { forSeeds } from "./random.ts";

describe("ten steps equal torch.optim", () => {
  const { cases } = loadGolden("adam.json");

  test("the fixture has gradients on both sides of the clipping limit", () => {
    for (const { maxNorm, steps } of cases) {
      if (maxNorm === null) continue;
      expect(steps.filter(({ norm }) => norm > maxNorm).length).toBe(5);
    }
    expect(cases.filter(({ maxNorm }) => maxNorm !== null).length).toBe(2);
  });

  for (const golden of cases) {
    test(`${golden.optimizer}, weight decay ${golden.weightDecay}, largest norm ${golden.maxNorm}`, () => {
      const options: AdamOptions = { ...golden, decoupled: golden.optimizer === "AdamW" };
      const values = golden.initial.map((tensor) => [...tensor]);
      const states = values.map((tensor) => adamState(tensor.length));
      for (const [step, { gradients, norm, values: want }] of golden.steps.entries()) {
        const clipped = gradients.map((tensor) => [...tensor]);
        const got = clipGradientNorm(clipped, golden.maxNorm ?? Number.POSITIVE_INFINITY);
        expectClose(`norm, step ${step}`, [], got, norm, GOLDEN);
        for (const [index, tensor] of values.entries()) adamStep(tensor, clipped[index], states[index], options);
        expectClose(`values after step ${step}`, ["tensor", "k"], values, want, GOLDEN);
      }
    });
  }
});

test("the first step moves every value by the learning rate against the sign of its gradient", () => {
  const values = [1, 1, 1];
  const options: AdamOptions = {
    learningRate: 0.1,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 0,
    weightDecay: 0,
    decoupled: false,
  };
  adamStep(values, [5, -0.001, 1e-9], adamState(3), options);
  expectClose("values", ["k"], values, [0.9, 1.1, 0.9], ROUNDING);
});

describe("clipGradientNorm", () => {
  test("brings a norm above the limit down to it, keeps the direction, and returns the norm before", () => {
    forSeeds(50, (random) => {
      const gradients = [random.vector(5, 10), random.vector(3, 10)];
      const before = gradients.map((tensor) => [...tensor]);
      const norm = clipGradientNorm(gradients, 0.5);
      expectClose("norm", [], norm, Math.hypot(...before.flat()), ROUNDING);
      const want = before.map((tensor) => tensor.map((value) => (value * 0.5) / (norm + 1e-6)));
      expectClose("gradients", ["tensor", "k"], gradients, want, ROUNDING);
    });
  });

  test("leaves a norm below the limit exactly as it is, zero included", () => {
    const gradients = [[0.3, -0.1], [0.2]];
    clipGradientNorm(gradients, 1);
    expect(gradients).toEqual([[0.3, -0.1], [0.2]]);
    const nothing = [[0, 0]];
    expect(clipGradientNorm(nothing, 1)).toBe(0);
    expect(nothing).toEqual([[0, 0]]);
  });
});
