import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import type { BlockConfig } from "./block.ts";
import { expectClose, GOLDEN, type Tolerance } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { type ModelConfig, modelStep, type Sequence, type Tensors, trainModel } from "./model.ts";
import { forSeeds, type Random } from "./random.ts";
import { blockTensors, normTensors, scoreTensors } from "./random-tensors.ts";

/** Adam divides by the size of a gradient, so that the nine digits of the start are worth a little less at the end. */
const TRAINED: Tolerance = { absolute: 1e-9, relative: 1e-8 };
const { cases } = loadGolden("training.json");
const blockCases = loadGolden("training-blocks.json").cases;
const allCases = [...cases, ...blockCases];

describe("ten training steps equal PyTorch", () => {
  for (const golden of allCases) {
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
  for (const golden of allCases.filter(({ attention }) => attention?.interest === "learned")) {
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
    const batch = batchFrom(random, items);
    const { gradients } = modelStep(config, parameters, batch);
    for (const [name, parameter] of Object.entries(parameters)) {
      const loss = (): number => modelStep(config, parameters, batch).loss;
      expectGradient(`${name} of ${JSON.stringify(config)}`, loss, parameter, gradients[name]);
    }
  });
});

describe("models of blocks", () => {
  test("the position no history reaches back to has no gradient and does not move", () => {
    const golden = blockCases.find(({ learnedPositions }) => learnedPositions)!;
    const [gradient, before, after] = [golden.firstGradients, golden.initial, golden.final].map(
      (tensors) => tensors["positions.weight"] as number[][],
    );
    const longest = golden.batch[0].inputs.length;
    expect(gradient.length).toBe(longest + 1);
    expect(gradient[0].every((value) => value === 0)).toBe(true);
    expect(after[0]).toEqual(before[0]);
    expect(after[1]).not.toEqual(before[1]);
  });

  test("the score's parameters matter: every one of their gradients is not zero", () => {
    const named = blockCases.flatMap(({ name, firstGradients }) =>
      Object.entries(firstGradients)
        .filter(([tensor]) => tensor.startsWith("attention.score."))
        .map(([tensor, gradient]) => ({ place: `${name}: ${tensor}`, gradient: gradient.flat() })),
    );
    expect(named.length).toBe(5);
    for (const { place, gradient } of named) {
      for (const value of gradient) expect(Math.abs(value), place).toBeGreaterThan(1e-7);
    }
  });

  test("a cell's name stands for a block without residual, norm and feed-forward", () => {
    for (const golden of cases) {
      const blocks = golden.blocks.map((mixer) => ({ mixer, residual: "none", norm: "none" }) as const);
      expect(modelStep({ ...golden, blocks }, golden.initial, golden.batch)).toEqual(
        modelStep(golden, golden.initial, golden.batch),
      );
    }
  });

  test("a fixed σ gives the loss and gradients of a trained one of its value, but for log σ", () => {
    const golden = blockCases.find(({ attention }) => attention?.score === "gaussian")!;
    const { "attention.score.log_sigma": logSigma, ...rest } = golden.initial;
    const trained = modelStep(golden, golden.initial, golden.batch);
    const attention = { ...golden.attention!, sigma: Math.exp(logSigma[0] as number) };
    const fixed = modelStep({ ...golden, attention }, rest, golden.batch);
    expect(fixed.loss).toBeCloseTo(trained.loss, 12);
    expect(Object.keys(fixed.gradients)).toEqual(Object.keys(rest));
    for (const [name, gradient] of Object.entries(fixed.gradients)) {
      expectClose(name, ["row", "column"], gradient, trained.gradients[name], GOLDEN);
    }
  });

  test("gradients equal central differences, for positions, every score, mixer, residual, norm, feed-forward, output norm", () => {
    forSeeds(40, (random) => {
      const config = blocksConfigFrom(random);
      const [items, width] = [random.integer(2, 4), random.choose([2, 4])];
      const batch = batchFrom(random, items);
      const parameters = blocksParametersFrom(random, config, items, width);
      const { gradients } = modelStep(config, parameters, batch);
      for (const [name, parameter] of Object.entries(parameters)) {
        const loss = (): number => modelStep(config, parameters, batch).loss;
        expectGradient(`${name} of ${JSON.stringify(config)}`, loss, parameter, gradients[name]);
      }
    });
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

function batchFrom(random: Random, items: number): Sequence[] {
  return Array.from({ length: random.integer(1, 3) }, () => {
    const length = random.integer(1, 4);
    const draw = (): number[] => Array.from({ length }, () => random.integer(0, items - 1));
    return { inputs: draw(), targets: draw() };
  });
}

/** A config with every block written in full. */
interface BlocksConfig extends ModelConfig {
  blocks: BlockConfig[];
}

/** Draws blocks that go together: one wrap for all, and a recurrence first where there is attention. */
function blocksConfigFrom(random: Random): BlocksConfig {
  const attends = random.choose([true, false]);
  const [residual, norm] = [random.choose(["none", "add"] as const), random.choose(["none", "pre", "post"] as const)];
  const blocks = Array.from({ length: random.integer(1, 2) }, (_, index): BlockConfig => {
    const feedForward = random.choose([null, "relu", "gelu"] as const);
    if (random.choose([true, false]) && !(attends && index === 0)) {
      return { mixer: "self-attention", heads: 2, residual, norm, feedForward };
    }
    const activation = random.choose(["tanh", "relu"] as const);
    return { mixer: random.choose(["gru", "lstm"] as const), activation, residual, norm, feedForward };
  });
  const score = random.choose(["dot", "mlp", "gaussian"] as const);
  const attention = {
    interest: random.choose(["learned", "last", "mean"] as const),
    normalize: random.choose(["sequence", "causal"] as const),
    scale: random.choose(["none", "length"] as const),
    score,
    sigma: score === "gaussian" && random.choose([true, false]) ? 0.5 + random.unit() : undefined,
  };
  return {
    blocks,
    attention: attends ? attention : null,
    positions: random.choose(["all", "last"] as const),
    learnedPositions: random.choose([true, false]),
    outputNorm: random.choose([true, false]),
  };
}

function blocksParametersFrom(random: Random, config: BlocksConfig, items: number, width: number): Tensors {
  const parameters: Tensors = { "embedding.weight": random.matrix(items, width) };
  const add = (prefix: string, tensors: Tensors): void => {
    for (const [name, value] of Object.entries(tensors)) parameters[prefix + name] = value;
  };
  const { attention } = config;
  if (config.learnedPositions) add("positions.", { weight: random.matrix(5, width) });
  if (attention?.interest === "learned") add("attention.", { interest: random.vector(width) });
  if (attention && attention.sigma === undefined) {
    add("attention.score.", scoreTensors(random, attention.score ?? "dot", width, width));
  }
  for (const [index, block] of config.blocks.entries()) {
    add(`blocks.${index}.`, blockTensors(random, block, width, 3));
  }
  if (config.outputNorm) add("", normTensors(random, "output_norm", width));
  return parameters;
}
