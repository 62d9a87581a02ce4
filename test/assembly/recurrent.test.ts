import { describe, expect, test } from "vitest";
import { type LstmRun, loadGolden, type RecurrentCase, type RecurrentRun } from "../golden/load.ts";
import { forSeeds, type Random, randomOf } from "../reference/random.ts";
import { swapGates } from "../reference/recurrent.ts";
import { parametersOf } from "../reference/recurrent-golden.ts";
import { type Matrix, zeroMatrix, zeros } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
  floatRows,
  floats,
  type Packing,
  packing,
  packRows,
  randomPacking,
  weigh,
} from "./harness.ts";
import { type Case, type Cell, GATES, type Result, runLayer, twinOf } from "./recurrent-layer.ts";

const CELLS: Cell[] = ["gru", "lstm"];
const AXES: Record<keyof Result, string[]> = {
  h: ["b", "t", "j"],
  c: ["b", "t", "j"],
  dX: ["b", "t", "d"],
  dWeights: ["b", "t"],
  dH0: ["b", "j"],
  dC0: ["b", "j"],
  dWeightIh: ["row", "d"],
  dWeightHh: ["row", "j"],
  dBiasIh: ["row"],
  dBiasHh: ["row"],
};

function expectResult(at: string, got: Partial<Result>, want: Partial<Result>): void {
  for (const name of Object.keys(want) as (keyof Result)[]) {
    expectNear(`${name}, ${at}`, AXES[name], got[name] ?? [], want[name] ?? []);
  }
}

function randomCase(random: Random, cell: Cell, batch: Packing, width: number, hidden: number): Case {
  const rows = GATES[cell] * hidden;
  const { lengths } = batch;
  const state = (): Matrix => lengths.map(() => floats(random, hidden));
  // As training starts: ±1/√H, with a wider spread to bend the gates.
  const bound = 2 / Math.sqrt(hidden);
  return {
    cell,
    parameters: {
      weightIh: floatRows(random, rows, width),
      weightHh: floatRows(random, rows, hidden, bound),
      biasIh: floats(random, rows),
      biasHh: floats(random, rows),
    },
    x: lengths.map((length) => floatRows(random, length, width)),
    weights: random.choose([true, false]) ? lengths.map((length) => floats(random, length, 2)) : undefined,
    h0: random.choose([true, false]) ? state() : zeroMatrix(lengths.length, hidden),
    c0: random.choose([true, false]) ? state() : zeroMatrix(lengths.length, hidden),
    dH: lengths.map((length) => floatRows(random, length, hidden)),
    dCLast: cell === "lstm" && random.choose([true, false]) ? state() : undefined,
  };
}

/** One sequence of a case, by itself. */
const sequenceOf = (input: Case, b: number): Case => ({
  ...input,
  x: [input.x[b]],
  weights: input.weights && [input.weights[b]],
  h0: [input.h0[b]],
  c0: [input.c0[b]],
  dH: [input.dH[b]],
  dCLast: input.dCLast && [input.dCLast[b]],
});

describe.each(CELLS)("%s equals PyTorch", (cell) => {
  const { cases } = loadGolden(`${cell}.json`) as { cases: RecurrentCase<RecurrentRun | LstmRun>[] };
  const caseOf = (golden: (typeof cases)[number], run: RecurrentRun | LstmRun): Case => ({
    cell,
    parameters: parametersOf(golden.parameters),
    x: golden.x,
    weights: golden.weights,
    h0: run.h0,
    c0: "c0" in run ? run.c0 : [],
    dH: golden.dH,
    dCLast: "dCLast" in run ? run.dCLast : undefined,
  });
  const wantOf = (run: RecurrentRun | LstmRun): Partial<Result> => ({
    h: run.h,
    dX: run.dX,
    dWeights: run.dWeights,
    dH0: run.dH0,
    ...("dC0" in run ? { dC0: run.dC0 } : {}),
    dWeightIh: run.gradients.weight_ih_l0,
    dWeightHh: run.gradients.weight_hh_l0,
    dBiasIh: run.gradients.bias_ih_l0,
    dBiasHh: run.gradients.bias_hh_l0,
  });

  for (const golden of cases) {
    for (const run of golden.runs) {
      const title = `T=${golden.lengths}, D=${golden.inputSize}, H=${golden.hiddenSize}, ${run.initial} state`;
      test(`outputs and all gradients, ${title}`, () => {
        const got = runLayer(caseOf(golden, run), "both");
        expectResult(title, got, wantOf(run));
        if ("cLast" in run)
          expectNear(
            "cLast",
            ["b", "j"],
            got.c.map((c) => c[c.length - 1]),
            run.cLast,
          );
      });
    }
  }

  const pairs =
    cell === "gru"
      ? [
          [0, 1],
          [0, 2],
          [1, 2],
        ]
      : [
          [0, 1],
          [0, 2],
          [0, 3],
          [1, 2],
          [1, 3],
          [2, 3],
        ];
  test(`and does not, by far, once any two gate blocks, which have one shape, are swapped in any tensor`, () => {
    for (const golden of cases) {
      for (const run of golden.runs) {
        for (const [one, other] of pairs) {
          for (const tensor of ["weightIh", "weightHh", "biasIh", "biasHh"] as const) {
            const input = caseOf(golden, run);
            input.parameters = swapGates(input.parameters, one, other, [tensor]);
            const { h } = runLayer(input, "forward", true);
            const check = (): void => expectNear("h", AXES.h, h, run.h, 1e-3);
            expect(check, `${tensor}, gates ${one} and ${other}`).toThrow(/^h\[/);
          }
        }
      }
    }
  });
});

/** Around the lanes, around the panels of 16, and one beyond two of them. */
const HIDDEN = [1, 3, 4, 5, 7, 8, 9, 15, 17, 67];

describe.each(CELLS)("%s", (cell) => {
  test("equals the f64 twin for H=1…17 and 67, ragged, equal and single batches, with and without weights and states", () => {
    forSeeds(27, (random, seed) => {
      const hidden = HIDDEN[seed % HIDDEN.length];
      const width = random.choose([1, 3, 4, 5, 15]);
      const batch = seed <= 9 ? packing([7, 5, 5, 2, 1]) : randomPacking(random, 6, 9);
      const input = randomCase(random, cell, batch, width, hidden);
      const got = runLayer(input, "both");
      expectResult(`T=${batch.lengths}, D=${width}, H=${hidden}`, got, twinOf(input));
      const answer = runLayer({ ...input, dCLast: undefined }, "forward");
      expect([answer.h, answer.c], "without gates to keep").toEqual([got.h, got.c]);
    });
  });

  test("equals the f64 twin over 70 sequences, more than one block of rows, and gives each the bits it has alone", () => {
    forSeeds(2, (random) => {
      const lengths = Array.from({ length: 70 }, () => random.integer(1, 6)).sort((one, other) => other - one);
      const input = randomCase(random, cell, packing(lengths), 3, 5);
      const got = runLayer(input, "both");
      expectResult("B=70", got, twinOf(input));
      for (const b of [0, random.integer(1, 68), 69]) {
        const alone = runLayer(sequenceOf(input, b), "both");
        for (const name of ["h", "c", "dX", "dWeights", "dH0", "dC0"] as const) {
          expect([name, alone[name][0]]).toEqual([name, got[name][b]]);
        }
      }
    });
  });

  test("over windows with carried state has the bits of one pass, and the state's gradient is what the first window lacks", () => {
    forSeeds(12, (random) => {
      const batch = randomPacking(random, 5, 9);
      const input = { ...randomCase(random, cell, batch, 3, random.choose(HIDDEN)), dCLast: undefined };
      const whole = runLayer(input, "both");
      const cut = random.integer(1, batch.steps);
      const alive = batch.lengths.filter((length) => length > cut).length;
      const first: Case = {
        ...input,
        x: input.x.map((sequence) => sequence.slice(0, cut)),
        weights: input.weights?.map((sequence) => sequence.slice(0, cut)),
        dH: input.dH.map((sequence) => sequence.slice(0, cut)),
      };
      const firstOut = runLayer(first, "forward");
      expect(firstOut.h).toEqual(whole.h.map((sequence) => sequence.slice(0, cut)));
      if (alive === 0) return;
      const second: Case = {
        ...input,
        x: input.x.slice(0, alive).map((sequence) => sequence.slice(cut)),
        weights: input.weights?.slice(0, alive).map((sequence) => sequence.slice(cut)),
        dH: input.dH.slice(0, alive).map((sequence) => sequence.slice(cut)),
        h0: firstOut.h.slice(0, alive).map((sequence) => sequence[cut - 1]),
        c0: cell === "lstm" ? firstOut.c.slice(0, alive).map((sequence) => sequence[cut - 1]) : [],
      };
      const secondOut = runLayer(second, "both");
      expect(secondOut.h).toEqual(whole.h.slice(0, alive).map((sequence) => sequence.slice(cut)));
      expect(secondOut.dX).toEqual(whole.dX.slice(0, alive).map((sequence) => sequence.slice(cut)));
      // Chained: what the second window says of its state is added to the first window's last step.
      const dH = first.dH.map((sequence, b) =>
        b < alive
          ? sequence.map((row, t) => (t === cut - 1 ? row.map((value, j) => value + secondOut.dH0[b][j]) : row))
          : sequence,
      );
      const hidden = input.parameters.weightHh[0].length;
      const dCLast =
        cell === "lstm" ? batch.lengths.map((_, b) => (b < alive ? secondOut.dC0[b] : zeros(hidden))) : undefined;
      const chained = runLayer({ ...first, dH, dCLast }, "both");
      expectNear(
        "dX",
        AXES.dX,
        chained.dX,
        whole.dX.map((sequence) => sequence.slice(0, cut)),
      );
      expectNear("dH0", AXES.dH0, chained.dH0, whole.dH0);
      expectNear("dC0", AXES.dC0, chained.dC0, whole.dC0);
    });
  });

  test("has gradients equal to differences, for every input and parameter", () => {
    forSeeds(2, (random) => {
      const batch = randomPacking(random, 3, 4);
      const [width, hidden] = [random.integer(1, 3), random.integer(1, 5)];
      const input: Case = { ...randomCase(random, cell, batch, width, hidden), dCLast: undefined };
      input.weights ??= batch.lengths.map((length) => floats(random, length));
      const got = runLayer(input, "both");
      const dH = packRows(batch, input.dH);
      const loss = (): number => weigh(packRows(batch, runLayer(input, "forward", true).h), dH);
      const { parameters } = input;
      const check = (name: string, values: number[], gradient: number[]): void =>
        expectDifferences(`${name}, T=${batch.lengths}, D=${width}, H=${hidden}`, loss, values, gradient, 2 ** -6);
      for (let b = 0; b < batch.lengths.length; b++) {
        for (let t = 0; t < batch.lengths[b]; t++) check(`x[${b},${t}]`, input.x[b][t], got.dX[b][t]);
        check(`weights[${b}]`, input.weights[b], got.dWeights[b]);
        check(`h0[${b}]`, input.h0[b], got.dH0[b]);
        if (cell === "lstm") check(`c0[${b}]`, input.c0[b], got.dC0[b]);
      }
      for (let row = 0; row < parameters.biasIh.length; row++) {
        check(`weightIh[${row}]`, parameters.weightIh[row], got.dWeightIh[row]);
        check(`weightHh[${row}]`, parameters.weightHh[row], got.dWeightHh[row]);
      }
      check("biasIh", parameters.biasIh, got.dBiasIh);
      check("biasHh", parameters.biasHh, got.dBiasHh);
    });
  });

  test("saturates without NaN or infinity when products reach ±1e4", () => {
    forSeeds(5, (random) => {
      const input = randomCase(random, cell, packing([5, 3, 1]), 3, 5);
      input.x = input.x.map((sequence) => sequence.map((row) => row.map((value) => value * 1e4)));
      const got = runLayer(input, "both");
      for (const name of Object.keys(got) as (keyof Result)[]) {
        expect((got[name] as number[][][]).flat(2).every(Number.isFinite), name).toBe(true);
      }
      expect(got.h.flat(2).every((value) => Math.abs(value) <= 2)).toBe(true);
    });
  });

  test("of no sequences does nothing, and adds nothing to gradients", () => {
    const got = runLayer(randomCase(randomOf(1), cell, packing([]), 3, 5), "both");
    expect([got.h, got.dX, got.dH0]).toEqual([[], [], []]);
    expect(new Set([got.dWeightIh, got.dWeightHh].flat(2))).toEqual(new Set([0]));
  });
});
