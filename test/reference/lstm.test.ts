import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import type { RecurrentActivation } from "./activation.ts";
import { expectClose, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { type LstmInput, lstmBackward, lstmForward } from "./lstm.ts";
import { forSeeds, type Random } from "./random.ts";
import { type RecurrentParameters, swapGates } from "./recurrent.ts";
import { expectRun, parametersOf, type SequenceResult } from "./recurrent-golden.ts";
import { dot } from "./tensor.ts";

const { cases } = loadGolden("lstm.json");
const activated = loadGolden("lstm_activation.json").cases;
/** A run, and what it has in place of tanh. */
type Run = (typeof cases)[number]["runs"][number] & { activation?: RecurrentActivation };

function sequenceOf(golden: Pick<(typeof cases)[number], "x" | "weights" | "dH">, run: Run) {
  return (parameters: RecurrentParameters, b: number): SequenceResult => {
    const input: LstmInput = { x: golden.x[b], weights: golden.weights[b], h0: run.h0[b], c0: run.c0[b] };
    const output = lstmForward(parameters, input, run.activation);
    const gradients = lstmBackward(parameters, input, output, golden.dH[b], run.dCLast[b], run.activation);
    return { h: output.h, cLast: output.c[output.c.length - 1], gradients };
  };
}

function parametersFrom(random: Random, width: number, hidden: number): RecurrentParameters {
  return {
    weightIh: random.matrix(4 * hidden, width),
    weightHh: random.matrix(4 * hidden, hidden),
    biasIh: random.vector(4 * hidden),
    biasHh: random.vector(4 * hidden),
  };
}

describe("lstm equals torch.nn.LSTM", () => {
  for (const golden of cases) {
    for (const run of golden.runs) {
      test(`outputs and all gradients, T=${golden.lengths}, D=${golden.inputSize}, H=${golden.hiddenSize}, ${run.initial} state`, () => {
        expectRun(golden, run, sequenceOf(golden, run));
      });
    }
  }

  for (const [one, other, names] of [
    [0, 1, "i and f"],
    [0, 2, "i and g"],
    [0, 3, "i and o"],
    [1, 2, "f and g"],
    [1, 3, "f and o"],
    [2, 3, "g and o"],
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

describe("lstm with another activation in place of both tanh equals the unrolled cell", () => {
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

test("lstm gradients equal central differences, T=0..5, D=1..5, H=1..5, with and without weights, states, dCLast, every activation", () => {
  forSeeds(100, (random) => {
    const [length, width, hidden] = [random.integer(0, 5), random.integer(1, 5), random.integer(1, 5)];
    const parameters = parametersFrom(random, width, hidden);
    const input: LstmInput = { x: random.matrix(length, width) };
    if (random.choose([true, false])) input.weights = random.vector(length, 2);
    if (random.choose([true, false])) input.h0 = random.vector(hidden);
    if (random.choose([true, false])) input.c0 = random.vector(hidden);
    const dH = random.matrix(length, hidden);
    const activation = random.choose(["tanh", "tanh", "relu", "sigmoid", "identity"] as const);
    const dCLast = length > 0 && random.choose([true, false]) ? random.vector(hidden) : undefined;
    const loss = (): number => {
      const { h, c } = lstmForward(parameters, input, activation);
      const ofH = h.reduce((sum, row, t) => sum + dot(row, dH[t]), 0);
      return ofH + (dCLast ? dot(c[length - 1], dCLast) : 0);
    };
    const back = lstmBackward(parameters, input, lstmForward(parameters, input, activation), dH, dCLast, activation);
    expectGradient("weightIh", loss, parameters.weightIh, back.dWeightIh);
    expectGradient("weightHh", loss, parameters.weightHh, back.dWeightHh);
    expectGradient("biasIh", loss, parameters.biasIh, back.dBiasIh);
    expectGradient("biasHh", loss, parameters.biasHh, back.dBiasHh);
    expectGradient("x", loss, input.x, back.dX);
    if (input.weights) expectGradient("weights", loss, input.weights, back.dWeights);
    if (input.h0) expectGradient("h0", loss, input.h0, back.dH0);
    if (input.c0) expectGradient("c0", loss, input.c0, back.dC0);
    expect([back.dH0.length, back.dC0.length]).toEqual([hidden, hidden]);
  });
});

test("lstm fed x·w without weights gives the same states as x with weights w", () => {
  forSeeds(50, (random) => {
    const [length, width, hidden] = [random.integer(1, 6), random.integer(1, 6), random.integer(1, 6)];
    const parameters = parametersFrom(random, width, hidden);
    const x = random.matrix(length, width);
    const weights = random.vector(length, 3);
    const scaled = x.map((row, t) => row.map((value) => value * weights[t]));
    const got = lstmForward(parameters, { x, weights });
    const want = lstmForward(parameters, { x: scaled });
    expectClose("h", ["t", "j"], got.h, want.h, ROUNDING);
    expectClose("c", ["t", "j"], got.c, want.c, ROUNDING);
  });
});

test("lstm over two windows with carried state equals one pass", () => {
  forSeeds(50, (random) => {
    const [length, width, hidden] = [random.integer(2, 8), random.integer(1, 5), random.integer(1, 5)];
    const parameters = parametersFrom(random, width, hidden);
    const x = random.matrix(length, width);
    const dH = random.matrix(length, hidden);
    const cut = random.integer(1, length - 1);
    const whole = lstmForward(parameters, { x });
    const first = lstmForward(parameters, { x: x.slice(0, cut) });
    const second: LstmInput = { x: x.slice(cut), h0: first.h[cut - 1], c0: first.c[cut - 1] };
    const secondOutput = lstmForward(parameters, second);
    expect([...first.h, ...secondOutput.h]).toEqual(whole.h);
    expect([...first.c, ...secondOutput.c]).toEqual(whole.c);
    const back = lstmBackward(parameters, second, secondOutput, dH.slice(cut));
    const dFirst = dH.slice(0, cut).map((row) => [...row]);
    for (let j = 0; j < hidden; j++) dFirst[cut - 1][j] += back.dH0[j];
    const firstBack = lstmBackward(parameters, { x: x.slice(0, cut) }, first, dFirst, back.dC0);
    const wantX = lstmBackward(parameters, { x }, whole, dH).dX;
    expectClose("dX", ["t", "d"], [...firstBack.dX, ...back.dX], wantX, ROUNDING);
  });
});
