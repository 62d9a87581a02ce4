/**
 * Position-wise feed-forward sublayer, as in torch.nn.TransformerEncoderLayer (Vaswani et al. 2017, eq. 2):
 *
 *     y_t = W_2·f(W_1·x_t + b_1) + b_2
 */

import { activationBackward, activationForward, type FeedForwardActivation } from "./activation.ts";
import { linearBackward, linearForward } from "./linear.ts";
import type { Matrix, Vector } from "./tensor.ts";

/** The two linear layers; F is the inner width. */
export interface FeedForwardParameters {
  /** `linear1.weight`, [F, D] */
  weight1: Matrix;
  /** `linear1.bias`, [F] */
  bias1: Vector;
  /** `linear2.weight`, [D, F] */
  weight2: Matrix;
  /** `linear2.bias`, [D] */
  bias2: Vector;
}

/** What a feed-forward sublayer gives. */
export interface FeedForwardOutput {
  /** [T, D] */
  y: Matrix;
  /** W_1·x + b_1, [T, F] */
  a: Matrix;
  /** f(a), [T, F] */
  inner: Matrix;
}

/** Runs x, [T, D], through. */
export function feedForwardForward(
  activation: FeedForwardActivation,
  parameters: FeedForwardParameters,
  x: Matrix,
): FeedForwardOutput {
  const a = linearForward(x, parameters.weight1, parameters.bias1);
  const inner = activationForward(activation, a);
  return { y: linearForward(inner, parameters.weight2, parameters.bias2), a, inner };
}

/** Gradients of a feed-forward sublayer, in the shapes of the parameters. */
export interface FeedForwardGradients {
  /** [T, D] */
  dX: Matrix;
  dWeight1: Matrix;
  dBias1: Vector;
  dWeight2: Matrix;
  dBias2: Vector;
}

/** Takes dY, [T, D], back. */
export function feedForwardBackward(
  activation: FeedForwardActivation,
  parameters: FeedForwardParameters,
  x: Matrix,
  output: FeedForwardOutput,
  dY: Matrix,
): FeedForwardGradients {
  // y = W_2·inner + b_2
  const second = linearBackward(output.inner, parameters.weight2, dY);
  // inner = f(a)
  const dA = activationBackward(activation, output.a, second.dX);
  // a = W_1·x + b_1
  const first = linearBackward(x, parameters.weight1, dA);
  return {
    dX: first.dX,
    dWeight1: first.dWeight,
    dBias1: first.dBias,
    dWeight2: second.dWeight,
    dBias2: second.dBias,
  };
}
