// What a head says of one item after a history: a rating, or the probability of a click.

import type { Network } from "../model/network.ts";
import { cutBatches, encodeAny } from "./batches.ts";

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
  const { memory } = engine;
  const head = network.head!;
  const out = new Float32Array(pairs.length);
  for (const { first, count } of cutBatches(pairs.length, (index) => pairs[index].history.length)) {
    network.releaseStep();
    const chunk = pairs.slice(first, first + count);
    const y = encodeAny(
      network,
      chunk.map(({ history }) => history),
    );
    const items = memory.place(chunk.map(({ item }) => item));
    const scores = memory.planF32(count);
    head.score(count, y, items, scores);
    if (head.task === "click") engine.each("sigmoidF32", count, 4, scores, scores);
    out.set(memory.f32(scores, count), first);
  }
  network.releaseStep();
  return out;
}
