import { describe, test } from "vitest";
import { type GoldenTensors, loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN } from "./compare.ts";
import { type FeedForwardParameters, feedForwardBackward, feedForwardForward } from "./feed-forward.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds } from "./random.ts";
import { dot, type Matrix, type Vector } from "./tensor.ts";

function parametersOf(tensors: GoldenTensors): FeedForwardParameters {
  return {
    weight1: tensors["linear1.weight"] as Matrix,
    bias1: tensors["linear1.bias"] as Vector,
    weight2: tensors["linear2.weight"] as Matrix,
    bias2: tensors["linear2.bias"] as Vector,
  };
}

describe("feed-forward equals linear2(act(linear1(x))) of PyTorch", () => {
  for (const { activation, parameters, x, dY, y, dX, gradients } of loadGolden("feed_forward.json").cases) {
    const { weight1 } = parametersOf(parameters);
    test(`${activation}, D=${x[0].length}, F=${weight1.length}: output and gradients`, () => {
      const output = feedForwardForward(activation, parametersOf(parameters), x);
      expectClose("y", ["row", "d"], output.y, y, GOLDEN);
      const back = feedForwardBackward(activation, parametersOf(parameters), x, output, dY);
      const want = parametersOf(gradients);
      expectClose("dX", ["row", "d"], back.dX, dX, GOLDEN);
      expectClose("dWeight1", ["row", "column"], back.dWeight1, want.weight1, GOLDEN);
      expectClose("dBias1", ["row"], back.dBias1, want.bias1, GOLDEN);
      expectClose("dWeight2", ["row", "column"], back.dWeight2, want.weight2, GOLDEN);
      expectClose("dBias2", ["row"], back.dBias2, want.bias2, GOLDEN);
    });
  }
});

test("feed-forward gradients equal central differences, T=0..4, D=1..5, F=1..7", () => {
  forSeeds(100, (random) => {
    const activation = random.choose(["relu", "gelu"] as const);
    const [length, width, inner] = [random.integer(0, 4), random.integer(1, 5), random.integer(1, 7)];
    const parameters: FeedForwardParameters = {
      weight1: random.matrix(inner, width),
      bias1: random.vector(inner),
      weight2: random.matrix(width, inner),
      bias2: random.vector(width),
    };
    const [x, dY] = [random.matrix(length, width, 2), random.matrix(length, width)];
    const loss = (): number =>
      feedForwardForward(activation, parameters, x).y.reduce((sum, row, t) => sum + dot(row, dY[t]), 0);
    const back = feedForwardBackward(activation, parameters, x, feedForwardForward(activation, parameters, x), dY);
    expectGradient("x", loss, x, back.dX);
    expectGradient("weight1", loss, parameters.weight1, back.dWeight1);
    expectGradient("bias1", loss, parameters.bias1, back.dBias1);
    expectGradient("weight2", loss, parameters.weight2, back.dWeight2);
    expectGradient("bias2", loss, parameters.bias2, back.dBias2);
  });
});
