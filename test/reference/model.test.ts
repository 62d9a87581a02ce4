import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN, type Tolerance } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { type ModelConfig, modelStep, type Sequence, type Tensors, trainModel } from "./model.ts";
import { forSeeds, type Random } from "./random.ts";

/** Adam divides by the size of a gradient, so that the nine digits of the start are worth a little less at the end. */
const TRAINED: Tolerance = { absolute: 1e-9, relative: 1e-8 };
const { cases } = loadGolden("training.json");

describe("ten training steps equal PyTorch", () => {
  for (const golden of cases) {
    test(`${golden.name}: losses, norms, first gradients and final parameters`, () => {
      const run = trainModel(golden, golden.initial, golden.batch, golden.optimizer, golden.losses.length);
      expect(run.losses.length).toBe(10);
      const names = Object.keys(golden.initial);
      expect(Object.keys(run.final)).toEqual(names);
      for (const name of names) {
        expectClose(`∂/∂${name}`, ["row", "column"], run.firstGradients[name], golden.firstGradients[name], GOLDEN);
      }
      expectClose("loss", ["step"], run.losses, golden.losses, TRAINED);
      expectClose("norm", ["step"], run.norms, golden.norms, TRAINED);
      for (const name of names) {
        expectClose(name, ["row", "column"], run.final[name], golden.final[name], TRAINED);
      }
    });

    test(`${golden.name}: the loss falls at every one of the ten steps`, () => {
      for (let step = 1; step < golden.losses.length; step++) {
        expect(golden.losses[step]).toBeLessThan(golden.losses[step - 1]);
      }
    });
  }
});

describe("the interest vector matters", () => {
  for (const golden of cases.filter(({ attention }) => attention !== null)) {
    test(`${golden.name}: ∂loss/∂u is not zero, and another u gives another loss`, () => {
      const gradient = golden.firstGradients["attention.interest"] as number[];
      for (const value of gradient) expect(Math.abs(value)).toBeGreaterThan(1e-6);
      const interest = golden.initial["attention.interest"] as number[];
      const other = { ...golden.initial, "attention.interest": interest.map((value) => -value) };
      const { loss } = modelStep(golden, other, golden.batch);
      expect(Math.abs(loss - golden.losses[0])).toBeGreaterThan(1e-6);
    });
  }
});

test("gradients of whole models equal central differences, for every interest, normalisation, scale, cell and depth", () => {
  forSeeds(60, (random) => {
    const attention = random.choose([true, true, false])
      ? {
          interest: random.choose(["learned", "last", "mean"] as const),
          normalize: random.choose(["sequence", "causal"] as const),
          scale: random.choose(["none", "length"] as const),
        }
      : null;
    const config: ModelConfig = {
      blocks: Array.from({ length: random.integer(1, 2) }, () => random.choose(["gru", "lstm"] as const)),
      attention,
      positions: random.choose(["all", "last"] as const),
    };
    const [items, width] = [random.integer(2, 5), random.integer(1, 3)];
    const parameters = parametersFrom(random, config, items, width);
    const batch: Sequence[] = Array.from({ length: random.integer(1, 3) }, () => {
      const length = random.integer(1, 4);
      const draw = (): number[] => Array.from({ length }, () => random.integer(0, items - 1));
      return { inputs: draw(), targets: draw() };
    });
    const { gradients } = modelStep(config, parameters, batch);
    for (const [name, parameter] of Object.entries(parameters)) {
      const loss = (): number => modelStep(config, parameters, batch).loss;
      expectGradient(`${name} of ${JSON.stringify(config)}`, loss, parameter, gradients[name]);
    }
  });
});

test("training leaves the parameters it was given as they were", () => {
  const golden = cases[0];
  const before = JSON.stringify(golden.initial);
  const run = trainModel(golden, golden.initial, golden.batch, golden.optimizer, 1);
  expect(JSON.stringify(golden.initial)).toBe(before);
  expect(JSON.stringify(run.final)).not.toBe(before);
});

function parametersFrom(random: Random, config: ModelConfig, items: number, width: number): Tensors {
  const parameters: Tensors = { "embedding.weight": random.matrix(items, width) };
  if (config.attention) parameters["attention.interest"] = random.vector(width);
  for (const [index, kind] of config.blocks.entries()) {
    const rows = (kind === "gru" ? 3 : 4) * width;
    const prefix = `blocks.${index}.recurrence.`;
    parameters[`${prefix}weight_ih_l0`] = random.matrix(rows, width);
    parameters[`${prefix}weight_hh_l0`] = random.matrix(rows, width);
    parameters[`${prefix}bias_ih_l0`] = random.vector(rows);
    parameters[`${prefix}bias_hh_l0`] = random.vector(rows);
  }
  return parameters;
}
