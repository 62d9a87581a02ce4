/**
 * Attention of an interest vector over one history (design.md §1): scores z, probabilities p, weights w.
 *
 *     sequence: z_i = score(x_i, u)      p_i = e^{z_i} / Σ_{j≤T} e^{z_j}      w_i = p_i · (T or 1)
 *     causal:   z_ti = score(x_i, u_t)   p_t = e^{z_tt} / Σ_{i≤t} e^{z_ti}    w_t = p_t · (t or 1)    (t from 1)
 */

import { type Interest, interestBackward, interestForward, type Normalization } from "./interest.ts";
import { logSumExp } from "./math.ts";
import { type Score, scoreBackward, scoreForward } from "./score.ts";
import { addMatrix, type Matrix, type Tensors, type Vector, zeroMatrix, zeros } from "./tensor.ts";

export { dotScoreBackward, dotScoreForward } from "./score.ts";

/** What a weight is multiplied by: nothing, or the number of steps it was normalised over. */
export type Scale = "none" | "length";

/** How scores become weights. */
export interface WeightOptions {
  normalize: Normalization;
  scale: Scale;
}

/** How histories become weights. */
export interface AttentionOptions extends WeightOptions {
  interest: Interest;
}

/**
 * Returns the weights w, [T].
 *
 * @param z scores: [1, T] for `sequence`; [T, T] for `causal`, of which only `z[t][i]` with i ≤ t is read
 */
export function weightsForward(options: WeightOptions, z: Matrix): Vector {
  const length = z[0].length;
  const weights = zeros(length);
  for (let t = 0; t < length; t++) {
    const { row, count } = spanOf(options, t, length);
    const p = Math.exp(z[row][t] - logSumExp(z[row].slice(0, count)));
    weights[t] = p * scaleOf(options, count);
  }
  return weights;
}

/** Takes dW, [T], back to the scores: `p_t = e^{z_t}/Σ_i e^{z_i}` gives `dz_i = dp_t·p_t·([i = t] − p_i)`. */
export function weightsBackward(options: WeightOptions, z: Matrix, dWeights: Vector): Matrix {
  const length = z[0].length;
  const dZ = zeroMatrix(z.length, length);
  for (let t = 0; t < length; t++) {
    const { row, count } = spanOf(options, t, length);
    const logSum = logSumExp(z[row].slice(0, count));
    const p = z[row].slice(0, count).map((score) => Math.exp(score - logSum));
    // w_t = p_t · scale
    const dP = dWeights[t] * scaleOf(options, count);
    for (let i = 0; i < count; i++) dZ[row][i] += dP * p[t] * ((i === t ? 1 : 0) - p[i]);
  }
  return dZ;
}

/** Tells which row of z weighs step t, and how many steps it is normalised over. */
function spanOf(options: WeightOptions, t: number, length: number): { row: number; count: number } {
  return options.normalize === "sequence" ? { row: 0, count: length } : { row: t, count: t + 1 };
}

function scaleOf(options: WeightOptions, count: number): number {
  return options.scale === "length" ? count : 1;
}

/**
 * Returns the weights of a history, [T], interest included.
 *
 * @param x the history, [T, D], T ≥ 1
 * @param learned the trained vector, [D]; only read by interest `learned`
 */
export function attentionForward(
  options: AttentionOptions,
  x: Matrix,
  learned: Vector,
  score: Score = { kind: "dot" },
): Vector {
  const u = interestForward(options.interest, options.normalize, x, learned);
  return weightsForward(options, scoreForward(score, x, u));
}

/** Gradients of the attention. */
export interface AttentionGradients {
  /** [T, D], the path through u included */
  dX: Matrix;
  /** [D], zero unless the interest is `learned` */
  dLearned: Vector;
  /** Of the score's parameters, under their names after `attention.score.`; nothing for dot. */
  dScore: Tensors;
}

/** Takes dW, [T], back to the history, the trained vector and the score. */
export function attentionBackward(
  options: AttentionOptions,
  x: Matrix,
  learned: Vector,
  dWeights: Vector,
  score: Score = { kind: "dot" },
): AttentionGradients {
  const u = interestForward(options.interest, options.normalize, x, learned);
  const dZ = weightsBackward(options, scoreForward(score, x, u), dWeights);
  const { dX, dU, gradients } = scoreBackward(score, x, u, dZ);
  const throughU = interestBackward(options.interest, options.normalize, x, dU);
  addMatrix(dX, throughU.dX);
  return { dX, dLearned: throughU.dLearned, dScore: gradients };
}

/** What a stream of events remembers of its scores: their largest, Σ e^{z − largest}, and how many there were. */
export interface StreamState {
  largest: number;
  sum: number;
  count: number;
}

/** The state before the first event. */
export const EMPTY_STREAM: StreamState = { largest: Number.NEGATIVE_INFINITY, sum: 0, count: 0 };

/**
 * Weighs one more event of a causal history whose u does not change: `m' = max(m, z)`, `s' = s·e^{m−m'} + e^{z−m'}`,
 * `w = e^{z−m'}/s'·(t or 1)`.
 *
 * Milakov & Gimelshein, "Online normalizer calculation for softmax" (2018), algorithm 3.
 */
export function streamWeight(state: StreamState, z: number, scale: Scale): { weight: number; state: StreamState } {
  const largest = Math.max(state.largest, z);
  const e = Math.exp(z - largest);
  const sum = (state.count === 0 ? 0 : state.sum * Math.exp(state.largest - largest)) + e;
  const count = state.count + 1;
  return { weight: (e / sum) * (scale === "length" ? count : 1), state: { largest, sum, count } };
}
