import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { type AdamOptions, adamCatchUp, adamState, adamStep, clipGradientNorm } from "./adam.ts";
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

describe("adamCatchUp moves as adamStep does without a gradient", () => {
  const options: AdamOptions = {
    learningRate: 0.003,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    decoupled: true,
  };
  /** The move of `missed` steps after `before` steps with gradients, as a share of what adamStep makes of them. */
  const shareOf = (before: number, missed: number): number => {
    const [values, state] = [[0], adamState(1)];
    for (let t = 0; t < before; t++) adamStep(values, [1 + Math.cos(t)], state, options);
    const [stepped, copy] = [[0], structuredClone(state)];
    for (let t = 0; t < missed; t++) adamStep(stepped, [0], copy, options);
    const caughtUp = [0];
    adamCatchUp(caughtUp, state, missed, options);
    expectClose("mean", ["k"], state.mean, copy.mean, ROUNDING);
    expectClose("square", ["k"], state.square, copy.square, ROUNDING);
    expect(state.step).toBe(copy.step);
    return caughtUp[0] / stepped[0];
  };

  test("exactly for one step", () => {
    for (const before of [1, 10, 1000]) expect(shareOf(before, 1)).toBeCloseTo(1, 9);
  });

  test("within 1 % after 1,000 steps, 6 % after 100, for any number of missed ones", () => {
    for (const missed of [2, 10, 100, 5000]) {
      expect(Math.abs(shareOf(1000, missed) - 1)).toBeLessThan(0.01);
      expect(Math.abs(shareOf(100, missed) - 1)).toBeLessThan(0.06);
    }
  });

  test("decays weights as often as steps were missed", () => {
    const values = [2];
    adamCatchUp(values, adamState(1), 3, { ...options, weightDecay: 10 });
    expect(values[0]).toBeCloseTo(2 * 0.97 ** 3, 12);
  });
});
