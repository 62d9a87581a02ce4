/**
 * GRU over one sequence, as torch.nn.GRU (Cho et al., EMNLP 2014, with the reset gate after the product):
 *
 *     r = σ(w·W_ir·x + b_ir + W_hr·h + b_hr)
 *     z = σ(w·W_iz·x + b_iz + W_hz·h + b_hz)
 *     n = tanh(w·W_in·x + b_in + r·(W_hn·h + b_hn))
 *     h' = (1 − z)·n + z·h
 *
 * Another activation may stand in place of tanh; the gates stay σ.
 */

import { activate, type RecurrentActivation, slopeOfValue } from "./activation.ts";
import { sigmoid } from "./math.ts";
import {
  inputProductBackward,
  inputProductForward,
  type RecurrentGradients,
  type RecurrentParameters,
  zeroGradients,
} from "./recurrent.ts";
import { addOuter, addScaled, dot, type Matrix, multiplyTransposed, type Vector, zeros } from "./tensor.ts";

/** What a GRU runs over. */
export interface GruInput {
  /** [T, D]; T may be 0 */
  x: Matrix;
  /** Attention weight of each step, [T]; all 1 if left out. */
  weights?: Vector;
  /** State before the first step, [H]; zero if left out. */
  h0?: Vector;
}

/** One step, as the backward pass needs it; [H] each. */
export interface GruStep {
  r: Vector;
  z: Vector;
  n: Vector;
  /** W_hn·h + b_hn, before the reset gate */
  hn: Vector;
}

/** What a GRU gives. */
export interface GruOutput {
  /** h_1 … h_T, [T, H] */
  h: Matrix;
  steps: GruStep[];
}

/** Runs the recurrence. */
export function gruForward(
  parameters: RecurrentParameters,
  input: GruInput,
  activation: RecurrentActivation = "tanh",
): GruOutput {
  const hidden = parameters.weightHh[0].length;
  const h: Matrix = [];
  const steps: GruStep[] = [];
  for (let t = 0; t < input.x.length; t++) {
    const before = t > 0 ? h[t - 1] : (input.h0 ?? zeros(hidden));
    const a = inputProductForward(parameters, input.x[t], input.weights?.[t] ?? 1);
    const c = parameters.weightHh.map((row, gate) => dot(row, before) + parameters.biasHh[gate]);
    const step: GruStep = { r: [], z: [], n: [], hn: [] };
    const after: Vector = [];
    for (let j = 0; j < hidden; j++) {
      step.r[j] = sigmoid(a[j] + c[j]);
      step.z[j] = sigmoid(a[hidden + j] + c[hidden + j]);
      step.hn[j] = c[2 * hidden + j];
      step.n[j] = activate(activation, a[2 * hidden + j] + step.r[j] * step.hn[j]);
      after[j] = (1 - step.z[j]) * step.n[j] + step.z[j] * before[j];
    }
    h.push(after);
    steps.push(step);
  }
  return { h, steps };
}

/** Gradients of a GRU. */
export interface GruGradients extends RecurrentGradients {
  /** [T, D] */
  dX: Matrix;
  /** [T] */
  dWeights: Vector;
  /** [H] */
  dH0: Vector;
}

/** Takes dH, [T, H], the gradient of every h_t by itself, back through time. */
export function gruBackward(
  parameters: RecurrentParameters,
  input: GruInput,
  output: GruOutput,
  dH: Matrix,
  activation: RecurrentActivation = "tanh",
): GruGradients {
  const hidden = parameters.weightHh[0].length;
  const length = input.x.length;
  const gradients = zeroGradients(parameters);
  const dX: Matrix = new Array(length);
  const dWeights = zeros(length);
  let carried = zeros(hidden);
  for (let t = length - 1; t >= 0; t--) {
    const before = t > 0 ? output.h[t - 1] : (input.h0 ?? zeros(hidden));
    const { r, z, n, hn } = output.steps[t];
    const dA = zeros(3 * hidden);
    const dC = zeros(3 * hidden);
    const dBefore = zeros(hidden);
    for (let j = 0; j < hidden; j++) {
      const dAfter = dH[t][j] + carried[j];
      // h' = (1 − z)·n + z·h
      const dN = dAfter * (1 - z[j]);
      const dZ = dAfter * (before[j] - n[j]);
      dBefore[j] = dAfter * z[j];
      // n = tanh(a_n + r·hn)
      const dSum = dN * slopeOfValue(activation, n[j]);
      const dR = dSum * hn[j];
      dA[2 * hidden + j] = dSum;
      dC[2 * hidden + j] = dSum * r[j];
      // r = σ(a_r + c_r), z = σ(a_z + c_z)
      dA[j] = dC[j] = dR * r[j] * (1 - r[j]);
      dA[hidden + j] = dC[hidden + j] = dZ * z[j] * (1 - z[j]);
    }
    // c = W_hh·h + b_hh
    addOuter(gradients.dWeightHh, dC, before);
    addScaled(gradients.dBiasHh, dC);
    addScaled(dBefore, multiplyTransposed(parameters.weightHh, dC, hidden));
    const toInput = inputProductBackward(parameters, input.x[t], input.weights?.[t] ?? 1, dA, gradients);
    dX[t] = toInput.dX;
    dWeights[t] = toInput.dWeight;
    carried = dBefore;
  }
  return { ...gradients, dX, dWeights, dH0: carried };
}
