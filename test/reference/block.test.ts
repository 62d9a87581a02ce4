import { describe, expect, test } from "vitest";
import { type BlockCase, loadGolden } from "../golden/load.ts";
import { type BlockConfig, type BlockInput, blockBackward, blockForward } from "./block.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { gruForward } from "./gru.ts";
import { layerNormForward } from "./norm.ts";
import { forSeeds, type Random } from "./random.ts";
import { blockTensors } from "./random-tensors.ts";
import { addMatrix, addTensors, dot, type Matrix, type Tensors, type Vector, zerosLike } from "./tensor.ts";

const { cases } = loadGolden("blocks.json");
const MIXERS = ["gru", "lstm", "self-attention"] as const;
const WRAPS = (["none", "add"] as const).flatMap((residual) =>
  (["none", "pre", "post"] as const).map((norm) => ({ residual, norm })),
);
const titleOf = ({ mixer, residual, norm, feedForward }: BlockConfig): string =>
  `${mixer}, residual ${residual}, norm ${norm}, feed-forward ${feedForward ?? "none"}`;

function expectRun({ parameters, x, weights, dY }: BlockCase, run: BlockCase["runs"][number]): void {
  const { config } = run;
  const used: Tensors = Object.fromEntries(Object.keys(run.gradients).map((name) => [name, parameters[name]]));
  const sum = zerosLike(used);
  for (let b = 0; b < x.length; b++) {
    const input: BlockInput = { x: x[b], weights: weights?.[b] };
    const output = blockForward(config, used, input);
    expectClose(`y of b=${b}`, ["t", "d"], output.y, run.y[b], GOLDEN);
    const back = blockBackward(config, used, input, output, dY[b]);
    expectClose(`dX of b=${b}`, ["t", "d"], back.dX, run.dX[b], GOLDEN);
    if (run.dWeights) expectClose(`dWeights of b=${b}`, ["t"], back.dWeights, run.dWeights[b], GOLDEN);
    expect(Object.keys(back.gradients).sort()).toEqual(Object.keys(used).sort());
    addTensors(sum, back.gradients);
  }
  for (const name of Object.keys(used)) {
    expectClose(`∂/∂${name}`, ["row", "column"], sum[name], run.gradients[name], GOLDEN);
  }
}

describe("blocks equal PyTorch", () => {
  test("the fixture has every mixer with every wrap, and every wrap with every feed-forward", () => {
    const configs = cases.flatMap(({ runs }) => runs.map(({ config }) => config));
    const distinct = (textOf: (config: BlockConfig) => string): number => new Set(configs.map(textOf)).size;
    expect(distinct(({ mixer, residual, norm }) => `${mixer} ${residual} ${norm}`)).toBe(18);
    expect(distinct(({ feedForward, residual, norm }) => `${feedForward} ${residual} ${norm}`)).toBe(18);
  });

  for (const golden of cases) {
    for (const run of golden.runs) {
      test(`${titleOf(run.config)}: output and all gradients`, () => expectRun(golden, run));
    }
  }

  test("and one wrap is not another", () => {
    for (const golden of cases) {
      for (const run of golden.runs) {
        for (const wrap of WRAPS) {
          const { config } = run;
          if (wrap.residual === config.residual && wrap.norm === config.norm) continue;
          if ((wrap.norm === "none") !== (config.norm === "none")) continue; // other tensors
          const other = { ...run, config: { ...config, ...wrap } };
          expect(() => expectRun(golden, other), titleOf(other.config)).toThrow(/^y of b=0/);
        }
      }
    }
  });
});

describe("gradients equal central differences", () => {
  for (const mixer of MIXERS) {
    for (const wrap of WRAPS) {
      test(`${mixer}, residual ${wrap.residual}, norm ${wrap.norm}; T=0..4, D=2..6, every feed-forward`, () => {
        forSeeds(12, (random) => {
          const config = configFrom(random, { mixer, ...wrap });
          const width = (config.heads ?? 1) * random.integer(config.heads === undefined ? 2 : 1, 3);
          const parameters = blockTensors(random, config, width, random.integer(1, 6));
          const input = inputFrom(random, config, random.integer(0, 4), width);
          const dY = random.matrix(input.x.length, width);
          const loss = (): number =>
            blockForward(config, parameters, input).y.reduce((sum, row, t) => sum + dot(row, dY[t]), 0);
          const back = blockBackward(config, parameters, input, blockForward(config, parameters, input), dY);
          expect(Object.keys(back.gradients).sort()).toEqual(Object.keys(parameters).sort());
          expectGradient("x", loss, input.x, back.dX);
          if (input.weights) expectGradient("weights", loss, input.weights, back.dWeights);
          for (const [name, parameter] of Object.entries(parameters)) {
            expectGradient(`${name} of ${JSON.stringify(config)}`, loss, parameter, back.gradients[name]);
          }
        });
      });
    }
  }
});

describe("a block", () => {
  test("without residual, norm and feed-forward is its mixer", () => {
    forSeeds(20, (random) => {
      const config: BlockConfig = { mixer: "gru", residual: "none", norm: "none" };
      const parameters = blockTensors(random, config, 4, 0);
      const input = inputFrom(random, config, 5, 4);
      const [weightIh, weightHh] = ["weight_ih_l0", "weight_hh_l0"].map((n) => parameters[`recurrence.${n}`] as Matrix);
      const [biasIh, biasHh] = ["bias_ih_l0", "bias_hh_l0"].map((n) => parameters[`recurrence.${n}`] as Vector);
      const want = gruForward({ weightIh, weightHh, biasIh, biasHh }, input);
      expect(blockForward(config, parameters, input).y).toEqual(want.h);
    });
  });

  test("with a residual weighs what its recurrence is given and not what is added: pre is x + f(LN(x), w)", () => {
    forSeeds(20, (random) => {
      const config: BlockConfig = { mixer: "lstm", residual: "add", norm: "pre" };
      const plain: BlockConfig = { mixer: "lstm", residual: "none", norm: "none" };
      const parameters = blockTensors(random, config, 4, 0);
      const input = inputFrom(random, config, 5, 4);
      const normed = layerNormForward(
        input.x,
        parameters["norm1.weight"] as Vector,
        parameters["norm1.bias"] as Vector,
      );
      const want = blockForward(plain, parameters, { ...input, x: normed.y }).y.map((row) => [...row]);
      addMatrix(want, input.x);
      expectClose("y", ["t", "d"], blockForward(config, parameters, input).y, want, ROUNDING);
    });
  });

  test("never looks ahead, whatever it is made of", () => {
    forSeeds(60, (random) => {
      const config = configFrom(random, { mixer: random.choose(MIXERS), ...random.choose(WRAPS) });
      const width = (config.heads ?? 1) * 3;
      const parameters = blockTensors(random, config, width, 5);
      const input = { ...inputFrom(random, config, 5, width), dropout: undefined };
      const before = blockForward(config, parameters, input).y;
      input.x[4] = random.vector(width, 10);
      const after = blockForward(config, parameters, input).y;
      expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
      expect(after[4]).not.toEqual(before[4]);
    });
  });

  test("of self-attention refuses attention weights", () => {
    forSeeds(1, (random) => {
      const config: BlockConfig = { mixer: "self-attention", residual: "none", norm: "none" };
      const input: BlockInput = { x: random.matrix(3, 4), weights: [1, 1, 1] };
      expect(() => blockForward(config, blockTensors(random, config, 4, 0), input)).toThrow(/need a recurrence/);
    });
  });
});

function configFrom(random: Random, fixed: Pick<BlockConfig, "mixer" | "residual" | "norm">): BlockConfig {
  const config: BlockConfig = { ...fixed, feedForward: random.choose([null, "relu", "gelu"] as const) };
  if (fixed.mixer === "self-attention") config.heads = random.integer(2, 3);
  else if (random.choose([true, false])) config.activation = random.choose(["relu", "sigmoid", "identity"] as const);
  return config;
}

function inputFrom(random: Random, config: BlockConfig, length: number, width: number): BlockInput {
  const input: BlockInput = { x: random.matrix(length, width) };
  const draws = random.choose([true, false]);
  if (config.mixer !== "self-attention" && draws) input.weights = random.vector(length, 2);
  if (config.mixer === "self-attention" && draws) {
    const keep = Array.from({ length: config.heads ?? 1 }, () =>
      input.x.map(() => input.x.map(() => random.unit() >= 0.25)),
    );
    input.dropout = { keep, rate: 0.25 };
  }
  return input;
}
