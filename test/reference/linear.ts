/** Linear layer over rows, as torch.nn.Linear. */

import { addOuter, addScaled, dot, type Matrix, multiplyTransposed, type Vector, zeroMatrix, zeros } from "./tensor.ts";

/**
 * Returns `y_t = W·x_t + b` for every row of x.
 *
 * @param x [rows, in]; there may be no rows
 * @param weight [out, in]
 * @param bias [out]
 */
export function linearForward(x: Matrix, weight: Matrix, bias: Vector): Matrix {
  return x.map((row) => weight.map((weights, out) => dot(weights, row) + bias[out]));
}

/** Gradients of a linear layer. */
export interface LinearGradients {
  /** [rows, in] */
  dX: Matrix;
  /** [out, in], summed over rows */
  dWeight: Matrix;
  /** [out], summed over rows */
  dBias: Vector;
}

/** Takes dY, [rows, out], back: `dx_t = Wᵀ·dy_t`, `dW = Σ_t dy_t ⊗ x_t`, `db = Σ_t dy_t`. */
export function linearBackward(x: Matrix, weight: Matrix, dY: Matrix): LinearGradients {
  const width = weight[0].length;
  const dWeight = zeroMatrix(weight.length, width);
  const dBias = zeros(weight.length);
  const dX = x.map((row, t) => {
    // y = W·x + b
    addOuter(dWeight, dY[t], row);
    addScaled(dBias, dY[t]);
    return multiplyTransposed(weight, dY[t], width);
  });
  return { dX, dWeight, dBias };
}
