/** What the GRU and LSTM twins share: parameters as PyTorch names and shapes them, and the input product. */

import { addOuter, addScaled, dot, type Matrix, multiplyTransposed, type Vector, zeroMatrix, zeros } from "./tensor.ts";

/** One layer, G = 3 gates (GRU: r, z, n) or 4 (LSTM: i, f, g, o), blocks of H rows in that order. */
export interface RecurrentParameters {
  /** `weight_ih_l0`, [G·H, D] */
  weightIh: Matrix;
  /** `weight_hh_l0`, [G·H, H] */
  weightHh: Matrix;
  /** `bias_ih_l0`, [G·H] */
  biasIh: Vector;
  /** `bias_hh_l0`, [G·H] */
  biasHh: Vector;
}

/** Gradients of one layer, summed over steps, in the shapes of the parameters. */
export interface RecurrentGradients {
  dWeightIh: Matrix;
  dWeightHh: Matrix;
  dBiasIh: Vector;
  dBiasHh: Vector;
}

/** Makes gradients of zero. */
export function zeroGradients(parameters: RecurrentParameters): RecurrentGradients {
  const gates = parameters.biasIh.length;
  return {
    dWeightIh: zeroMatrix(gates, parameters.weightIh[0].length),
    dWeightHh: zeroMatrix(gates, parameters.weightHh[0].length),
    dBiasIh: zeros(gates),
    dBiasHh: zeros(gates),
  };
}

/** Adds gradients of one sequence to those of others: `target += source`. */
export function addGradients(target: RecurrentGradients, source: RecurrentGradients): void {
  for (let row = 0; row < target.dWeightIh.length; row++) {
    addScaled(target.dWeightIh[row], source.dWeightIh[row]);
    addScaled(target.dWeightHh[row], source.dWeightHh[row]);
  }
  addScaled(target.dBiasIh, source.dBiasIh);
  addScaled(target.dBiasHh, source.dBiasHh);
}

/** Returns the input part of the gates: `a = w·(W_ih·x) + b_ih`, [G·H]. */
export function inputProductForward(parameters: RecurrentParameters, x: Vector, weight: number): Vector {
  return parameters.weightIh.map((row, gate) => weight * dot(row, x) + parameters.biasIh[gate]);
}

/** Takes dA back: adds to the gradients, and returns `dx = w·W_ihᵀ·dA` and `dw = <x, W_ihᵀ·dA>`. */
export function inputProductBackward(
  parameters: RecurrentParameters,
  x: Vector,
  weight: number,
  dA: Vector,
  gradients: RecurrentGradients,
): { dX: Vector; dWeight: number } {
  // a = w·(W_ih·x) + b_ih
  addOuter(
    gradients.dWeightIh,
    dA,
    x.map((value) => weight * value),
  );
  addScaled(gradients.dBiasIh, dA);
  const back = multiplyTransposed(parameters.weightIh, dA, x.length);
  return { dX: back.map((value) => weight * value), dWeight: dot(x, back) };
}

/**
 * Returns a copy of the parameters in which two gate blocks have changed places: in all four tensors, or only in those named.
 * What a test does to show that it would notice.
 */
export function swapGates(
  parameters: RecurrentParameters,
  one: number,
  other: number,
  tensors: readonly (keyof RecurrentParameters)[] = ["weightIh", "weightHh", "biasIh", "biasHh"],
): RecurrentParameters {
  const hidden = parameters.weightHh[0].length;
  const swap = <Row>(rows: Row[]): Row[] =>
    rows.map((row, index) => {
      const gate = Math.floor(index / hidden);
      const within = index % hidden;
      if (gate === one) return rows[other * hidden + within];
      if (gate === other) return rows[one * hidden + within];
      return row;
    });
  return {
    weightIh: tensors.includes("weightIh") ? swap(parameters.weightIh) : parameters.weightIh,
    weightHh: tensors.includes("weightHh") ? swap(parameters.weightHh) : parameters.weightHh,
    biasIh: tensors.includes("biasIh") ? swap(parameters.biasIh) : parameters.biasIh,
    biasHh: tensors.includes("biasHh") ? swap(parameters.biasHh) : parameters.biasHh,
  };
}
