// What a training learns from, whatever its kind: the examples of an epoch, and how the held-out parts are measured.

import type { Histories } from "../data/histories.ts";
import type { Split } from "../data/split.ts";
import { popularity } from "../data/training-part.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { UsageError } from "../errors.ts";
import { ratingMeans, wantedRatings } from "../evaluate/predictions.ts";
import { DEFAULT_CUTOFFS, type Evaluation, evaluateCases } from "../evaluate/protocol.ts";
import { evaluateRatings } from "../evaluate/ratings.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Example, Network } from "../model/network.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import type { TrainingKernels } from "../wasm/kernels.ts";
import { examplesOf, trainableUsers } from "./examples.ts";
import { placeVectors, type SuppliedVectors } from "./supplied.ts";
import { interestUsers, userRowsOf } from "./users.ts";

const ratingsNotCut = (rule: string) =>
  new UsageError(
    "RATING_SPLIT",
    `split ${rule}: got the task rating, expected leave-one-out or none, without files of held-out events. Choose one of them.`,
  );

/** Examples by the unit they are drawn in: a user, or a row. */
export interface ExampleSource {
  /** The units that have something to learn from. */
  units: Uint32Array;
  /** How many units there are in all. */
  total: number;
  /** Makes the examples of some units in an epoch. */
  examples(kernels: TrainingKernels, units: Uint32Array, epoch: number): Example[];
}

/** The data a network learns from, and what it starts with. */
export interface LessonPart {
  /** Items of the catalogue. */
  items: Vocabulary;
  /** Users with an interest of their own; undefined unless `interest=user`. */
  users: Vocabulary | undefined;
  source: ExampleSource;
  /** Counts training events per item, i32[V]. */
  counts(): Int32Array;
  /** Gives a fresh network what it should not have to learn, such as the mean rating or supplied vectors. */
  begin(network: Network): void;
}

/** What a training learns from. */
export interface Lesson {
  training: LessonPart;
  /** Returns the training part with what was held out, or undefined where nothing was. */
  everything(): LessonPart | undefined;
  /** Whether there is a validation part to choose the epoch by. */
  validates: boolean;
  /** Measures a held-out part on a network of the training part; undefined where it has no cases. */
  measure(network: Network, part: "valid" | "test"): Evaluation | undefined;
}

/** Learns the next item of each user, or its rating. */
export function historyLesson(config: ModelConfig, split: Split, vectors: SuppliedVectors = {}): Lesson {
  const { histories, trainLength } = split;
  const rates = config.task === "rating";
  // Splits that cut the log before they filter it build histories without ratings.
  if (rates && !histories.rating) throw ratingsNotCut(split.rule);
  const training = historyPart(config, histories, trainLength, vectors);
  const userRows = userRowsOf(training.users, histories.userIds);
  const means = rates ? ratingMeans(histories, trainLength) : undefined;
  return {
    training,
    everything() {
      const all = split.everything();
      const lengths = Uint32Array.from(
        { length: all.offsets.length - 1 },
        (_, u) => all.offsets[u + 1] - all.offsets[u],
      );
      // A split that cut before it filtered builds other histories, perhaps of more items; the others train on more of theirs.
      const isMore = all !== histories || lengths.some((length, user) => trainLength[user] < length);
      return isMore ? historyPart(config, all, lengths, vectors) : undefined;
    },
    validates: split.valid.user.length > 0,
    measure(network, part) {
      const cases = split[part];
      if (cases.user.length === 0) return undefined;
      if (means) return evaluateRatings(network, histories, cases, wantedRatings(histories, cases), means);
      const { log2F64 } = network.engine.kernels;
      const ranker = new NetworkRanker(network, userRows);
      return evaluateCases(ranker, histories, cases, config.seen, DEFAULT_CUTOFFS, log2F64);
    },
  };
}

function historyPart(
  config: ModelConfig,
  histories: Histories,
  lengths: Uint32Array,
  vectors: SuppliedVectors,
): LessonPart {
  const users = vectors.interests?.ids ?? interestUsers(config, histories, lengths);
  const userRows = userRowsOf(users, histories.userIds);
  return {
    items: histories.items,
    users,
    source: {
      units: trainableUsers(lengths),
      total: lengths.length,
      examples: (kernels, units, epoch) => examplesOf(kernels, config, histories, lengths, units, epoch, userRows),
    },
    counts: () => Int32Array.from(popularity({ histories, trainLength: lengths })),
    begin(network) {
      if (config.task === "rating") network.setBias(ratingMeans(histories, lengths).global);
      placeVectors(network, vectors, histories.items);
    },
  };
}

/** The metric that decides which epoch is best, by task, and which way it is better. */
export const SELECTION: Readonly<Record<ModelConfig["task"], { metric: string; lowest: boolean }>> = {
  next: { metric: "ndcg@10", lowest: false },
  rating: { metric: "rmse", lowest: true },
  click: { metric: "logLoss", lowest: true },
};
