/** Inverted dropout with a given mask (Srivastava et al., JMLR 15, 2014; scaling as torch.nn.Dropout). */

import type { Matrix } from "./tensor.ts";

/**
 * Returns `y = keep ? x / (1 − rate) : 0`.
 *
 * @param keep which elements are kept, the shape of x
 * @param rate probability of dropping, in [0, 1)
 */
export function dropoutForward(x: Matrix, keep: readonly (readonly boolean[])[], rate: number): Matrix {
  return x.map((row, r) => row.map((value, c) => (keep[r][c] ? value / (1 - rate) : 0)));
}

/** Takes dY back: `dx = keep ? dy / (1 − rate) : 0`. */
export function dropoutBackward(dY: Matrix, keep: readonly (readonly boolean[])[], rate: number): Matrix {
  // y = x · m is linear in x, so its gradient is the same product.
  return dropoutForward(dY, keep, rate);
}
