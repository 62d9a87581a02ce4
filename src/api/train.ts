// train(): from a log to a model.

import type { ClickRow } from "../data/clicks.ts";
import type { ReadOptions } from "../data/read/index.ts";
import { UsageError } from "../errors.ts";
import type { Evaluation } from "../evaluate/protocol.ts";
import { type ModelConfig, resolveConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import { placeParameters } from "../model/parameters.ts";
import { findPreset, PRESETS } from "../model/presets/index.ts";
import { adaptConfig } from "../train/adapt.ts";
import { clickLengths, clickPlan } from "../train/click-lesson.ts";
import type { Progress } from "../train/fit.ts";
import { historyPlan } from "../train/history-lesson.ts";
import { type LessonPlan, lessonOf } from "../train/plan.ts";
import { checkThreads, type SupervisedTraining, superviseTraining } from "../train/supervisor.ts";
import type { SuppliedVectors } from "../train/supplied.ts";
import { createInferenceEngine } from "../wasm/node.ts";
import { CheckpointFolder, describeData, type TrainingSize, whereOf } from "./checkpoint.ts";
import { Model } from "./model.ts";
import { type PreparedData, prepareData, readClicks, type Source, settingsBeside } from "./source.ts";
import { checkSupplied, describeSupplied, readSupplied, settingsWith, type VectorOptions } from "./vectors.ts";

const nowhereToResume = () =>
  new UsageError("RESUME_NOWHERE", "resume: got no checkpoint folder, expected one. Name it with --checkpoint DIR.");
const featuresInLog = () =>
  new UsageError(
    "FEATURES_IN_LOG",
    "settings: features belong to sequences, expected features=0 for a log. Use trainSequences().",
  );

/** How to train, whatever the data. */
export interface HowToTrain {
  /** Whether the model that is returned is trained again on everything, for as many epochs as proved best. Default true. */
  refit?: boolean;
  /** Seconds for all of it. What comes out then depends on the speed of the machine. */
  timeBudget?: number;
  /** Threads that share the work. They change nothing but the time. Default: one for each core, at most 8. */
  threads?: number;
  /**
   * Folder for the last two checkpoints, one written after each epoch, every minute inside a long one, and when `signal` is aborted.
   * They hold all that decides how training goes on.
   */
  checkpoint?: string;
  /** Go on from the newest checkpoint in the folder, to the same bits; start afresh if there is none. */
  resume?: boolean;
  /** Told in a line what became of `resume`, and after each checkpoint where training stands in it. */
  onCheckpoint?: (line: string, written: boolean) => void;
  /** Told about twenty times a second, and after each epoch. */
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** Any setting of a model by name, and how to train. */
export interface TrainOptions extends Partial<Omit<ModelConfig, "preset">>, VectorOptions, HowToTrain {
  /** Preset the other settings default to. Default: the first of PRESETS. */
  model?: string;
  /** What chooses the epoch, from a source of its own: all of the data trains then. */
  valid?: Source;
  /** What is measured once, from a source of its own; without `valid`, `split` holds out the validation only. */
  test?: Source;
  /** How a path is read. */
  read?: ReadOptions;
  /** Called once the data is read, before training. */
  onData?: (data: PreparedData, config: ModelConfig) => void;
  /** Like `onData`, for the task click. */
  onConfig?: (config: ModelConfig) => void;
}

/** Click rows: a path of JSONL, `-` for standard input, or rows `{ history, candidate, label }`. */
export type ClickSource = string | Iterable<ClickRow> | AsyncIterable<ClickRow>;

/** What a training did. */
export interface TrainReport {
  config: ModelConfig;
  /** Users; for the task click, rows. */
  users: number;
  items: number;
  interactions: number;
  /** Number of trained numbers. */
  parameters: number;
  epochs: number;
  bestEpoch: number;
  seconds: number;
  validation: Evaluation | undefined;
  test: Evaluation | undefined;
  refitted: boolean;
  peakBytes: number;
}

/** A model with the report of its training. */
export class TrainedModel extends Model {
  readonly report: TrainReport;

  /** @internal */
  constructor(parts: ConstructorParameters<typeof Model>[0], facts: Model["facts"], report: TrainReport) {
    super(parts, facts);
    this.report = report;
  }
}

/**
 * Resolves the effective settings: table, then preset, then settings. Stored settings name their preset; `model` wins over it.
 * @throws UsageError
 */
export function configOf(
  model: string | undefined,
  settings: { readonly [name: string]: unknown },
  vectors: SuppliedVectors = {},
): ModelConfig {
  const { preset: stored, ...others } = settings;
  const preset = findPreset((model ?? stored ?? PRESETS[0].name) as string);
  const plain = resolveConfig(preset.settings);
  const widths = sameWidths(settingsWith(others, plain, vectors), plain);
  return resolveConfig(preset.settings, widths, { preset: preset.name });
}

/** Where a preset needs `embedding` and `hidden` to be equal and one of them is set, the other follows. */
function sameWidths(
  settings: { readonly [name: string]: unknown },
  { residual, norm, mixer }: ModelConfig,
): { readonly [name: string]: unknown } {
  if (residual === "none" && norm === "none" && mixer === "recurrence") return settings;
  const { embedding, hidden } = settings;
  const follows = embedding === undefined ? { embedding: hidden } : hidden === undefined ? { hidden: embedding } : {};
  return { ...settings, ...follows };
}

/**
 * Learns from a log which item each user wants next; with `task: "rating"` how they will rate it, with `task: "click"` from rows
 * `{ history, candidate, label }` whether they take what they are shown.
 *
 * The epoch is chosen on the validation part; the test part is measured once. With one (data, settings, seed) the weights are
 * the same bits everywhere, unless `timeBudget` cuts training short.
 * @param source path of a file, `-` for standard input, or rows `{ user, item, time, rating }`; for the task click, JSONL lines or rows
 * `{ history, candidate, label }`, of which the first 80 % train, the next 10 % choose the epoch and the last 10 % test
 * @throws UsageError for a bad option · DataError for bad data · TrainingError when the loss is not finite · CapacityError when
 * the model does not fit · the signal's reason when aborted
 */
export async function train(source: Source | ClickSource, options: TrainOptions = {}): Promise<TrainedModel> {
  const { how, rest: asking } = splitOptions(options);
  const { model, valid, test, read, onData, onConfig, ...rest } = asking;
  const { interestVectors, itemVectors, ...settings } = rest;
  const heldOut = { valid, test };
  const vectors = await readSupplied({ interestVectors, itemVectors });
  const asked = configOf(model, settingsBeside(heldOut, settings), vectors);
  checkSupplied(asked, vectors);
  if (asked.features > 0) throw featuresInLog();
  if (asked.task === "click") {
    const clicks = await readClicks(source as ClickSource, read);
    const config = adaptConfig(asked, { trainLength: clickLengths(asked, clicks) }, clicks.items.size);
    onConfig?.(config);
    const sizes = { users: clicks.label.length, interactions: clicks.history.length };
    return trainPlan(config, clickPlan(clicks, how.refit), sizes, how);
  }
  const data = await prepareData(source as Source, asked, read, heldOut);
  data.guesses.push(...describeSupplied(vectors, data.split.histories));
  const config = adaptConfig(asked, data.split, data.split.histories.items.size);
  onData?.(data, config);
  return trainPrepared(data, config, how, vectors);
}

/** Takes apart what to train and how. @throws UsageError `THREADS_INVALID`, `RESUME_NOWHERE` */
export function splitOptions<Options extends HowToTrain>(
  options: Options,
): { how: HowToTrain & { refit: boolean }; rest: Omit<Options, keyof HowToTrain> } {
  const { refit = true, timeBudget, threads, checkpoint, resume, onCheckpoint, onProgress, signal, ...rest } = options;
  if (threads !== undefined) checkThreads(threads);
  if (resume && checkpoint === undefined) throw nowhereToResume();
  return { how: { refit, timeBudget, threads, checkpoint, resume, onCheckpoint, onProgress, signal }, rest };
}

/** Trains on data that is already read: what `train` and `compare` share. */
export async function trainPrepared(
  data: PreparedData,
  config: ModelConfig,
  how: HowToTrain,
  vectors: SuppliedVectors = {},
): Promise<TrainedModel> {
  checkSupplied(config, vectors);
  const { histories } = data.split;
  const sizes = { users: histories.userIds.size, interactions: histories.item.length };
  return trainPlan(config, historyPlan(config, data.split, vectors, how.refit ?? true), sizes, how);
}

/** Trains on any lesson. */
export async function trainPlan(
  config: ModelConfig,
  plan: LessonPlan,
  sizes: Pick<TrainReport, "users" | "interactions">,
  how: HowToTrain,
): Promise<TrainedModel> {
  const { timeBudget, threads, onProgress, signal } = how;
  const { numbers, ids } = plan;
  const result = await superviseTraining({
    config,
    numbers,
    threads,
    timeBudgetSeconds: timeBudget,
    onProgress,
    signal,
    ...(await openCheckpoints(config, plan, sizes, how)),
  });
  const { weights, counts, refitted, shippedEpochs, ...measured } = result;
  const { items, users } = refitted ? ids.everything! : ids.training;
  const network = Network.fromBlock(await createInferenceEngine(), config, items.size, weights, users?.size);
  const report: TrainReport = {
    config,
    ...sizes,
    ...measured,
    items: items.size,
    parameters: network.parameters.count,
    refitted,
  };
  const facts = { epochs: shippedEpochs, refitted };
  return new TrainedModel({ network, items, users, counts }, facts, report);
}

/** Tells how large the training of one part of a plan is; undefined where nothing is trained on everything. */
function sizeOfTraining(config: ModelConfig, { numbers, ids }: LessonPlan, refit: boolean): TrainingSize | undefined {
  const lesson = lessonOf(config, numbers);
  const part = refit ? lesson.everything : lesson.training;
  if (!part) return undefined;
  const { items, users } = refit ? ids.everything! : ids.training;
  const { floats } = placeParameters(Network.specs(config, items.size, users?.size));
  return { floats, rows: config.loss === "sampled" ? items.size : 0, units: part.source.units.length };
}

/** Opens the folder of checkpoints, where there is one: where to go on from, and how to keep on. */
async function openCheckpoints(
  config: ModelConfig,
  plan: LessonPlan,
  sizes: Pick<TrainReport, "users" | "interactions">,
  { checkpoint, resume = false, onCheckpoint }: HowToTrain,
): Promise<Pick<SupervisedTraining, "from" | "keepState">> {
  if (checkpoint === undefined) return {};
  const { users, interactions } = sizes;
  const identity = { config, data: { users, interactions, ...describeData(plan) } };
  const sizeOf = (refit: boolean) => sizeOfTraining(config, plan, refit);
  const { checkpoints, found } = await CheckpointFolder.open(checkpoint, identity, resume, sizeOf);
  for (const note of found?.notes ?? []) onCheckpoint?.(note, false);
  if (resume && !found) onCheckpoint?.(`checkpoint: none in ${checkpoint}, training starts afresh`, false);
  return {
    from: found?.state,
    keepState: async (state) => {
      await checkpoints.keep(state);
      onCheckpoint?.(`checkpoint: ${checkpoint}, ${whereOf(state)}`, true);
    },
  };
}
