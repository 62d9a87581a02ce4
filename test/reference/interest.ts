/** The interest vector u, which the attention compares every item of a history with (design.md §1). */

import { addScaled, type Matrix, type Vector, zeroMatrix, zeros } from "./tensor.ts";

/** Where u comes from. An embedding per user is `learned` with that user's vector. */
export type Interest = "learned" | "last" | "mean";

/** Whether a history is weighed as a whole, or every step against the steps up to it. */
export type Normalization = "sequence" | "causal";

/**
 * Returns u as rows: one for the whole history (`sequence`), or one for every step (`causal`).
 *
 *     sequence: learned u      last u = x_T      mean u = (1/T)·Σ_t x_t
 *     causal:   learned u_t = u    last u_t = x_t    mean u_t = (1/t)·Σ_{i≤t} x_i   (t from 1)
 *
 * @param x the history, [T, D], T ≥ 1
 * @param learned the trained vector, [D]; only read by `learned`
 */
export function interestForward(interest: Interest, normalize: Normalization, x: Matrix, learned: Vector): Matrix {
  const steps = normalize === "sequence" ? [x.length - 1] : x.map((_, t) => t);
  return steps.map((t) => {
    if (interest === "learned") return [...learned];
    if (interest === "last") return [...x[t]];
    const mean = zeros(x[t].length);
    for (let i = 0; i <= t; i++) addScaled(mean, x[i], 1 / (t + 1));
    return mean;
  });
}

/** Gradients of the interest; the one it does not depend on is zero. */
export interface InterestGradients {
  /** [T, D] */
  dX: Matrix;
  /** [D] */
  dLearned: Vector;
}

/** Takes dU (the rows of u) back to the history and to the trained vector. */
export function interestBackward(
  interest: Interest,
  normalize: Normalization,
  x: Matrix,
  dU: Matrix,
): InterestGradients {
  const dX = zeroMatrix(x.length, x[0].length);
  const dLearned = zeros(x[0].length);
  for (let row = 0; row < dU.length; row++) {
    const t = normalize === "sequence" ? x.length - 1 : row;
    // u_t = u
    if (interest === "learned") addScaled(dLearned, dU[row]);
    // u_t = x_t
    if (interest === "last") addScaled(dX[t], dU[row]);
    // u_t = (1/t)·Σ_{i≤t} x_i
    if (interest === "mean") for (let i = 0; i <= t; i++) addScaled(dX[i], dU[row], 1 / (t + 1));
  }
  return { dX, dLearned };
}
