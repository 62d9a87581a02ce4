/** Adam and AdamW exactly as torch.optim, and clipping exactly as torch.nn.utils.clip_grad_norm_. */

import { type Vector, zeros } from "./tensor.ts";

/** Settings of an optimiser. */
export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Decay the weights by themselves (AdamW, Loshchilov & Hutter 2019) and not by way of the gradient. */
  decoupled: boolean;
}

/** What the optimiser remembers of one tensor. */
export interface AdamState {
  /** Steps taken. */
  step: number;
  /** Running mean of the gradient. */
  mean: Vector;
  /** Running mean of its square. */
  square: Vector;
}

/** Makes the state before the first step. */
export function adamState(length: number): AdamState {
  return { step: 0, mean: zeros(length), square: zeros(length) };
}

/**
 * Takes one step in place (Kingma & Ba 2015, algorithm 1):
 *
 *     Adam: g += λ·v      AdamW: v −= lr·λ·v
 *     m = β1·m + (1 − β1)·g       s = β2·s + (1 − β2)·g²
 *     v −= lr / (1 − β1^t) · m / (√s / √(1 − β2^t) + ε)
 */
export function adamStep(values: Vector, gradient: Vector, state: AdamState, options: AdamOptions): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay, decoupled } = options;
  state.step++;
  const stepSize = learningRate / (1 - beta1 ** state.step);
  const rootCorrection = Math.sqrt(1 - beta2 ** state.step);
  for (let k = 0; k < values.length; k++) {
    if (decoupled) values[k] -= learningRate * weightDecay * values[k];
    const g = decoupled ? gradient[k] : gradient[k] + weightDecay * values[k];
    state.mean[k] = beta1 * state.mean[k] + (1 - beta1) * g;
    state.square[k] = beta2 * state.square[k] + (1 - beta2) * g * g;
    values[k] -= (stepSize * state.mean[k]) / (Math.sqrt(state.square[k]) / rootCorrection + epsilon);
  }
}

/**
 * Takes the steps that values without gradient have missed in place, all at once (AdamW):
 *
 *     v·(1 − lr·λ)^k − lr·√c₂/c₁ · m/(√s + ε·√c₂) · Σ_{i=1…k} (β1/√β2)^i,   m·β1^k,   s·β2^k
 *
 * The i-th step of adamStep moves by the i-th term, but for c₁ = 1 − β1^t and c₂ = 1 − β2^t, which here are those of the first.
 *
 * @param steps k, at least 1; `state.step` grows by it
 */
export function adamCatchUp(values: Vector, state: AdamState, steps: number, options: AdamOptions): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = options;
  const stepSize = learningRate / (1 - beta1 ** (state.step + 1));
  const rootCorrection = Math.sqrt(1 - beta2 ** (state.step + 1));
  let moves = 0;
  for (let i = 1; i <= steps; i++) moves += (beta1 / Math.sqrt(beta2)) ** i;
  for (let k = 0; k < values.length; k++) {
    const move = (stepSize * moves * state.mean[k]) / (Math.sqrt(state.square[k]) / rootCorrection + epsilon);
    values[k] = values[k] * (1 - learningRate * weightDecay) ** steps - move;
    state.mean[k] *= beta1 ** steps;
    state.square[k] *= beta2 ** steps;
  }
  state.step += steps;
}

/** What torch adds to the norm it divides by. */
const CLIP_EPSILON = 1e-6;

/**
 * Scales all gradients in place by `min(1, maxNorm / (norm + 1e-6))` and returns their norm before that: the root of the sum
 * of the squares of every tensor's every entry.
 */
export function clipGradientNorm(gradients: readonly Vector[], maxNorm: number): number {
  let squares = 0;
  for (const gradient of gradients) for (const value of gradient) squares += value * value;
  const norm = Math.sqrt(squares);
  const factor = Math.min(1, maxNorm / (norm + CLIP_EPSILON));
  for (const gradient of gradients) for (let k = 0; k < gradient.length; k++) gradient[k] *= factor;
  return norm;
}
