/** Layer norm over the last axis (Ba, Kiros, Hinton 2016, eq. 3–4; biased variance as torch.nn.LayerNorm). */

import { type Matrix, type Vector, zeros } from "./tensor.ts";

/** What torch.nn.LayerNorm adds to the variance. */
export const LAYER_NORM_EPSILON = 1e-5;

/** What a layer norm gives. */
export interface LayerNormOutput {
  /** [rows, D] */
  y: Matrix;
  /** μ of each row */
  mean: Vector;
  /** ρ = 1/√(variance + ε) of each row */
  rstd: Vector;
}

/** Returns `y = (x − μ)·ρ·γ + β` for every row of x, [rows, D], D ≥ 1. */
export function layerNormForward(
  x: Matrix,
  gamma: Vector,
  beta: Vector,
  epsilon = LAYER_NORM_EPSILON,
): LayerNormOutput {
  const output: LayerNormOutput = { y: [], mean: [], rstd: [] };
  for (const row of x) {
    let mean = 0;
    for (const value of row) mean += value / row.length;
    let variance = 0;
    for (const value of row) variance += (value - mean) ** 2 / row.length;
    const rstd = 1 / Math.sqrt(variance + epsilon);
    output.y.push(row.map((value, d) => (value - mean) * rstd * gamma[d] + beta[d]));
    output.mean.push(mean);
    output.rstd.push(rstd);
  }
  return output;
}

/** Gradients of a layer norm. */
export interface LayerNormGradients {
  /** [rows, D] */
  dX: Matrix;
  /** [D], summed over rows */
  dGamma: Vector;
  /** [D], summed over rows */
  dBeta: Vector;
}

/** Takes dY back: with `x̂ = (x − μ)·ρ` and `g = dy·γ`, `dx = ρ·(g − mean(g) − x̂·mean(g·x̂))`. */
export function layerNormBackward(x: Matrix, gamma: Vector, output: LayerNormOutput, dY: Matrix): LayerNormGradients {
  const width = gamma.length;
  const dX: Matrix = [];
  const dGamma = zeros(width);
  const dBeta = zeros(width);
  for (let r = 0; r < x.length; r++) {
    const xHat = x[r].map((value) => (value - output.mean[r]) * output.rstd[r]);
    // y = x̂·γ + β
    const g = dY[r].map((value, d) => value * gamma[d]);
    let meanG = 0;
    let meanGX = 0;
    for (let d = 0; d < width; d++) {
      dGamma[d] += dY[r][d] * xHat[d];
      dBeta[d] += dY[r][d];
      meanG += g[d] / width;
      meanGX += (g[d] * xHat[d]) / width;
    }
    // x̂ = (x − μ)·ρ, where μ and ρ depend on every x of the row
    dX.push(g.map((value, d) => output.rstd[r] * (value - meanG - xHat[d] * meanGX)));
  }
  return { dX, dGamma, dBeta };
}
