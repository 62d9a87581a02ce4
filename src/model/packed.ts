// Batches without padding. Histories are sorted by falling length and laid out step after step (torch's PackedSequence):
// step t of sequence b is row offsets[t] + b. A window is a run of steps, hence a run of rows.

import type { Engine } from "../wasm/engine.ts";

/** A packed batch in an engine's memory; lives until the plan is released. */
export interface PackedBatch {
  /** B, sequences. */
  sequences: number;
  /** T, steps of the longest. */
  steps: number;
  /** Sum of all lengths. */
  rows: number;
  /** Lengths, falling. i32[B] */
  lengths: Int32Array;
  /** First row of each step. i32[T + 1] */
  offsets: Int32Array;
  /** Which history (index into the caller's list) each sequence is. i32[B] */
  order: Int32Array;
  /** Rows of all sequences before each, and of all. i32[B + 1] */
  work: Int32Array;
  /** Address of `offsets`. */
  offsetsAt: number;
  /** Address of the item of each row, i32[rows]. */
  itemsAt: number;
  /** Address of the features of each row, f32[rows, n]; 0 without features. */
  featuresAt: number;
}

/** A run of steps of a batch. Rows inside a window count from its first row. */
export interface Window {
  batch: PackedBatch;
  firstStep: number;
  steps: number;
  firstRow: number;
  rows: number;
  /** Sequences alive at its first step. */
  sequences: number;
  /** Rows in the window of all its sequences before each, and of all. i32[sequences + 1] */
  work: Int32Array;
  /** Address of i32[steps + 1], relative to the first row. */
  offsetsAt: number;
}

/**
 * Packs histories into memory. All are at least one item long.
 * @param histories items of each history, oldest first
 * @param features numbers of each history, f32[T, n], where there are n > 0
 * @param featureCount n
 */
export function packHistories(
  engine: Engine,
  histories: readonly ArrayLike<number>[],
  features: readonly Float32Array[] = [],
  featureCount = 0,
): PackedBatch {
  const { memory } = engine;
  const sequences = histories.length;
  const order = new Int32Array(sequences);
  for (let i = 0; i < sequences; i++) order[i] = i;
  if (sequences > 1) order.sort((a, b) => histories[b].length - histories[a].length || a - b);
  const lengths = new Int32Array(sequences);
  for (let b = 0; b < sequences; b++) lengths[b] = histories[order[b]].length;
  const steps = sequences > 0 ? lengths[0] : 0;
  const offsets = new Int32Array(steps + 1);
  let alive = sequences;
  for (let t = 0; t < steps; t++) {
    while (lengths[alive - 1] <= t) alive--;
    offsets[t + 1] = offsets[t] + alive;
  }
  const rows = offsets[steps];
  const offsetsAt = memory.place(offsets);
  const itemsAt = memory.planI32(rows);
  const items = memory.i32(itemsAt, rows);
  for (let b = 0; b < sequences; b++) {
    const history = histories[order[b]];
    for (let t = 0; t < lengths[b]; t++) items[offsets[t] + b] = history[t];
  }
  const featuresAt = featureCount > 0 ? memory.planF32(rows * featureCount) : 0;
  if (featureCount > 0) {
    const packed = memory.f32(featuresAt, rows * featureCount);
    for (let b = 0; b < sequences; b++) {
      const own = features[order[b]];
      for (let t = 0; t < lengths[b]; t++) {
        packed.set(own.subarray(t * featureCount, (t + 1) * featureCount), (offsets[t] + b) * featureCount);
      }
    }
  }
  const work = workOf(lengths, 0, steps, sequences);
  return { sequences, steps, rows, lengths, offsets, order, work, offsetsAt, itemsAt, featuresAt };
}

/** Cuts a batch into windows of at most `size` steps, in order. */
export function cutWindows(engine: Engine, batch: PackedBatch, size: number): Window[] {
  const { steps: all, rows, sequences, work, offsetsAt } = batch;
  if (all > 0 && all <= size)
    return [{ batch, firstStep: 0, steps: all, firstRow: 0, rows, sequences, work, offsetsAt }];
  const windows: Window[] = [];
  for (let firstStep = 0; firstStep < batch.steps; firstStep += size) {
    const steps = Math.min(size, batch.steps - firstStep);
    const firstRow = batch.offsets[firstStep];
    const relative = batch.offsets.subarray(firstStep, firstStep + steps + 1).map((row) => row - firstRow);
    windows.push({
      batch,
      firstStep,
      steps,
      firstRow,
      rows: relative[steps],
      sequences: relative[1],
      work: workOf(batch.lengths, firstStep, steps, relative[1]),
      offsetsAt: engine.memory.place(relative),
    });
  }
  return windows;
}

/**
 * Places the position of each row, i32[rows], and returns its address: as in windows of `size` steps that are filled up from the
 * front, so that a sequence's newest item has position size − 1 whatever its length, and each row counts back from there. Steps
 * beyond one window begin the next; only the last of a sequence's windows can be short.
 */
export function placePositions(engine: Engine, batch: PackedBatch, size: number): number {
  const { memory } = engine;
  const { sequences, rows, lengths, offsets } = batch;
  const at = memory.planI32(rows);
  const positions = memory.i32(at, rows);
  for (let b = 0; b < sequences; b++) {
    const length = lengths[b];
    for (let t = 0; t < length; t++) {
      const windowEnd = Math.min(length, t - (t % size) + size);
      positions[offsets[t] + b] = size - (windowEnd - t);
    }
  }
  return at;
}

/** Sums up the rows of sequences inside a run of steps: how work is shared fairly where each sequence is a place of an axis. */
function workOf(lengths: Int32Array, firstStep: number, steps: number, sequences: number): Int32Array {
  const work = new Int32Array(sequences + 1);
  for (let b = 0; b < sequences; b++) work[b + 1] = work[b] + Math.min(steps, lengths[b] - firstStep);
  return work;
}

/** Returns the row of the last step of sequence b. */
export function lastRow(batch: PackedBatch, b: number): number {
  return batch.offsets[batch.lengths[b] - 1] + b;
}
