// What a head says of one item after a history: a rating, or the probability of a click.

import type { Network } from "../model/network.ts";

/** Histories encoded at once: bounded in number and in steps, so that memory does not grow with the request. */
const BATCH_HISTORIES = 256;
const BATCH_STEPS = 32_768;

/** A question to a head. */
export interface Pair {
  /** Item indices, oldest first; may be empty, and then the biases alone answer. */
  history: ArrayLike<number>;
  item: number;
}

/**
 * Predicts the rating or the probability of each pair, f32[pairs]. An answer has the same bits whatever else is in its batch.
 * The network must have a head.
 */
export function predictPairs(network: Network, pairs: readonly Pair[]): Float32Array {
  const { engine } = network;
  const { memory, kernels } = engine;
  const head = network.head!;
  const width = network.config.embedding;
  const out = new Float32Array(pairs.length);
  for (let first = 0; first < pairs.length; ) {
    let count = 0;
    let steps = 0;
    while (first + count < pairs.length && count < BATCH_HISTORIES) {
      steps += pairs[first + count].history.length;
      if (count > 0 && steps > BATCH_STEPS) break;
      count++;
    }
    network.releaseStep();
    const chunk = pairs.slice(first, first + count);
    const known = chunk.flatMap(({ history }, row) => (history.length > 0 ? [row] : []));
    const y = memory.planF32(count * width);
    memory.f32(y, count * width).fill(0);
    if (known.length > 0) {
      const encoded = network.encode(known.map((row) => chunk[row].history)).y;
      for (const [position, row] of known.entries()) {
        memory.f32(y + 4 * row * width, width).set(memory.f32(encoded + 4 * position * width, width));
      }
    }
    const items = memory.place(chunk.map(({ item }) => item));
    const scores = memory.planF32(count);
    head.score(count, y, items, scores);
    if (head.task === "click") engine.each(count, 4, (begin, end) => kernels.sigmoidF32(begin, end, scores, scores));
    out.set(memory.f32(scores, count), first);
    first += count;
  }
  network.releaseStep();
  return out;
}
