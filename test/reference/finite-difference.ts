/** Checks a hand-written gradient against central differences, with the settings of torch.autograd.gradcheck. */

import type { Matrix, Vector } from "./tensor.ts";

/** Step of the difference, and what the gradient may be off by: |analytic − numeric| ≤ absolute + relative · |numeric|. */
export interface DifferenceSettings {
  step: number;
  absolute: number;
  relative: number;
}

/** The defaults of gradcheck. */
export const GRADCHECK: DifferenceSettings = { step: 1e-6, absolute: 1e-5, relative: 1e-3 };

/** Returns `(f(v + step) − f(v − step)) / 2·step` for `values[index]`, which is put back afterwards. */
export function centralDifference(loss: () => number, values: Vector, index: number, step: number): number {
  const before = values[index];
  values[index] = before + step;
  const above = loss();
  values[index] = before - step;
  const below = loss();
  values[index] = before;
  return (above - below) / (2 * step);
}

/**
 * Throws unless every entry of a gradient agrees with the central difference of the loss.
 *
 * @param name what the loss depends on, as the error calls it: `weightIh[4,2]: gradient 0.31, difference 0.35`
 * @param loss reads `parameter` anew at every call
 * @param parameter numbers that are moved in place and put back
 * @param gradient ∂loss/∂parameter, the shape of the parameter
 */
export function expectGradient(
  name: string,
  loss: () => number,
  parameter: Vector | Matrix,
  gradient: Vector | Matrix,
  settings: DifferenceSettings = GRADCHECK,
): void {
  const nested = isMatrix(parameter);
  const rows: Matrix = nested ? parameter : [parameter as Vector];
  const gradientRows: Matrix = nested ? (gradient as Matrix) : [gradient as Vector];
  if (gradientRows.length !== rows.length) {
    throw new Error(`${name}: gradient has ${gradientRows.length} rows, the parameter ${rows.length}`);
  }
  for (let r = 0; r < rows.length; r++) {
    if (gradientRows[r]?.length !== rows[r].length) {
      throw new Error(
        `${name}: gradient row ${r} has ${gradientRows[r]?.length} entries, the parameter ${rows[r].length}`,
      );
    }
    for (let c = 0; c < rows[r].length; c++) {
      const numeric = centralDifference(loss, rows[r], c, settings.step);
      const analytic = gradientRows[r][c];
      const limit = settings.absolute + settings.relative * Math.abs(numeric);
      // Written so that NaN fails.
      if (!(Math.abs(analytic - numeric) <= limit)) {
        const place = nested ? `[${r},${c}]` : `[${c}]`;
        throw new Error(`${name}${place}: gradient ${analytic}, difference ${numeric}, off by more than ${limit}`);
      }
    }
  }
}

function isMatrix(value: Vector | Matrix): value is Matrix {
  return Array.isArray(value[0]);
}
