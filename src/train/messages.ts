// What the thread that supervises a training and the thread that runs it tell each other.

import {
  AttuneError,
  CapacityError,
  DataError,
  InternalError,
  ModelError,
  OutputError,
  TrainingError,
  UsageError,
} from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Progress } from "./fit.ts";
import type { LessonNumbers } from "./plan.ts";
import type { TrainingOutcome, TrainingState } from "./train.ts";

/** What threads that share kernels have in common. */
export interface TeamSetup {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  board: SharedArrayBuffer;
  /** Times to look before sleeping. */
  patience: number;
}

/** The order to a thread that helps with kernels. */
export interface HelperOrder extends TeamSetup {
  role: "helper";
}

/** The order to the thread that runs a training. */
export interface LeaderOrder extends TeamSetup {
  role: "leader";
  threads: number;
  config: ModelConfig;
  numbers: LessonNumbers;
  timeBudgetSeconds: number | undefined;
  from: TrainingState | undefined;
  /** Whether states are wanted. */
  tellsState: boolean;
  /** One word: 1 asks the training to stop. */
  stop: SharedArrayBuffer;
}

/** What a training came to, without its network: the weights are copied out of the shared memory. */
export interface TrainingResult extends Omit<TrainingOutcome, "network"> {
  /** All parameters as one block, f32. */
  weights: Float32Array;
}

/** An error as a message. */
export interface ErrorNote {
  name: string;
  code: string | undefined;
  message: string;
  stack: string | undefined;
}

/** What the leader says. */
export type LeaderNote =
  | { type: "progress"; progress: Progress }
  | { type: "state"; state: TrainingState }
  | { type: "stopped" }
  | { type: "done"; result: TrainingResult }
  | { type: "failed"; error: ErrorNote };

const CLASSES = {
  UsageError,
  DataError,
  ModelError,
  OutputError,
  TrainingError,
  CapacityError,
  InternalError,
} as const;

/** Writes an error down: its class would not survive the way to another thread. */
export function noteOf(error: unknown): ErrorNote {
  if (!(error instanceof Error)) return { name: "Error", code: undefined, message: String(error), stack: undefined };
  const { name, message, stack } = error;
  return { name, code: error instanceof AttuneError ? error.code : undefined, message, stack };
}

/** Makes an error of what was written down. */
export function errorOf({ name, code, message, stack }: ErrorNote): Error {
  const known = name in CLASSES ? CLASSES[name as keyof typeof CLASSES] : undefined;
  const error = known ? new known(code!, message) : new Error(message);
  error.stack = stack;
  return error;
}
