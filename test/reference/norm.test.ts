import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { LAYER_NORM_EPSILON, layerNormBackward, layerNormForward } from "./norm.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

describe("layer norm equals torch.nn.functional.layer_norm", () => {
  for (const golden of loadGolden("norm.json").cases) {
    const { x, gamma, beta, dY } = golden;
    test(`output and gradients, ${x.length} rows of D=${gamma.length}`, () => {
      const output = layerNormForward(x, gamma, beta);
      const back = layerNormBackward(x, gamma, output, dY);
      expectClose("y", ["row", "d"], output.y, golden.y, GOLDEN);
      expectClose("dX", ["row", "d"], back.dX, golden.dX, GOLDEN);
      expectClose("dGamma", ["d"], back.dGamma, golden.dGamma, GOLDEN);
      expectClose("dBeta", ["d"], back.dBeta, golden.dBeta, GOLDEN);
    });
  }
});

test("layer norm gradients equal central differences, D=1..9", () => {
  forSeeds(100, (random) => {
    const [rows, width] = [random.integer(1, 4), random.integer(1, 9)];
    const x = random.matrix(rows, width, 2);
    const gamma = random.vector(width);
    const beta = random.vector(width);
    const dY = random.matrix(rows, width);
    // Two close numbers make a steep row, which differences follow badly: a larger ε here; 1e-5 is what PyTorch is compared at.
    const epsilon = 0.01;
    const loss = (): number =>
      layerNormForward(x, gamma, beta, epsilon).y.reduce((sum, row, r) => sum + dot(row, dY[r]), 0);
    const back = layerNormBackward(x, gamma, layerNormForward(x, gamma, beta, epsilon), dY);
    expectGradient("x", loss, x, back.dX);
    expectGradient("gamma", loss, gamma, back.dGamma);
    expectGradient("beta", loss, beta, back.dBeta);
  });
});

test("layer norm gives mean and 1/√(variance + 1e-5) of (1, 2, 3, 4), and does not notice a weight on the row", () => {
  const { mean, rstd, y } = layerNormForward([[1, 2, 3, 4]], [1, 1, 1, 1], [0, 0, 0, 0]);
  expect(LAYER_NORM_EPSILON).toBe(1e-5);
  expectClose("μ, ρ", [], [mean[0], rstd[0]], [2.5, 1 / Math.sqrt(1.25 + 1e-5)], ROUNDING);
  const weighted = layerNormForward([[1000, 2000, 3000, 4000]], [1, 1, 1, 1], [0, 0, 0, 0]);
  expectClose("y", ["row", "d"], weighted.y, y, { absolute: 1e-5, relative: 1e-5 });
});
