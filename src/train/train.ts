// One whole training: fit on the training part, choose the epoch by validation, report the test once, and refit on everything.

import type { Evaluation } from "../evaluate/protocol.ts";
import type { ModelConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { type FitOptions, type FitResult, type FitState, fitNetwork } from "./fit.ts";
import type { Lesson, LessonPart } from "./lesson.ts";
import { rehearseStep } from "./rehearsal.ts";

/** What a training is told. */
export interface TrainingRequest extends Pick<FitOptions, "onProgress" | "isStopped"> {
  engine: TrainingEngine;
  config: ModelConfig;
  lesson: Lesson;
  /** Seconds for all of it; the steps reached decide the result. */
  timeBudgetSeconds?: number;
  /** Where to go on from, instead of the beginning. */
  from?: TrainingState;
  /** Told where training stands; see `FitOptions`. */
  onState?: (state: TrainingState) => void;
}

/** What the evaluated model came to. */
interface Evaluated extends Pick<FitResult, "epochs" | "bestEpoch"> {
  validation: Evaluation | undefined;
  test: Evaluation | undefined;
}

/** Where a whole training stands. */
export interface TrainingState {
  /** The model that is evaluated is there already; the one under way is the refitted. */
  evaluated: Evaluated | undefined;
  fit: FitState;
}

/** What a training gives. */
export interface TrainingOutcome extends Evaluated {
  /** Holds the shipped weights. */
  network: Network;
  /** Training events per item of the shipped weights, i32[V]. */
  counts: Int32Array;
  refitted: boolean;
  /** Epochs the shipped weights were trained for. */
  shippedEpochs: number;
  seconds: number;
  /** Most bytes of WebAssembly memory in use at once. */
  peakBytes: number;
}

/**
 * Trains a model by the rules of a split. Validation chooses, the test only reports: it is measured once, on the chosen
 * weights, before the refit.
 * @throws what `fitNetwork` throws · CapacityError `MEMORY_LIMIT`, `MEMORY_REFUSED`, before the first step where it can be foreseen
 */
export function trainNetwork(request: TrainingRequest): TrainingOutcome {
  const { engine, config, lesson, timeBudgetSeconds, from } = request;
  const { memory } = engine;
  const { training, everything } = lesson;
  const startMs = performance.now();
  // Refitting takes about as long as choosing the epoch took, so each gets half.
  const phases = everything ? 2 : 1;
  const budgetMs = timeBudgetSeconds === undefined ? undefined : timeBudgetSeconds * 1000;
  const deadline = (phase: number) => (budgetMs === undefined ? undefined : startMs + (budgetMs * phase) / phases);
  const empty = memory.mark();
  for (const part of [training, everything]) if (part) rehearseStep(engine, config, part);
  const end = () => ({ seconds: (performance.now() - startMs) / 1000, peakBytes: memory.peakBytes });

  let evaluated = from?.evaluated;
  if (!evaluated) {
    const { network, result } = fitFresh(request, training, undefined, config.epochs, deadline(1), from?.fit);
    const validation = lesson.measure(network, "valid");
    const test = lesson.measure(network, "test");
    evaluated = { epochs: result.epochs, bestEpoch: result.bestEpoch, validation, test };
    if (!everything || result.bestEpoch === 0) {
      const { bestEpoch: shippedEpochs } = result;
      return { ...evaluated, network, counts: training.counts(), refitted: false, shippedEpochs, ...end() };
    }
  }
  // The evaluated model has done its work: the refitted one takes its place in memory.
  memory.release(empty);
  const fit = from?.evaluated && from.fit;
  const { network, result } = fitFresh(request, everything!, evaluated, evaluated.bestEpoch, deadline(2), fit);
  return {
    ...evaluated,
    network,
    counts: everything!.counts(),
    refitted: true,
    shippedEpochs: result.epochs,
    ...end(),
  };
}

function fitFresh(
  request: TrainingRequest,
  part: LessonPart,
  evaluated: Evaluated | undefined,
  epochs: number,
  deadlineMs: number | undefined,
  from: FitState | undefined,
): { network: Network; result: FitResult } {
  const { engine, config, lesson, onProgress, isStopped, onState } = request;
  const network = new Network(engine, config, part.items, true, part.users);
  network.initialize(engine);
  part.begin(network);
  const result = fitNetwork({
    engine,
    network,
    source: part.source,
    epochs,
    phase: evaluated ? "refit" : "train",
    validate: !evaluated && lesson.validates ? () => lesson.measure(network, "valid")!.metrics : undefined,
    onProgress,
    isStopped,
    deadlineMs,
    from,
    onState: onState && ((fit) => onState({ evaluated, fit })),
  });
  return { network, result };
}
