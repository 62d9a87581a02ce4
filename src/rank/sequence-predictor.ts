// What a sequence head says of whole sequences.

import type { Network } from "../model/network.ts";

const BATCH = 256;

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
  const { engine, outputWidth: width } = network;
  const { memory, kernels } = engine;
  const head = network.sequenceHead!;
  const out = new Float32Array(steps.length);
  for (let first = 0; first < steps.length; first += BATCH) {
    const count = Math.min(BATCH, steps.length - first);
    network.releaseStep();
    const y = memory.planF32(count * width);
    memory.f32(y, count * width).fill(0);
    const rows = Array.from({ length: count }, (_, row) => row).filter((row) => steps[first + row].length > 0);
    const pick = <T>(list: readonly T[]) => rows.map((row) => list[first + row]);
    if (rows.length > 0) {
      const encoded = network.encode(pick(steps), undefined, pick(features)).y;
      for (const [at, row] of rows.entries()) {
        memory.f32(y + 4 * row * width, width).set(memory.f32(encoded + 4 * at * width, width));
      }
    }
    const scores = memory.planF32(count);
    head.score(count, y, scores);
    if (head.task === "click") engine.each(count, 4, (begin, end) => kernels.sigmoidF32(begin, end, scores, scores));
    out.set(memory.f32(scores, count), first);
  }
  network.releaseStep();
  return out;
}
