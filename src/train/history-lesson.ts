// Learns the next item of each user, or its rating.

import type { Histories, HistoryRows } from "../data/histories.ts";
import type { Cases, Split } from "../data/split.ts";
import { popularity } from "../data/training-part.ts";
import { UsageError } from "../errors.ts";
import { ratingMeans, wantedRatings } from "../evaluate/predictions.ts";
import { DEFAULT_CUTOFFS, evaluateCases } from "../evaluate/protocol.ts";
import { evaluateRatings } from "../evaluate/ratings.ts";
import { drawNegativesBy } from "../model/backpropagate.ts";
import type { ModelConfig } from "../model/config.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import { examplesOf, trainableUsers } from "./examples.ts";
import type { Lesson, LessonPart, PartIds, Plan } from "./lesson.ts";
import { type PlacedVectors, placeVectors, type SuppliedVectors, vectorsFor } from "./supplied.ts";
import { interestUsers, userRowsOf } from "./users.ts";

const ratingsNotCut = (rule: string) =>
  new UsageError(
    "RATING_SPLIT",
    `split ${rule}: got the task rating, expected leave-one-out or none, without files of held-out events. Choose one of them.`,
  );

/** What is trained on in one go. */
interface HistoryPart {
  histories: HistoryRows;
  /** Leading events of each user that train, u32[users]. */
  trainLength: Uint32Array;
  /** How many users have an interest of their own. */
  interests: number;
  /** Row of each user's own interest, or NO_USER; undefined where the model has none. */
  userRows: Int32Array | undefined;
  vectors: PlacedVectors;
}

/** The numbers of a lesson about histories. */
export interface HistoryNumbers {
  kind: "histories";
  training: HistoryPart;
  everything: HistoryPart | undefined;
  valid: Cases;
  test: Cases;
}

/**
 * Plans a lesson about a split.
 * @param refit whether all events are wanted too, to train on in the end
 * @throws UsageError `RATING_SPLIT`
 */
export function historyPlan(
  config: ModelConfig,
  split: Split,
  vectors: SuppliedVectors,
  refit: boolean,
): Plan<HistoryNumbers> {
  const { histories, trainLength, valid, test } = split;
  // Splits that cut the log before they filter it build histories without ratings.
  if (config.task === "rating" && !histories.rating) throw ratingsNotCut(split.rule);
  const training = planPart(config, histories, trainLength, vectors);
  const all = refit ? split.everything() : histories;
  const lengths = Uint32Array.from({ length: all.offsets.length - 1 }, (_, u) => all.offsets[u + 1] - all.offsets[u]);
  // A split that cut before it filtered builds other histories, perhaps of more items; the others train on more of theirs.
  const isMore = refit && (all !== histories || lengths.some((length, user) => trainLength[user] < length));
  const everything = isMore ? planPart(config, all, lengths, vectors) : undefined;
  return {
    numbers: { kind: "histories", training: training.part, everything: everything?.part, valid, test },
    ids: { training: training.ids, everything: everything?.ids },
  };
}

function planPart(
  config: ModelConfig,
  histories: Histories,
  trainLength: Uint32Array,
  vectors: SuppliedVectors,
): { part: HistoryPart; ids: PartIds } {
  const { offsets, item, rating, items, userIds } = histories;
  const users = vectors.interests?.ids ?? interestUsers(config, histories, trainLength);
  const part: HistoryPart = {
    histories: { offsets, item, rating, items: { size: items.size } },
    trainLength,
    interests: users?.size ?? 0,
    userRows: userRowsOf(users, userIds),
    vectors: vectorsFor(vectors, items),
  };
  return { part, ids: { items, users } };
}

/** Learns from histories. */
export function historyLesson(config: ModelConfig, numbers: HistoryNumbers): Lesson {
  const { training, everything, valid, test } = numbers;
  const { histories, trainLength, userRows } = training;
  const means = config.task === "rating" ? ratingMeans(histories, trainLength) : undefined;
  return {
    training: lessonPart(config, training),
    everything: everything && lessonPart(config, everything),
    validates: valid.user.length > 0,
    measure(network, part) {
      const cases = part === "valid" ? valid : test;
      if (cases.user.length === 0) return undefined;
      if (means) return evaluateRatings(network, histories, cases, wantedRatings(histories, cases), means);
      const { log2F64 } = network.engine.kernels;
      const ranker = new NetworkRanker(network, userRows);
      return evaluateCases(ranker, histories, cases, config.seen, DEFAULT_CUTOFFS, log2F64);
    },
  };
}

function lessonPart(config: ModelConfig, part: HistoryPart): LessonPart {
  const { histories, trainLength, interests, userRows, vectors } = part;
  const counts = () => Int32Array.from(popularity({ histories, trainLength }));
  return {
    items: histories.items.size,
    users: interests,
    source: {
      units: trainableUsers(trainLength),
      total: trainLength.length,
      stepsOf: (user) => trainLength[user] - 1,
      examples: (kernels, units, epoch) => examplesOf(kernels, config, histories, trainLength, units, epoch, userRows),
    },
    counts,
    begin(network) {
      if (config.task === "rating") network.setBias(ratingMeans(histories, trainLength).global);
      if (config.loss === "sampled") drawNegativesBy(network, counts());
      placeVectors(network, vectors);
    },
  };
}
