// compare(): every model and baseline on the same data, by the same protocol.

import type { ReadOptions } from "../data/read/index.ts";
import { popularity } from "../data/training-part.ts";
import { UsageError } from "../errors.ts";
import type { BaselinePreset } from "../evaluate/baselines/baseline.ts";
import { BASELINES } from "../evaluate/baselines/index.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import { DEFAULT_CUTOFFS, evaluateCases } from "../evaluate/protocol.ts";
import { type ModelConfig, nearestName } from "../model/config.ts";
import { PRESETS } from "../model/presets/index.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import type { Ranker } from "../rank/ranker.ts";
import { adaptConfig } from "../train/adapt.ts";
import type { Progress } from "../train/fit.ts";
import { userRowsOf } from "../train/users.ts";
import { createInferenceEngine } from "../wasm/node.ts";
import { type PreparedData, prepareData, type Source, settingsBeside } from "./source.ts";
import { configOf, trainPrepared } from "./train.ts";

const unknownModel = (name: string, nearest: string | undefined) =>
  new UsageError(
    "MODEL_NAME_UNKNOWN",
    `model "${name}": unknown${nearest ? `, did you mean "${nearest}"` : ""}. Known: ${COMPARABLE.join(", ")}.`,
  );
const notRanked = (task: string) =>
  new UsageError(
    "COMPARE_TASK",
    `compare: got task=${task}, expected task=next, because its table is of rankings. Use attune train --task ${task}.`,
  );
const badSeeds = (got: unknown) =>
  new UsageError("SEEDS_INVALID", `seeds: got ${String(got)}, expected a whole number from 1 to 1000.`);

const twice = (name: string) =>
  new UsageError(
    "MODEL_TWICE",
    `models: got "${name}" twice, expected each name once. Use seeds for several runs of it.`,
  );
const nothingToTest = (split: string) =>
  new UsageError(
    "NOTHING_TO_TEST",
    `split ${split}: got no case to test, expected at least one. Choose another split, or give a test file.`,
  );

/** Names of everything that can be compared: baselines, then presets. */
export const COMPARABLE: readonly string[] = [...BASELINES, ...PRESETS].map(({ name }) => name);

/** What to compare, with any setting of the models by name. */
export interface CompareOptions extends Partial<Omit<ModelConfig, "preset">> {
  /** Baselines and presets by name. Default: all. */
  models?: readonly string[];
  /** Runs of each trained model, with seeds `seed`, `seed` + 1, … Default 1. */
  seeds?: number;
  /** What chooses the epoch, from a source of its own: all of the data trains then. */
  valid?: Source;
  /** What is measured, from a source of its own. */
  test?: Source;
  /** Threads that share the work of a training; see `train`. */
  threads?: number;
  /** Seconds for each training. */
  timeBudget?: number;
  read?: ReadOptions;
  onData?: (data: PreparedData, config: ModelConfig) => void;
  onProgress?: (model: string, progress: Progress) => void;
  /** Called with each row as soon as it is there. */
  onRow?: (row: ComparisonRow) => void;
  signal?: AbortSignal;
}

/** One model, one seed. */
export interface ComparisonRow {
  model: string;
  /** Null for baselines, which draw no random numbers. */
  seed: number | null;
  validation: Metrics;
  test: Metrics;
  /** Number of trained numbers; 0 for baselines. */
  parameters: number;
  /** Epochs trained, and the one whose weights were measured; 0 for baselines. */
  epochs: number;
  bestEpoch: number;
  seconds: number;
  /** The settings in force, those that were told from the data included; null for baselines. */
  config: ModelConfig | null;
}

/**
 * Measures models and baselines on one log with one protocol. Models keep their evaluated weights: nothing is refitted.
 * @throws UsageError for a bad option · DataError for bad data
 */
export async function compare(source: Source, options: CompareOptions = {}): Promise<ComparisonRow[]> {
  const {
    models = COMPARABLE,
    seeds = 1,
    timeBudget,
    threads,
    valid,
    test,
    read,
    onData,
    onProgress,
    onRow,
    signal,
    ...others
  } = options;
  const heldOut = { valid, test };
  const settings = settingsBeside(heldOut, others);
  if (!Number.isSafeInteger(seeds) || seeds < 1 || seeds > 1000) throw badSeeds(seeds);
  for (const name of models) {
    if (!COMPARABLE.includes(name)) throw unknownModel(name, nearestName(name, COMPARABLE));
    if (models.indexOf(name) !== models.lastIndexOf(name)) throw twice(name);
  }
  const presets = models.filter((name) => PRESETS.some((preset) => preset.name === name));
  // All settings are checked before the first hour is spent; the data's own are the same for all.
  const configs = new Map(presets.map((name) => [name, configOf(name, settings)]));
  const headed = [...configs.values()].find(({ task }) => task !== "next");
  if (headed) throw notRanked(headed.task);
  const dataConfig = configs.get(presets[0]) ?? configOf(undefined, settings);
  const data = await prepareData(source, dataConfig, read, heldOut);
  onData?.(data, dataConfig);
  if (data.split.test.user.length === 0) throw nothingToTest(dataConfig.split);
  const rows: ComparisonRow[] = [];
  const add = (row: ComparisonRow) => {
    rows.push(row);
    onRow?.(row);
  };
  for (const name of models) {
    signal?.throwIfAborted();
    const baseline = BASELINES.find((candidate) => candidate.name === name);
    if (baseline) {
      add(await measureBaseline(baseline, data, dataConfig));
      continue;
    }
    const config = adaptConfig(configs.get(name)!, data.split, data.split.histories.items.size);
    for (let run = 0; run < seeds; run++) {
      const seed = config.seed + run;
      const trained = await trainPrepared(
        data,
        { ...config, seed },
        {
          refit: false,
          timeBudget,
          threads,
          signal,
          onProgress: (progress) => onProgress?.(name, progress),
        },
      );
      const { validation, parameters, epochs, bestEpoch, seconds, config: used } = trained.report;
      const { network, users } = trained.internals;
      const ranker = new NetworkRanker(network, userRowsOf(users, data.split.histories.userIds));
      const test = measureTest(ranker, data, config, network.engine.kernels.log2F64);
      trained.dispose();
      add({
        model: name,
        seed,
        validation: validation?.metrics ?? {},
        test,
        parameters,
        epochs,
        bestEpoch,
        seconds,
        config: used,
      });
    }
  }
  return rows;
}

async function measureBaseline(
  baseline: BaselinePreset,
  data: PreparedData,
  config: ModelConfig,
): Promise<ComparisonRow> {
  const startMs = performance.now();
  const { split } = data;
  const { log2F64 } = (await createInferenceEngine()).kernels;
  const ranker = baseline.fit(split, log2F64);
  const { histories, valid } = split;
  const validation = evaluateCases(ranker, histories, valid, config.seen, DEFAULT_CUTOFFS, log2F64).metrics;
  const test = measureTest(ranker, data, config, log2F64);
  const seconds = (performance.now() - startMs) / 1000;
  const untrained = { seed: null, parameters: 0, epochs: 0, bestEpoch: 0, config: null };
  return { model: baseline.name, validation, test, seconds, ...untrained };
}

/** Measures the test with the metrics of lists; nothing where there is no test. */
function measureTest(ranker: Ranker, { split }: PreparedData, { seen }: ModelConfig, log2: (x: number) => number) {
  if (split.test.user.length === 0) return {};
  return evaluateCases(ranker, split.histories, split.test, seen, DEFAULT_CUTOFFS, log2, popularity(split)).metrics;
}
