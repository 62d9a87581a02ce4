/** Activations: those of a feed-forward sublayer, and those a recurrent cell may have in place of tanh. */

import { sigmoid, tanh } from "./math.ts";
import type { Matrix } from "./tensor.ts";

/** What may stand between the two linear layers of a feed-forward sublayer. */
export type FeedForwardActivation = "relu" | "gelu";

/** What may stand in both places of a recurrent cell where PyTorch has tanh; its slope follows from its value. */
export type RecurrentActivation = "tanh" | "relu" | "sigmoid" | "identity";

/** Any of them. */
export type Activation = FeedForwardActivation | RecurrentActivation;

const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

/**
 * Returns f(x).
 *
 *     relu:  max(x, 0)
 *     gelu:  x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))     torch.nn.functional.gelu(x, approximate="tanh")
 *
 * Hendrycks & Gimpel, "Gaussian Error Linear Units" (2016), §2, the tanh approximation.
 */
export function activate(kind: Activation, x: number): number {
  if (kind === "relu") return Math.max(x, 0);
  if (kind === "gelu") return 0.5 * x * (1 + tanh(GELU_SCALE * (x + GELU_CUBIC * x ** 3)));
  if (kind === "tanh") return tanh(x);
  if (kind === "sigmoid") return sigmoid(x);
  return x;
}

/** Returns f'(x); 0 for relu at 0, as PyTorch. */
export function slopeAt(kind: Activation, x: number): number {
  if (kind === "gelu") {
    // y = x/2 · (1 + tanh(s)), s = √(2/π)·(x + 0.044715·x³)
    const t = tanh(GELU_SCALE * (x + GELU_CUBIC * x ** 3));
    const dS = GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * dS;
  }
  return slopeOfValue(kind, activate(kind, x));
}

/** Returns f'(x) from y = f(x): tanh 1 − y², relu [y > 0], sigmoid y·(1 − y), identity 1. */
export function slopeOfValue(kind: Exclude<Activation, "gelu">, y: number): number {
  if (kind === "tanh") return 1 - y * y;
  if (kind === "relu") return y > 0 ? 1 : 0;
  if (kind === "sigmoid") return y * (1 - y);
  return 1;
}

/** Returns `y = f(x)` for every number. */
export function activationForward(kind: Activation, x: Matrix): Matrix {
  return x.map((row) => row.map((value) => activate(kind, value)));
}

/** Takes dY back: `dx = dy·f'(x)`. */
export function activationBackward(kind: Activation, x: Matrix, dY: Matrix): Matrix {
  return x.map((row, r) => row.map((value, c) => dY[r][c] * slopeAt(kind, value)));
}
