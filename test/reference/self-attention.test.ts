import { describe, expect, test } from "vitest";
import { type GoldenTensors, loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN, type Numbers, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds, type Random } from "./random.ts";
import {
  type SelfAttentionInput,
  type SelfAttentionParameters,
  selfAttentionBackward,
  selfAttentionForward,
} from "./self-attention.ts";
import { addMatrix, addScaled, dot, type Matrix, type Vector } from "./tensor.ts";

const { cases } = loadGolden("self_attention.json");

function parametersOf(tensors: GoldenTensors): SelfAttentionParameters {
  return {
    inProjWeight: tensors.in_proj_weight as Matrix,
    inProjBias: tensors.in_proj_bias as Vector,
    outProjWeight: tensors["out_proj.weight"] as Matrix,
    outProjBias: tensors["out_proj.bias"] as Vector,
  };
}

function parametersFrom(random: Random, width: number): SelfAttentionParameters {
  return {
    inProjWeight: random.matrix(3 * width, width),
    inProjBias: random.vector(3 * width),
    outProjWeight: random.matrix(width, width),
    outProjBias: random.vector(width),
  };
}

/** Throws unless outputs and gradients of a batch equal the fixture's. */
function expectRun(
  golden: (typeof cases)[number],
  run: (typeof cases)[number]["runs"][number],
  parameters = parametersOf(golden.parameters),
): void {
  const check = (name: string, axes: string[], got: Numbers, want: Numbers): void =>
    expectClose(name, axes, got, want, GOLDEN);
  const backs = golden.x.map((x, b) => {
    const input: SelfAttentionInput = { x };
    if (run.keep) input.dropout = { keep: run.keep[b], rate: run.rate };
    const output = selfAttentionForward(golden.heads, parameters, input);
    check(`y of b=${b}`, ["t", "d"], output.y, run.y[b]);
    const back = selfAttentionBackward(golden.heads, parameters, input, output, golden.dY[b]);
    check(`dX of b=${b}`, ["t", "d"], back.dX, run.dX[b]);
    return back;
  });
  const sum = backs[0];
  for (const back of backs.slice(1)) {
    addMatrix(sum.dInProjWeight, back.dInProjWeight);
    addScaled(sum.dInProjBias, back.dInProjBias);
    addMatrix(sum.dOutProjWeight, back.dOutProjWeight);
    addScaled(sum.dOutProjBias, back.dOutProjBias);
  }
  const want = parametersOf(run.gradients);
  check("dInProjWeight", ["row", "column"], sum.dInProjWeight, want.inProjWeight);
  check("dInProjBias", ["row"], sum.dInProjBias, want.inProjBias);
  check("dOutProjWeight", ["row", "column"], sum.dOutProjWeight, want.outProjWeight);
  check("dOutProjBias", ["row"], sum.dOutProjBias, want.outProjBias);
}

describe("self-attention equals torch.nn.MultiheadAttention", () => {
  for (const golden of cases) {
    for (const run of golden.runs) {
      test(`output and all gradients, D=${golden.width}, N=${golden.heads}, dropout ${run.rate}`, () => {
        expectRun(golden, run);
      });
    }
  }

  for (const [one, other, names] of [
    [0, 1, "q and k"],
    [0, 2, "q and v"],
    [1, 2, "k and v"],
  ] as const) {
    test(`and does not once ${names}, which have one shape, are swapped`, () => {
      for (const golden of cases) {
        const swap = <Row>(rows: Row[]): Row[] => {
          const parts = [0, 1, 2].map((part) => rows.slice(part * golden.width, (part + 1) * golden.width));
          [parts[one], parts[other]] = [parts[other], parts[one]];
          return parts.flat();
        };
        const { inProjWeight, inProjBias, ...rest } = parametersOf(golden.parameters);
        const swapped = { ...rest, inProjWeight: swap(inProjWeight), inProjBias: swap(inProjBias) };
        expect(() => expectRun(golden, golden.runs[0], swapped)).toThrow(/^y of b=0/);
      }
    });
  }
});

test("self-attention gradients equal central differences, T=0..5, N=1..3 heads of 1..3, with and without dropout", () => {
  forSeeds(60, (random) => {
    const [length, heads] = [random.integer(0, 5), random.integer(1, 3)];
    const width = heads * random.integer(1, 3);
    const parameters = parametersFrom(random, width);
    const input: SelfAttentionInput = { x: random.matrix(length, width, 2) };
    if (random.choose([true, false])) {
      const rate = random.unit() * 0.9;
      const keep = Array.from({ length: heads }, () => input.x.map(() => input.x.map(() => random.unit() >= rate)));
      input.dropout = { keep, rate };
    }
    const dY = random.matrix(length, width);
    const loss = (): number =>
      selfAttentionForward(heads, parameters, input).y.reduce((sum, row, t) => sum + dot(row, dY[t]), 0);
    const output = selfAttentionForward(heads, parameters, input);
    const back = selfAttentionBackward(heads, parameters, input, output, dY);
    expectGradient("x", loss, input.x, back.dX);
    expectGradient("inProjWeight", loss, parameters.inProjWeight, back.dInProjWeight);
    expectGradient("inProjBias", loss, parameters.inProjBias, back.dInProjBias);
    expectGradient("outProjWeight", loss, parameters.outProjWeight, back.dOutProjWeight);
    expectGradient("outProjBias", loss, parameters.outProjBias, back.dOutProjBias);
  });
});

test("self-attention never looks ahead: a later row changes no earlier one", () => {
  forSeeds(50, (random) => {
    const heads = random.integer(1, 3);
    const [length, width] = [random.integer(2, 7), heads * random.integer(1, 3)];
    const parameters = parametersFrom(random, width);
    const x = random.matrix(length, width);
    const before = selfAttentionForward(heads, parameters, { x }).y;
    x[length - 1] = random.vector(width, 10);
    const after = selfAttentionForward(heads, parameters, { x }).y;
    expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
    expect(after[length - 1]).not.toEqual(before[length - 1]);
  });
});

test("a bias of k changes no probability, so that its gradient is zero", () => {
  forSeeds(20, (random) => {
    const [heads, width] = [2, 6];
    const parameters = parametersFrom(random, width);
    const x = random.matrix(5, width);
    const output = selfAttentionForward(heads, parameters, { x });
    const back = selfAttentionBackward(heads, parameters, { x }, output, random.matrix(5, width));
    for (const value of back.dInProjBias.slice(width, 2 * width)) expect(Math.abs(value)).toBeLessThan(1e-14);
    for (let row = width; row < 2 * width; row++) parameters.inProjBias[row] += 3;
    expectClose("y", ["t", "d"], selfAttentionForward(heads, parameters, { x }).y, output.y, ROUNDING);
  });
});

test("self-attention of scores in the hundreds stays finite, and refuses heads that do not divide D", () => {
  forSeeds(20, (random) => {
    const parameters = parametersFrom(random, 4);
    const x = random.matrix(4, 4, 100);
    const output = selfAttentionForward(2, parameters, { x });
    for (const row of output.p.flat()) expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
    const back = selfAttentionBackward(2, parameters, { x }, output, random.matrix(4, 4));
    for (const value of back.dX.flat()) expect(Number.isFinite(value)).toBe(true);
    expect(() => selfAttentionForward(3, parameters, { x })).toThrow(/3 heads, expected a divisor of D = 4/);
  });
});
