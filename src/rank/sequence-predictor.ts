// What a sequence head says of whole sequences.

import type { Network } from "../model/network.ts";
import { cutBatches, encodeAny } from "./batches.ts";

/**
 * Predicts the number or the probability of each sequence, f32[sequences]; a sequence without steps gets the bias alone.
 * @param steps item indices, i32[T] of each; zeros without a catalogue
 * @param features f32[T, n] of each
 */
export function predictSequences(
  network: Network,
  steps: readonly Int32Array[],
  features: readonly Float32Array[],
): Float32Array {
  const { engine } = network;
  const { memory } = engine;
  const head = network.sequenceHead!;
  const out = new Float32Array(steps.length);
  for (const { first, count } of cutBatches(steps.length, (index) => steps[index].length)) {
    network.releaseStep();
    const y = encodeAny(network, steps.slice(first, first + count), features.slice(first, first + count));
    const scores = memory.planF32(count);
    head.score(count, y, scores);
    if (head.task === "click") engine.each("sigmoidF32", count, 4, scores, scores);
    out.set(memory.f32(scores, count), first);
  }
  network.releaseStep();
  return out;
}
