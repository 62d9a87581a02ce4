/** Cross-entropy against sampled negatives that stand for a whole catalogue, logits = H·Eᵀ. */

import { logSumExp } from "./math.ts";
import { addScaled, dot, type Matrix, type Vector, zeroMatrix } from "./tensor.ts";

/** Items drawn for a step, and how many items each stands for. */
export interface Sample {
  items: readonly number[];
  weights: readonly number[];
}

/**
 * Returns the loss of each row, [rows]: `loss_r = log(e^{t_r} + Σ_j w_j·e^{<h_r, e_j>}) − t_r`, t_r = <h_r, e_target>, over the
 * negatives j that are not the row's target.
 *
 * @param h [rows, D]
 * @param e item embeddings, [V, D]
 * @param targets item index of each row, [rows]
 */
export function sampledSoftmaxForward(h: Matrix, e: Matrix, targets: readonly number[], sample: Sample): Vector {
  return h.map((row, r) => logSumExp(logitsOf(row, e, targets[r], sample)) - dot(row, e[targets[r]]));
}

/** Gradients of `scale · Σ_r loss_r`: dH [rows, D] and dE [V, D]. */
export function sampledSoftmaxBackward(
  h: Matrix,
  e: Matrix,
  targets: readonly number[],
  sample: Sample,
  scale: number,
): { dH: Matrix; dE: Matrix } {
  const dH = zeroMatrix(h.length, e[0].length);
  const dE = zeroMatrix(e.length, e[0].length);
  for (let r = 0; r < h.length; r++) {
    const logits = logitsOf(h[r], e, targets[r], sample);
    const logSum = logSumExp(logits);
    const add = (item: number, dLogit: number) => {
      addScaled(dH[r], e[item], dLogit);
      addScaled(dE[item], h[r], dLogit);
    };
    // loss = log(e^{t} + Σ_j e^{log w_j + s_j}) − t
    add(targets[r], scale * (Math.exp(logits[0] - logSum) - 1));
    for (const [j, item] of sample.items.entries()) {
      if (item !== targets[r]) add(item, scale * Math.exp(logits[j + 1] - logSum));
    }
  }
  return { dH, dE };
}

/** The target's logit, then log w_j + s_j of each negative. */
function logitsOf(row: Vector, e: Matrix, target: number, { items, weights }: Sample): Vector {
  const others = items.map((item, j) =>
    item === target ? Number.NEGATIVE_INFINITY : Math.log(weights[j]) + dot(row, e[item]),
  );
  return [dot(row, e[target]), ...others];
}
