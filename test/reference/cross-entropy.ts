/** Cross-entropy over the whole catalogue, logits = H·Eᵀ. */

import { logSumExp } from "./math.ts";
import { addScaled, dot, type Matrix, type Vector, zeroMatrix } from "./tensor.ts";

/**
 * Returns the loss of each row, [rows]: `loss_r = log Σ_v e^{<h_r, e_v>} − <h_r, e_target>`.
 *
 * @param h [rows, D]
 * @param e item embeddings, [V, D]
 * @param targets item index of each row, [rows]
 */
export function crossEntropyForward(h: Matrix, e: Matrix, targets: readonly number[]): Vector {
  return h.map((row, r) => {
    const logits = e.map((item) => dot(row, item));
    return logSumExp(logits) - logits[targets[r]];
  });
}

/** Gradients of a cross-entropy. */
export interface CrossEntropyGradients {
  /** [rows, D] */
  dH: Matrix;
  /** [V, D] */
  dE: Matrix;
}

/**
 * Returns the gradients of `scale · Σ_r loss_r`: `dlogit_rv = scale·(p_rv − [v = target_r])`, `dH = dlogit·E`,
 * `dE = dlogitᵀ·H`.
 *
 * @param scale 1 / rows (the mean) if left out
 */
export function crossEntropyBackward(
  h: Matrix,
  e: Matrix,
  targets: readonly number[],
  scale = 1 / h.length,
): CrossEntropyGradients {
  const dH = zeroMatrix(h.length, e[0].length);
  const dE = zeroMatrix(e.length, e[0].length);
  for (let r = 0; r < h.length; r++) {
    const logits = e.map((item) => dot(h[r], item));
    const logSum = logSumExp(logits);
    for (let v = 0; v < e.length; v++) {
      // loss = log Σ e^{logit} − logit_target
      const dLogit = scale * (Math.exp(logits[v] - logSum) - (v === targets[r] ? 1 : 0));
      // logit_v = <h, e_v>
      addScaled(dH[r], e[v], dLogit);
      addScaled(dE[v], h[r], dLogit);
    }
  }
  return { dH, dE };
}
