// What a training learns from, whatever its kind: the examples of an epoch, and how the held-out parts are measured.

import type { Ids } from "../data/vocabulary.ts";
import type { Evaluation } from "../evaluate/protocol.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Example } from "../model/example.ts";
import type { Network } from "../model/network.ts";
import type { TrainingKernels } from "../wasm/kernels.ts";

/** Examples by the unit they are drawn in: a user, or a row. */
export interface ExampleSource {
  /** The units that have something to learn from. */
  units: Uint32Array;
  /** How many units there are in all. */
  total: number;
  /** Returns how many steps the longest example of a unit has. */
  stepsOf(unit: number): number;
  /** Makes the examples of some units in an epoch. */
  examples(kernels: TrainingKernels, units: Uint32Array, epoch: number): Example[];
}

/** The data a network learns from, and what it starts with. */
export interface LessonPart {
  /** V, items of the catalogue. */
  items: number;
  /** How many users have an interest of their own; 0 unless `interest=user`. */
  users: number;
  source: ExampleSource;
  /** Counts training events per item, i32[V]. */
  counts(): Int32Array;
  /** Gives a fresh network what it should not have to learn, such as the mean rating or supplied vectors. */
  begin(network: Network): void;
}

/** What a training learns from. */
export interface Lesson {
  training: LessonPart;
  /** The training part with what was held out; undefined where nothing was, or nothing is refitted. */
  everything: LessonPart | undefined;
  /** Whether there is a validation part to choose the epoch by. */
  validates: boolean;
  /** Measures a held-out part on a network of the training part; undefined where it has no cases. */
  measure(network: Network, part: "valid" | "test"): Evaluation | undefined;
}

/** Who the rows of a model's tables are. */
export interface PartIds {
  items: Ids;
  /** Users with an interest of their own; undefined unless `interest=user`. */
  users: Ids | undefined;
}

/** A lesson on paper: its numbers, which another thread is sent, and its ids, which stay with whoever names things. */
export interface Plan<Numbers> {
  /** Plain objects and typed arrays. */
  numbers: Numbers;
  ids: { training: PartIds; everything: PartIds | undefined };
}

/** The metric that decides which epoch is best, by task, and which way it is better. */
export const SELECTION: Readonly<Record<ModelConfig["task"], { metric: string; lowest: boolean }>> = {
  next: { metric: "ndcg@10", lowest: false },
  rating: { metric: "rmse", lowest: true },
  click: { metric: "logLoss", lowest: true },
};
