// What an epoch trains on. Causal models train every position of every history in one pass; models whose attention looks at
// the whole history train the last prefix of each user and a few sampled ones, because every prefix is a sequence of its own.

import type { HistoryRows } from "../data/histories.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Example } from "../model/example.ts";
import { PREFIX_STREAM, SHUFFLE_STREAM } from "../model/streams.ts";
import type { TrainingKernels } from "../wasm/kernels.ts";

/** The users that have something to learn from: at least two training events. */
export function trainableUsers(trainLength: ArrayLike<number>): Uint32Array {
  const users: number[] = [];
  for (let user = 0; user < trainLength.length; user++) if (trainLength[user] >= 2) users.push(user);
  return Uint32Array.from(users);
}

/** Draws the order of the users in an epoch (Fisher–Yates). */
export function shuffledUsers(kernels: TrainingKernels, users: Uint32Array, seed: number, epoch: number): Uint32Array {
  const order = users.slice();
  for (let i = order.length - 1; i > 0; i--) {
    const j = kernels.randomIndex(i + 1, seed, SHUFFLE_STREAM, epoch, i) >>> 0;
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/**
 * Makes the examples of some users in an epoch.
 * @param userRows row of each user's own interest, or NO_USER; left out where the model has none
 */
export function examplesOf(
  kernels: TrainingKernels,
  config: ModelConfig,
  histories: HistoryRows,
  trainLength: ArrayLike<number>,
  users: Uint32Array,
  epoch: number,
  userRows?: ArrayLike<number>,
): Example[] {
  const examples: Example[] = [];
  for (const index of users) {
    const user = userRows?.[index];
    const start = histories.offsets[index];
    const items = histories.item.subarray(start, start + trainLength[index]);
    const longest = items.length - 1;
    const next = items.subarray(1);
    const labels =
      config.task === "rating" ? histories.rating!.subarray(start + 1, start + trainLength[index]) : undefined;
    if (config.normalize === "causal" || config.interest === "none") {
      examples.push({ history: items.subarray(0, longest), next, labels, lossFrom: 0, user });
      continue;
    }
    examples.push({ history: items.subarray(0, longest), next, labels, lossFrom: longest - 1, user });
    for (let sample = 0; sample < Math.min(config.prefixes, longest - 1); sample++) {
      const draw = index * config.prefixes + sample;
      const length = 1 + (kernels.randomIndex(longest - 1, config.seed, PREFIX_STREAM, epoch, draw) >>> 0);
      examples.push({ history: items.subarray(0, length), next, labels, lossFrom: length - 1, user });
    }
  }
  return examples;
}
