// How requests are cut into batches for the encoder, and how histories without a step are encoded: the one rule behind lists,
// ranks and predictions.

import type { Network } from "../model/network.ts";

/** Histories encoded at once: bounded in number and in steps, so that memory does not grow with the request. */
const BATCH_HISTORIES = 256;
const BATCH_STEPS = 32_768;

/** A run of requests. */
export interface RequestBatch {
  first: number;
  count: number;
}

/** Cuts requests, whose histories have so many steps, into batches in order. A history longer than the bound is a batch of its own. */
export function* cutBatches(requests: number, stepsOf: (request: number) => number): Generator<RequestBatch> {
  for (let first = 0; first < requests; ) {
    let count = 0;
    let steps = 0;
    while (first + count < requests && count < BATCH_HISTORIES) {
      steps += stepsOf(first + count);
      if (count > 0 && steps > BATCH_STEPS) break;
      count++;
    }
    yield { first, count };
    first += count;
  }
}

/**
 * Encodes histories that may be empty, f32[histories, outputWidth]; an empty one is all zeros, so that biases alone answer.
 * @returns address of the result; lives until the plan is released
 */
export function encodeAny(
  network: Network,
  histories: readonly ArrayLike<number>[],
  features?: readonly Float32Array[],
): number {
  const { engine, outputWidth: width } = network;
  const { memory } = engine;
  const y = memory.planF32(histories.length * width);
  memory.f32(y, histories.length * width).fill(0);
  const known = Array.from(histories.keys()).filter((row) => histories[row].length > 0);
  if (known.length === 0) return y;
  const pick = <T>(list: readonly T[]) => known.map((row) => list[row]);
  const encoded = network.encode(pick(histories), undefined, features && pick(features)).y;
  for (const [position, row] of known.entries()) {
    memory.f32(y + 4 * row * width, width).set(memory.f32(encoded + 4 * position * width, width));
  }
  return y;
}
