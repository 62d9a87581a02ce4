import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import type { RecurrentActivation } from "./activation.ts";
import { expectClose, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { type GruInput, gruBackward, gruForward } from "./gru.ts";
import { forSeeds, type Random } from "./random.ts";
import { type RecurrentParameters, swapGates } from "./recurrent.ts";
import { expectRun, parametersOf, type SequenceResult } from "./recurrent-golden.ts";
import { dot } from "./tensor.ts";

const { cases } = loadGolden("gru.json");
const activated = loadGolden("gru_activation.json").cases;
/** A run, and what it has in place of tanh. */
type Run = (typeof cases)[number]["runs"][number] & { activation?: RecurrentActivation };

function sequenceOf(golden: Pick<(typeof cases)[number], "x" | "weights" | "dH">, run: Run) {
  return (parameters: RecurrentParameters, b: number): SequenceResult => {
    const input: GruInput = { x: golden.x[b], weights: golden.weights[b], h0: run.h0[b] };
    const output = gruForward(parameters, input, run.activation);
    return { h: output.h, gradients: gruBackward(parameters, input, output, golden.dH[b], run.activation) };
  };
}

function parametersFrom(random: Random, width: number, hidden: number): RecurrentParameters {
  return {
    weightIh: random.matrix(3 * hidden, width),
    weightHh: random.matrix(3 * hidden, hidden),
    biasIh: random.vector(3 * hidden),
    biasHh: random.vector(3 * hidden),
  };
}

describe("gru equals torch.nn.GRU", () => {
  for (const golden of cases) {
    for (const run of golden.runs) {
      test(`outputs and all gradients, T=${golden.lengths}, D=${golden.inputSize}, H=${golden.hiddenSize}, ${run.initial} state`, () => {
        expectRun(golden, run, sequenceOf(golden, run));
      });
    }
  }

  for (const [one, other, names] of [
    [0, 1, "r and z"],
    [0, 2, "r and n"],
    [1, 2, "z and n"],
  ] as const) {
    test(`and does not once the blocks of ${names}, which have one shape, are swapped in all tensors or any one`, () => {
      for (const golden of cases) {
        const parameters = parametersOf(golden.parameters);
        const all = Object.keys(parameters) as (keyof RecurrentParameters)[];
        for (const tensors of [all, ...all.map((name) => [name])]) {
          const swapped = swapGates(parameters, one, other, tensors);
          for (const run of golden.runs) {
            const check = (): void => expectRun(golden, run, sequenceOf(golden, run), swapped);
            expect(check, `${tensors}, H=${golden.hiddenSize}`).toThrow(/^h, H=\d+, .*: got /);
          }
        }
      }
    });
  }
});

describe("gru with another activation in place of tanh equals the unrolled cell", () => {
  test("the fixture has relu, sigmoid and identity", () => {
    expect(activated.flatMap(({ runs }) => runs.map((run) => run.activation))).toEqual(["relu", "sigmoid", "identity"]);
  });

  for (const golden of activated) {
    for (const run of golden.runs) {
      test(`${run.activation}: outputs and all gradients, T=${golden.lengths}`, () => {
        expectRun(golden, run, sequenceOf(golden, run));
        expect(() => expectRun(golden, run, sequenceOf(golden, { ...run, activation: "tanh" }))).toThrow(/^h, H=5/);
      });
    }
  }
});

test("gru gradients equal central differences, T=0..5, D=1..5, H=1..5, with and without weights and state, every activation", () => {
  forSeeds(100, (random) => {
    const [length, width, hidden] = [random.integer(0, 5), random.integer(1, 5), random.integer(1, 5)];
    const parameters = parametersFrom(random, width, hidden);
    const input: GruInput = { x: random.matrix(length, width) };
    if (random.choose([true, false])) input.weights = random.vector(length, 2);
    if (random.choose([true, false])) input.h0 = random.vector(hidden);
    const dH = random.matrix(length, hidden);
    const activation = random.choose(["tanh", "tanh", "relu", "sigmoid", "identity"] as const);
    const loss = (): number =>
      gruForward(parameters, input, activation).h.reduce((sum, row, t) => sum + dot(row, dH[t]), 0);
    const back = gruBackward(parameters, input, gruForward(parameters, input, activation), dH, activation);
    expectGradient("weightIh", loss, parameters.weightIh, back.dWeightIh);
    expectGradient("weightHh", loss, parameters.weightHh, back.dWeightHh);
    expectGradient("biasIh", loss, parameters.biasIh, back.dBiasIh);
    expectGradient("biasHh", loss, parameters.biasHh, back.dBiasHh);
    expectGradient("x", loss, input.x, back.dX);
    if (input.weights) expectGradient("weights", loss, input.weights, back.dWeights);
    if (input.h0) expectGradient("h0", loss, input.h0, back.dH0);
    expect(back.dH0.length).toBe(hidden);
  });
});

test("gru fed x·w without weights gives the same states as x with weights w", () => {
  forSeeds(50, (random) => {
    const [length, width, hidden] = [random.integer(1, 6), random.integer(1, 6), random.integer(1, 6)];
    const parameters = parametersFrom(random, width, hidden);
    const x = random.matrix(length, width);
    const weights = random.vector(length, 3);
    const scaled = x.map((row, t) => row.map((value) => value * weights[t]));
    const got = gruForward(parameters, { x, weights }).h;
    expectClose("h", ["t", "j"], got, gruForward(parameters, { x: scaled }).h, ROUNDING);
  });
});

test("gru over two windows with carried state equals one pass", () => {
  forSeeds(50, (random) => {
    const [length, width, hidden] = [random.integer(2, 8), random.integer(1, 5), random.integer(1, 5)];
    const parameters = parametersFrom(random, width, hidden);
    const x = random.matrix(length, width);
    const dH = random.matrix(length, hidden);
    const cut = random.integer(1, length - 1);
    const whole = gruForward(parameters, { x });
    const first = gruForward(parameters, { x: x.slice(0, cut) });
    const second: GruInput = { x: x.slice(cut), h0: first.h[cut - 1] };
    const secondOutput = gruForward(parameters, second);
    expect([...first.h, ...secondOutput.h]).toEqual(whole.h);
    const back = gruBackward(parameters, second, secondOutput, dH.slice(cut));
    const dFirst = dH.slice(0, cut).map((row) => [...row]);
    for (let j = 0; j < hidden; j++) dFirst[cut - 1][j] += back.dH0[j];
    const gotX = [...gruBackward(parameters, { x: x.slice(0, cut) }, first, dFirst).dX, ...back.dX];
    expectClose("dX", ["t", "d"], gotX, gruBackward(parameters, { x }, whole, dH).dX, ROUNDING);
  });
});
