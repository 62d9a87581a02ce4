// What stands inside a sublayer: a recurrence, self-attention, a feed-forward net. A new kind is a file beside these that
// implements Body, and a row in sublayer.ts.

import type { TrainingEngine } from "../../wasm/engine.ts";
import type { Window } from "../packed.ts";
import type { Dropout } from "./dropout.ts";

/** What one run over a window is told. */
export interface Pass {
  window: Window;
  /** Address of the attention weights that gate the input, f32[rows]; 0 where nothing gates. */
  weights: number;
  /** Address of their gradient, f32[rows]; ignored without weights. */
  dWeights: number;
  /** Address of what the body makes of each item alone, `tabulate`d, f32[V, tableWidth]; 0 where it has to be computed. */
  tabulated: number;
  /** Dropout inside the body; undefined when nothing trains, and nothing is kept for backward. */
  drop: Dropout | undefined;
}

/** State of the sequences of a batch between windows. */
export interface BodyState {
  /** f32[B, H]. */
  hidden: number;
  /** f32[B, H]; 0 for bodies without one. */
  cell: number;
}

/** A run over a window, and how to go on from it. */
export interface Run {
  /** Output, f32[rows, outWidth]. */
  y: number;
  /** Writes dx, f32[rows, inWidth], from dY (used up), and adds to the parameters' gradients. Gradients end at the window. */
  backward(engine: TrainingEngine, dY: number, dx: number): void;
  /** Carries the state after the window to the next one. */
  carry(): void;
}

/** The inside of a sublayer. */
export interface Body {
  readonly inWidth: number;
  readonly outWidth: number;
  /** Lays the weights out again, after they changed. */
  prepare(): void;
  /** Plans the state of `sequences` histories that have not begun; undefined for bodies without state. */
  planState(sequences: number): BodyState | undefined;
  /** Numbers a row that depend on its input alone, for bodies that begin with a product; 0 for others. */
  readonly tableWidth: number;
  /** Writes those of `rows` inputs, f32[rows, tableWidth]. */
  tabulate(rows: number, x: number, to: number): void;
  /** Runs over a window from a state. `x` is f32[rows, inWidth]. */
  forward(pass: Pass, x: number, state: BodyState | undefined): Run;
}
