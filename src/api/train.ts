// train(): from a log to a model.

import type { ReadOptions } from "../data/read/index.ts";
import type { Evaluation } from "../evaluate/protocol.ts";
import { type ModelConfig, resolveConfig } from "../model/config.ts";
import { findPreset, PRESETS } from "../model/presets/index.ts";
import { adaptConfig } from "../train/adapt.ts";
import type { Progress } from "../train/fit.ts";
import { historyLesson } from "../train/lesson.ts";
import { trainNetwork } from "../train/train.ts";
import { createTrainingEngine } from "../wasm/node.ts";
import { Model } from "./model.ts";
import { type PreparedData, prepareData, type Source } from "./source.ts";

/** Any setting of a model by name, and how to train. */
export interface TrainOptions extends Partial<Omit<ModelConfig, "preset">> {
  /** Preset the other settings default to. Default: the first of PRESETS. */
  model?: string;
  /** Whether the model that is returned is trained again on everything, for as many epochs as proved best. Default true. */
  refit?: boolean;
  /** Seconds for all of it. What comes out then depends on the speed of the machine. */
  timeBudget?: number;
  /** How a path is read. */
  read?: ReadOptions;
  onProgress?: (progress: Progress) => void;
  /** Called once the data is read, before training. */
  onData?: (data: PreparedData, config: ModelConfig) => void;
  signal?: AbortSignal;
}

/** What a training did. */
export interface TrainReport {
  config: ModelConfig;
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
export function configOf(model: string | undefined, settings: { readonly [name: string]: unknown }): ModelConfig {
  const { preset: stored, ...others } = settings;
  const preset = findPreset((model ?? stored ?? PRESETS[0].name) as string);
  return resolveConfig(preset.settings, others, { preset: preset.name });
}

/**
 * Learns from a log which item each user wants next.
 *
 * The epoch is chosen on the validation part; the test part is measured once. With one (data, settings, seed) the weights are
 * the same bits everywhere, unless `timeBudget` cuts training short.
 * @param source path of a file, `-` for standard input, or rows `{ user, item, time }`
 * @throws UsageError for a bad option · DataError for bad data · TrainingError when the loss is not finite · CapacityError when
 * the model does not fit · the signal's reason when aborted
 */
export async function train(source: Source, options: TrainOptions = {}): Promise<TrainedModel> {
  const { model, refit = true, timeBudget, read, onProgress, onData, signal, ...settings } = options;
  const asked = configOf(model, settings);
  const data = await prepareData(source, asked, read);
  const config = adaptConfig(asked, data.split);
  onData?.(data, config);
  return trainPrepared(data, config, { refit, timeBudget, onProgress, signal });
}

/** Trains on data that is already read: what `train` and `compare` share. */
export async function trainPrepared(
  data: PreparedData,
  config: ModelConfig,
  options: Pick<TrainOptions, "refit" | "timeBudget" | "onProgress" | "signal">,
): Promise<TrainedModel> {
  const { split } = data;
  const { histories } = split;
  const outcome = await trainNetwork({
    config,
    lesson: historyLesson(config, split),
    createEngine: createTrainingEngine,
    refit: options.refit ?? true,
    timeBudgetSeconds: options.timeBudget,
    onProgress: options.onProgress,
    signal: options.signal,
  });
  const { network, counts, refitted, shippedEpochs, epochs, bestEpoch, seconds, validation, test, peakBytes } = outcome;
  const report: TrainReport = {
    config,
    users: histories.userIds.size,
    items: histories.items.size,
    interactions: histories.item.length,
    parameters: network.parameters.count,
    epochs,
    bestEpoch,
    seconds,
    validation,
    test,
    refitted,
    peakBytes,
  };
  const facts = { epochs: shippedEpochs, refitted };
  return new TrainedModel({ network, items: histories.items, counts }, facts, report);
}
