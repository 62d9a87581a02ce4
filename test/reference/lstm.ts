/**
 * LSTM over one sequence, as torch.nn.LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000):
 *
 *     i = σ(w·W_ii·x + b_ii + W_hi·h + b_hi)
 *     f = σ(w·W_if·x + b_if + W_hf·h + b_hf)
 *     g = tanh(w·W_ig·x + b_ig + W_hg·h + b_hg)
 *     o = σ(w·W_io·x + b_io + W_ho·h + b_ho)
 *     c' = f·c + i·g        h' = o·tanh(c')
 *
 * Another activation may stand in place of both tanh; the gates stay σ.
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

/** What an LSTM runs over. */
export interface LstmInput {
  /** [T, D]; T may be 0 */
  x: Matrix;
  /** Attention weight of each step, [T]; all 1 if left out. */
  weights?: Vector;
  /** State before the first step, [H]; zero if left out. */
  h0?: Vector;
  /** Cell before the first step, [H]; zero if left out. */
  c0?: Vector;
}

/** One step, as the backward pass needs it; [H] each. */
export interface LstmStep {
  i: Vector;
  f: Vector;
  g: Vector;
  o: Vector;
}

/** What an LSTM gives. */
export interface LstmOutput {
  /** h_1 … h_T, [T, H] */
  h: Matrix;
  /** c_1 … c_T, [T, H] */
  c: Matrix;
  steps: LstmStep[];
}

/** Runs the recurrence. */
export function lstmForward(
  parameters: RecurrentParameters,
  input: LstmInput,
  activation: RecurrentActivation = "tanh",
): LstmOutput {
  const hidden = parameters.weightHh[0].length;
  const h: Matrix = [];
  const c: Matrix = [];
  const steps: LstmStep[] = [];
  for (let t = 0; t < input.x.length; t++) {
    const hBefore = t > 0 ? h[t - 1] : (input.h0 ?? zeros(hidden));
    const cBefore = t > 0 ? c[t - 1] : (input.c0 ?? zeros(hidden));
    const a = inputProductForward(parameters, input.x[t], input.weights?.[t] ?? 1);
    const sum = a.map((value, gate) => value + dot(parameters.weightHh[gate], hBefore) + parameters.biasHh[gate]);
    const step: LstmStep = { i: [], f: [], g: [], o: [] };
    const hAfter: Vector = [];
    const cAfter: Vector = [];
    for (let j = 0; j < hidden; j++) {
      step.i[j] = sigmoid(sum[j]);
      step.f[j] = sigmoid(sum[hidden + j]);
      step.g[j] = activate(activation, sum[2 * hidden + j]);
      step.o[j] = sigmoid(sum[3 * hidden + j]);
      cAfter[j] = step.f[j] * cBefore[j] + step.i[j] * step.g[j];
      hAfter[j] = step.o[j] * activate(activation, cAfter[j]);
    }
    h.push(hAfter);
    c.push(cAfter);
    steps.push(step);
  }
  return { h, c, steps };
}

/** Gradients of an LSTM. */
export interface LstmGradients extends RecurrentGradients {
  /** [T, D] */
  dX: Matrix;
  /** [T] */
  dWeights: Vector;
  /** [H] */
  dH0: Vector;
  /** [H] */
  dC0: Vector;
}

/**
 * Takes dH, [T, H], the gradient of every h_t by itself, back through time.
 *
 * @param dCLast gradient of the last cell by itself, [H], where a later window goes on from it; zero if left out
 */
export function lstmBackward(
  parameters: RecurrentParameters,
  input: LstmInput,
  output: LstmOutput,
  dH: Matrix,
  dCLast?: Vector,
  activation: RecurrentActivation = "tanh",
): LstmGradients {
  const hidden = parameters.weightHh[0].length;
  const length = input.x.length;
  const gradients = zeroGradients(parameters);
  const dX: Matrix = new Array(length);
  const dWeights = zeros(length);
  let dHCarried = zeros(hidden);
  let dCCarried = dCLast ? [...dCLast] : zeros(hidden);
  for (let t = length - 1; t >= 0; t--) {
    const hBefore = t > 0 ? output.h[t - 1] : (input.h0 ?? zeros(hidden));
    const cBefore = t > 0 ? output.c[t - 1] : (input.c0 ?? zeros(hidden));
    const { i, f, g, o } = output.steps[t];
    const dSum = zeros(4 * hidden);
    const dCBefore = zeros(hidden);
    for (let j = 0; j < hidden; j++) {
      const dHAfter = dH[t][j] + dHCarried[j];
      // h' = o·tanh(c')
      const squashed = activate(activation, output.c[t][j]);
      const dO = dHAfter * squashed;
      const dCAfter = dCCarried[j] + dHAfter * o[j] * slopeOfValue(activation, squashed);
      // c' = f·c + i·g
      dSum[j] = dCAfter * g[j] * i[j] * (1 - i[j]);
      dSum[hidden + j] = dCAfter * cBefore[j] * f[j] * (1 - f[j]);
      dSum[2 * hidden + j] = dCAfter * i[j] * slopeOfValue(activation, g[j]);
      dSum[3 * hidden + j] = dO * o[j] * (1 - o[j]);
      dCBefore[j] = dCAfter * f[j];
    }
    // sum = w·(W_ih·x) + b_ih + W_hh·h + b_hh
    addOuter(gradients.dWeightHh, dSum, hBefore);
    addScaled(gradients.dBiasHh, dSum);
    const toInput = inputProductBackward(parameters, input.x[t], input.weights?.[t] ?? 1, dSum, gradients);
    dX[t] = toInput.dX;
    dWeights[t] = toInput.dWeight;
    dHCarried = multiplyTransposed(parameters.weightHh, dSum, hidden);
    dCCarried = dCBefore;
  }
  return { ...gradients, dX, dWeights, dH0: dHCarried, dC0: dCCarried };
}
