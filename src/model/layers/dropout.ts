// Dropout at one place of a composition. The mask is a function of seed, place, step and position; backward draws it again.

import type { TrainingEngine } from "../../wasm/engine.ts";
import type { Window } from "../packed.ts";
import { DROPOUT_STREAM } from "../streams.ts";

/** One place of dropout in one training step. */
export interface Dropout {
  engine: TrainingEngine;
  rate: number;
  seed: number;
  /** Number of the optimiser step. */
  step: number;
  /** Which place of the composition: block index, or one more for the output. */
  place: number;
}

/** Masks f32[rows, width] of a window into `output` (planned if not given) and returns its address. */
export function dropout(drop: Dropout, window: Window, width: number, input: number, output?: number): number {
  const { engine, rate, seed, step, place } = drop;
  if (rate === 0) return input;
  const to = output ?? engine.memory.planF32(window.rows * width);
  engine.each(
    "dropoutF32",
    window.rows,
    1,
    width,
    input,
    to,
    rate,
    seed,
    DROPOUT_STREAM + place,
    step,
    window.firstRow,
  );
  return to;
}
