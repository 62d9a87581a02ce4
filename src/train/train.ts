// One whole training: fit on the training part, choose the epoch by validation, report the test once, and refit on everything.

import type { Vocabulary } from "../data/vocabulary.ts";
import type { Evaluation } from "../evaluate/protocol.ts";
import type { ModelConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { type FitOptions, type FitResult, fitNetwork } from "./fit.ts";
import type { Lesson, LessonPart } from "./lesson.ts";

/** What a training is told. */
export interface TrainingRequest {
  config: ModelConfig;
  lesson: Lesson;
  /** Makes an engine of its own memory: one for the evaluated model, one for the refitted. */
  createEngine: () => Promise<TrainingEngine>;
  /** Whether the shipped weights are trained again on everything. */
  refit: boolean;
  /** Seconds for all of it; the steps reached decide the result. */
  timeBudgetSeconds?: number;
  onProgress?: FitOptions["onProgress"];
  signal?: AbortSignal;
}

/** What a training gives. */
export interface TrainingOutcome {
  /** Holds the shipped weights. */
  network: Network;
  /** Item ids of the shipped weights. */
  items: Vocabulary;
  /** Training events per item of the shipped weights, i32[V]. */
  counts: Int32Array;
  /** Users with an interest of their own in the shipped weights; undefined unless `interest=user`. */
  users: Vocabulary | undefined;
  refitted: boolean;
  epochs: number;
  bestEpoch: number;
  /** Epochs the shipped weights were trained for. */
  shippedEpochs: number;
  validation: Evaluation | undefined;
  test: Evaluation | undefined;
  seconds: number;
  /** Most bytes of WebAssembly memory in use at once. */
  peakBytes: number;
}

/**
 * Trains a model by the rules of a split. Validation chooses, the test only reports: it is measured once, on the chosen
 * weights, before the refit.
 */
export async function trainNetwork(request: TrainingRequest): Promise<TrainingOutcome> {
  const { config, lesson, refit, timeBudgetSeconds } = request;
  const startMs = performance.now();
  // Refitting takes about as long as choosing the epoch took, so each gets half.
  const phases = refit ? 2 : 1;
  const budgetMs = timeBudgetSeconds === undefined ? undefined : timeBudgetSeconds * 1000;
  const deadline = (phase: number) => (budgetMs === undefined ? undefined : startMs + (budgetMs * phase) / phases);

  const { training } = lesson;
  const evaluated = await fitFresh(request, training, "train", config.epochs, deadline(1));
  const { network, engine, result } = evaluated;
  const validation = lesson.measure(network, "valid");
  const test = lesson.measure(network, "test");
  const shared = { ...result, validation, test };
  const everything = refit && result.bestEpoch > 0 ? lesson.everything() : undefined;
  if (!everything) {
    return {
      ...shared,
      network,
      items: training.items,
      users: training.users,
      counts: training.counts(),
      refitted: false,
      shippedEpochs: result.bestEpoch,
      seconds: (performance.now() - startMs) / 1000,
      peakBytes: engine.memory.peakBytes,
    };
  }
  const shipped = await fitFresh(request, everything, "refit", result.bestEpoch, deadline(2));
  return {
    ...shared,
    network: shipped.network,
    items: everything.items,
    users: everything.users,
    counts: everything.counts(),
    refitted: true,
    shippedEpochs: shipped.result.epochs,
    seconds: (performance.now() - startMs) / 1000,
    peakBytes: Math.max(engine.memory.peakBytes, shipped.engine.memory.peakBytes),
  };
}

async function fitFresh(
  request: TrainingRequest,
  part: LessonPart,
  phase: "train" | "refit",
  epochs: number,
  deadlineMs: number | undefined,
): Promise<{ network: Network; engine: TrainingEngine; result: FitResult }> {
  const { config, lesson, createEngine, onProgress, signal } = request;
  const engine = await createEngine();
  const network = new Network(engine, config, part.items.size, true, part.users?.size);
  network.initialize(engine);
  part.begin(network);
  const { source } = part;
  const validate = phase === "train" && lesson.validates ? () => lesson.measure(network, "valid")!.metrics : undefined;
  const options = { engine, network, source, epochs, phase, validate, onProgress, signal, deadlineMs };
  return { network, engine, result: await fitNetwork(options) };
}
