// The thread that was asked for a training: it starts the threads that do the work, listens to them, and stays free for signals,
// progress and files. Whatever happens to one of the others, it ends them all and says so.

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { CapacityError, InternalError, UsageError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { createMemory } from "../wasm/memory.ts";
import { fullModule, workerFile } from "../wasm/node.ts";
import { createBoard, MOST_THREADS } from "../wasm/team.ts";
import type { Progress } from "./fit.ts";
import { errorOf, type HelperOrder, type LeaderNote, type LeaderOrder, type TrainingResult } from "./messages.ts";
import type { LessonNumbers } from "./plan.ts";
import type { TrainingState } from "./train.ts";

/** Threads that are used without being asked for. */
const MOST_BY_DEFAULT = 8;
/** Looks at a word before sleeping, about 50 µs: longer than most gaps between two kernels. */
const PATIENCE = 20_000;

const badThreads = (got: unknown) =>
  new UsageError(
    "THREADS_INVALID",
    `threads: got ${String(got)}, expected a whole number from 1 to ${MOST_THREADS}. Leave it out for one a core.`,
  );
const lost = (what: string) =>
  new InternalError(
    "WORKER_LOST",
    `training: ${what} ended before its work was done. Train again, with --resume where there is a checkpoint.`,
  );
const crashed = (why: string) =>
  new InternalError(
    "WORKER_CRASHED",
    `training: a thread stopped (${why}). Please report this; a checkpoint can be resumed.`,
  );
const heapFull = () =>
  new CapacityError(
    "WORKER_MEMORY",
    "training: a thread ran out of JavaScript memory. Raise it with NODE_OPTIONS=--max-old-space-size=…, or use less data.",
  );

/** What to train, and who listens. */
export interface SupervisedTraining {
  config: ModelConfig;
  numbers: LessonNumbers;
  /** Threads that share the work; never changes a bit of the result. Default: one for each core, at most 8. */
  threads?: number;
  timeBudgetSeconds?: number;
  from?: TrainingState;
  /** Told about twenty times a second, and after each epoch. */
  onProgress?: (progress: Progress) => void;
  /**
   * Keeps where the training stands; one call at a time, of states that come meanwhile only the newest. With it, an abort lets the
   * step under way end and the last state be kept.
   */
  keepState?: (state: TrainingState) => Promise<void>;
  signal?: AbortSignal;
}

/** Checks a number of threads. @throws UsageError `THREADS_INVALID` */
export function checkThreads(threads: number): void {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) throw badThreads(threads);
}

/** Times that threads look at a word before sleeping: looking only helps who waits for a thread that has a core to run on. */
export function patienceOf(threads: number): number {
  return threads <= availableParallelism() ? PATIENCE : 0;
}

/** Threads that a machine offers. */
export function defaultThreads(): number {
  return Math.min(availableParallelism(), MOST_BY_DEFAULT);
}

/**
 * Trains in threads of its own and leaves the calling one free.
 * @throws UsageError `THREADS_INVALID` · what `trainNetwork` throws · InternalError `WORKER_LOST`, `WORKER_CRASHED` · CapacityError `WORKER_MEMORY` · what
 * `keepState` or `onProgress` throw · the signal's reason when aborted
 */
export async function superviseTraining(training: SupervisedTraining): Promise<TrainingResult> {
  const { config, numbers, timeBudgetSeconds, from, onProgress, keepState, signal } = training;
  signal?.throwIfAborted();
  const { threads = defaultThreads() } = training;
  checkThreads(threads);
  const setup = {
    module: await fullModule(),
    memory: createMemory(true),
    board: createBoard(),
    patience: patienceOf(threads),
  };
  const stop = new SharedArrayBuffer(4);
  const states = new StateKeeper(keepState);
  const workers: Worker[] = [];
  const start = (order: LeaderOrder | HelperOrder) => {
    const worker = new Worker(workerFile(), { workerData: order, name: `attune ${order.role}` });
    workers.push(worker);
    return worker;
  };
  let onAbort = () => {};
  try {
    const leader = start({
      ...setup,
      role: "leader",
      threads,
      config,
      numbers,
      timeBudgetSeconds,
      from,
      tellsState: keepState !== undefined,
      stop,
    });
    for (let helper = 1; helper < threads; helper++) start({ ...setup, role: "helper" });
    return await new Promise<TrainingResult>((resolve, reject) => {
      onAbort = () => {
        if (keepState) Atomics.store(new Int32Array(stop), 0, 1);
        else reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted) onAbort();
      // What the leader said last may still wait for a file; its end is no loss then.
      let isOver = false;
      const hear = (note: LeaderNote) => {
        isOver ||= note.type !== "progress" && note.type !== "state";
        if (note.type === "progress") onProgress?.(note.progress);
        else if (note.type === "state") states.offer(note.state).catch(reject);
        else if (note.type === "failed") reject(note.error.code ? errorOf(note.error) : crashed(note.error.message));
        else if (note.type === "done") states.settled().then(() => resolve(note.result), reject);
        else states.settled().then(() => reject(signal!.reason), reject);
      };
      leader.on("message", (note: LeaderNote) => {
        try {
          hear(note);
        } catch (error) {
          reject(error);
        }
      });
      for (const [index, worker] of workers.entries()) {
        worker.on("error", (error: NodeJS.ErrnoException) =>
          reject(error.code === "ERR_WORKER_OUT_OF_MEMORY" ? heapFull() : crashed(error.message)),
        );
        worker.on("exit", () => {
          if (!isOver) reject(lost(index === 0 ? "the leading thread" : "a helping thread"));
        });
      }
    });
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await Promise.all(workers.map((worker) => worker.terminate()));
    await states.settled().catch(() => {});
  }
}

/** Keeps states one after the other; while one is being kept, only the newest of the others waits. */
class StateKeeper {
  #waiting: TrainingState | undefined;
  #busy: Promise<void> | undefined;

  constructor(readonly keep: ((state: TrainingState) => Promise<void>) | undefined) {}

  /** Keeps a state as soon as the one before is kept. @throws what keeping throws */
  async offer(state: TrainingState): Promise<void> {
    this.#waiting = state;
    this.#busy ??= this.#run();
    return this.#busy;
  }

  /** Waits until nothing is left to keep. @throws what keeping threw */
  async settled(): Promise<void> {
    await this.#busy;
  }

  async #run(): Promise<void> {
    while (this.#waiting) {
      const state = this.#waiting;
      this.#waiting = undefined;
      await this.keep!(state);
    }
    this.#busy = undefined;
  }
}
