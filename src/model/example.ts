// What a training step is given.

/** The user of a history whom the model does not know. */
export const NO_USER = -1;

/** A history with the item that follows each of its steps; steps from `lossFrom` on are trained. */
export interface Example {
  history: ArrayLike<number>;
  next: ArrayLike<number>;
  lossFrom: number;
  /** Row of the user in `attention.users`; NO_USER if left out. */
  user?: number;
  /** For a head: the rating or the click of each of `next`. */
  labels?: ArrayLike<number>;
  /** The numbers of each step, f32[T, n], of a model with features. */
  features?: Float32Array;
}
