/**
 * Attention scores of an item and an interest vector (design.md §1):
 *
 *     dot:       z = <x, u>
 *     mlp:       z = v·tanh(W·x + U·u + b)        (Bahdanau, Cho, Bengio 2015, A.1.2)
 *     gaussian:  z = −‖x − u‖² / (2σ²)            σ fixed, or e^s with s trained
 */

import { tanh } from "./math.ts";
import {
  addOuter,
  addScaled,
  dot,
  type Matrix,
  multiplyTransposed,
  multiplyVector,
  type Tensors,
  type Vector,
  zeroMatrix,
} from "./tensor.ts";

/** Which score. */
export type ScoreKind = "dot" | "mlp" | "gaussian";

/** A score and what it depends on. */
export type Score =
  | { kind: "dot" }
  | {
      kind: "mlp";
      /** `attention.score.w`, [A, D] */
      w: Matrix;
      /** `attention.score.u`, [A, D] */
      u: Matrix;
      /** `attention.score.b`, [A] */
      b: Vector;
      /** `attention.score.v`, [A] */
      v: Vector;
    }
  /** `attention.score.log_sigma`, [1]: σ = e^{logSigma}; a fixed σ is one that is not trained. */
  | { kind: "gaussian"; logSigma: Vector };

/** Makes a score of the tensors it depends on, by their names after `attention.score.`. */
export function scoreOf(kind: ScoreKind, tensors: Tensors): Score {
  if (kind === "mlp") {
    const { w, u, b, v } = tensors;
    return { kind, w: w as Matrix, u: u as Matrix, b: b as Vector, v: v as Vector };
  }
  return kind === "gaussian" ? { kind, logSigma: tensors.log_sigma as Vector } : { kind };
}

/**
 * Returns `z[t][i]`, the score of x_i and u_t: a row for each row of u, a column for each step.
 *
 * @param x the history, [T, D]
 * @param u one row (`sequence`) or T rows (`causal`) of D numbers
 */
export function scoreForward(score: Score, x: Matrix, u: Matrix): Matrix {
  if (score.kind === "dot") return dotScoreForward(x, u);
  if (score.kind === "mlp") {
    return u.map((uT) => x.map((xI) => dot(score.v, mlpInnerOf(score, xI, uT))));
  }
  const factor = -0.5 * Math.exp(-2 * score.logSigma[0]);
  return u.map((uT) =>
    x.map((xI) => {
      const difference = differenceOf(xI, uT);
      return factor * dot(difference, difference);
    }),
  );
}

/** Gradients of a score. */
export interface ScoreGradients {
  /** [T, D], the path through u not included */
  dX: Matrix;
  /** The rows of u. */
  dU: Matrix;
  /** `w`, `u`, `b`, `v` of an mlp, `log_sigma` of a gaussian; nothing for dot. */
  gradients: Tensors;
}

/** Takes dZ back to x, u and the parameters of the score. */
export function scoreBackward(score: Score, x: Matrix, u: Matrix, dZ: Matrix): ScoreGradients {
  if (score.kind === "dot") return { ...dotScoreBackward(x, u, dZ), gradients: {} };
  const width = x[0].length;
  const dX = zeroMatrix(x.length, width);
  const dU = zeroMatrix(u.length, width);
  if (score.kind === "gaussian") {
    const precision = Math.exp(-2 * score.logSigma[0]);
    let dLogSigma = 0;
    for (let t = 0; t < u.length; t++) {
      for (let i = 0; i < x.length; i++) {
        // z_ti = −½·e^{−2s}·‖x_i − u_t‖²
        const difference = differenceOf(x[i], u[t]);
        addScaled(dX[i], difference, -precision * dZ[t][i]);
        addScaled(dU[t], difference, precision * dZ[t][i]);
        dLogSigma += precision * dot(difference, difference) * dZ[t][i];
      }
    }
    return { dX, dU, gradients: { log_sigma: [dLogSigma] } };
  }
  const inner = score.v.length;
  const dW = zeroMatrix(inner, width);
  const dUWeight = zeroMatrix(inner, width);
  const dB = score.b.map(() => 0);
  const dV = score.v.map(() => 0);
  for (let t = 0; t < u.length; t++) {
    for (let i = 0; i < x.length; i++) {
      // z_ti = v·a, a = tanh(W·x_i + U·u_t + b)
      const a = mlpInnerOf(score, x[i], u[t]);
      addScaled(dV, a, dZ[t][i]);
      const dSum = a.map((value, k) => dZ[t][i] * score.v[k] * (1 - value * value));
      addOuter(dW, dSum, x[i]);
      addOuter(dUWeight, dSum, u[t]);
      addScaled(dB, dSum);
      addScaled(dX[i], multiplyTransposed(score.w, dSum, width));
      addScaled(dU[t], multiplyTransposed(score.u, dSum, width));
    }
  }
  return { dX, dU, gradients: { w: dW, u: dUWeight, b: dB, v: dV } };
}

/**
 * Returns `z[t][i] = <x_i, u_t>`: a row for each row of u, a column for each step.
 *
 * @param x the history, [T, D]
 * @param u one row (`sequence`) or T rows (`causal`) of D numbers
 */
export function dotScoreForward(x: Matrix, u: Matrix): Matrix {
  return u.map((uT) => x.map((xI) => dot(xI, uT)));
}

/** Takes dZ back to x and u: `dx_i = Σ_t dz_ti·u_t`, `du_t = Σ_i dz_ti·x_i`. */
export function dotScoreBackward(x: Matrix, u: Matrix, dZ: Matrix): { dX: Matrix; dU: Matrix } {
  const dX = zeroMatrix(x.length, x[0].length);
  const dU = zeroMatrix(u.length, u[0].length);
  for (let t = 0; t < u.length; t++) {
    for (let i = 0; i < x.length; i++) {
      // z_ti = <x_i, u_t>
      addScaled(dX[i], u[t], dZ[t][i]);
      addScaled(dU[t], x[i], dZ[t][i]);
    }
  }
  return { dX, dU };
}

/** Returns tanh(W·x + U·u + b), [A]. */
function mlpInnerOf(score: Score & { kind: "mlp" }, x: Vector, u: Vector): Vector {
  const [fromX, fromU] = [multiplyVector(score.w, x), multiplyVector(score.u, u)];
  return score.b.map((bias, k) => tanh(fromX[k] + fromU[k] + bias));
}

function differenceOf(x: Vector, u: Vector): Vector {
  return x.map((value, d) => value - u[d]);
}
