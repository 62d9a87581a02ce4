// What a training learns from, whatever its kind: the examples of an epoch, and how the held-out parts are measured.

import type { Split } from "../data/split.ts";
import { popularity } from "../evaluate/baselines/baseline.ts";
import { ratingMeans, wantedRatings } from "../evaluate/predictions.ts";
import { DEFAULT_CUTOFFS, type Evaluation, evaluateCases } from "../evaluate/protocol.ts";
import { evaluateRatings } from "../evaluate/ratings.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Example, Network } from "../model/network.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import type { TrainingKernels } from "../wasm/kernels.ts";
import { examplesOf, trainableUsers } from "./examples.ts";

/** Examples by the unit they are drawn in: a user, or a row. */
export interface ExampleSource {
  /** The units that have something to learn from. */
  units: Uint32Array;
  /** How many units there are in all. */
  total: number;
  /** Makes the examples of some units in an epoch. */
  examples(kernels: TrainingKernels, units: Uint32Array, epoch: number): Example[];
}

/** What a training learns from. `everything` includes the held-out parts. */
export interface Lesson {
  /** V, items of the catalogue. */
  items: number;
  /** Whether anything is held out. */
  heldOut: boolean;
  /** Whether there is a validation part to choose the epoch by. */
  validates: boolean;
  source(everything: boolean): ExampleSource;
  /** Counts training events per item, i32[V]. */
  counts(everything: boolean): Int32Array;
  /** Gives a fresh network what it should not have to learn, such as the mean rating. */
  begin(network: Network, everything: boolean): void;
  /** Measures a held-out part; undefined where it has no cases. */
  measure(network: Network, part: "valid" | "test"): Evaluation | undefined;
}

/** Learns the next item of each user, or its rating. */
export function historyLesson(config: ModelConfig, split: Split): Lesson {
  const { histories, trainLength } = split;
  const { offsets } = histories;
  const all = Uint32Array.from(trainLength, (_, user) => offsets[user + 1] - offsets[user]);
  const lengths = (everything: boolean) => (everything ? all : trainLength);
  const rates = config.task === "rating";
  const means = rates ? ratingMeans(histories, trainLength) : undefined;
  return {
    items: histories.items.size,
    heldOut: trainLength.some((length, user) => length < all[user]),
    validates: split.valid.user.length > 0,
    source: (everything) => ({
      units: trainableUsers(lengths(everything)),
      total: trainLength.length,
      examples: (kernels, users, epoch) => examplesOf(kernels, config, histories, lengths(everything), users, epoch),
    }),
    counts: (everything) => Int32Array.from(popularity({ histories, trainLength: lengths(everything) })),
    begin(network, everything) {
      if (rates) network.setBias(everything ? ratingMeans(histories, all).global : means!.global);
    },
    measure(network, part) {
      const cases = split[part];
      if (cases.user.length === 0) return undefined;
      if (means) return evaluateRatings(network, histories, cases, wantedRatings(histories, cases), means);
      const { log2F64 } = network.engine.kernels;
      return evaluateCases(new NetworkRanker(network), histories, cases, config.seen, DEFAULT_CUTOFFS, log2F64);
    },
  };
}

/** The metric that decides which epoch is best, by task, and which way it is better. */
export const SELECTION: Readonly<Record<ModelConfig["task"], { metric: string; lowest: boolean }>> = {
  next: { metric: "ndcg@10", lowest: false },
  rating: { metric: "rmse", lowest: true },
  click: { metric: "logLoss", lowest: true },
};
