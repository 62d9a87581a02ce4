import type { Command } from "commander";
import { type ComparisonRow, compare } from "../api/compare.ts";
import { UsageError } from "../errors.ts";
import { PRESETS } from "../model/presets/index.ts";
import { interruptible } from "./interrupt.ts";
import {
  addDataFlags,
  addHeldOutFlags,
  addSettingFlags,
  type DataFlags,
  type HeldOutFlags,
  positiveNumber,
  readOptions,
  readSettings,
  type SettingFlags,
  wholeNumber,
} from "./options.ts";
import { formatMetric, formatSeconds, formatSpread, formatTable, log, print, printJson } from "./output.ts";
import { logData, TrainingProgress } from "./progress.ts";

const presetGiven = () =>
  new UsageError("SETTING_UNKNOWN", "setting preset: got one, expected none. Name what to compare: --models a,b,c.");

interface Flags extends DataFlags, SettingFlags, HeldOutFlags {
  models?: string;
  seeds?: number;
  threads?: number;
  timeBudget?: number;
  json?: boolean;
}

/** Adds `attune compare`. */
export function addCompare(program: Command): void {
  const command = program
    .command("compare")
    .description("measure models and baselines on the same data by the same protocol")
    .argument("<data>", "CSV, TSV, JSON lines or sequences, also .gz; - for standard input")
    .option("--models <list>", "names separated by commas (default: every baseline and preset)")
    .option("--seeds <n>", "runs of each trained model", wholeNumber);
  addHeldOutFlags(addSettingFlags(addDataFlags(command)))
    .option("--threads <n>", "threads that share the work; the result does not depend on them", wholeNumber)
    .option("--time-budget <seconds>", "most seconds for each training", positiveNumber)
    .option("--json", "print one JSON object")
    .action(runCompare);
}

async function runCompare(data: string, flags: Flags): Promise<void> {
  const settings = await readSettings(flags);
  if (settings.preset !== undefined) throw presetGiven();
  const bars = new Map(PRESETS.map(({ name }) => [name, new TrainingProgress(name)]));
  const rows = await interruptible((signal) =>
    compare(data, {
      ...settings,
      models: flags.models?.split(",").map((name) => name.trim()),
      seeds: flags.seeds,
      threads: flags.threads,
      timeBudget: flags.timeBudget,
      valid: flags.valid,
      test: flags.test,
      read: readOptions(flags),
      signal,
      onData: logData,
      onProgress: (model, progress) => bars.get(model)?.update(progress),
      onRow: ({ model, seed, test, seconds }) =>
        log(
          `${model}${seed === null ? "" : ` seed ${seed}`}: test HR@10 ${formatMetric(test["hr@10"])} ` +
            `NDCG@10 ${formatMetric(test["ndcg@10"])} in ${formatSeconds(seconds)}`,
        ),
    }),
  ).finally(() => {
    for (const progress of bars.values()) progress.stop();
  });
  if (flags.json) printJson({ rows: rows.map(jsonRow) });
  else for (const line of comparisonTable(rows)) print(line);
}

/** What `--json` promises of a row. */
function jsonRow({ model, seed, validation, test, parameters, seconds }: ComparisonRow) {
  return { model, seed, validation, test, parameters, seconds };
}

/** One line a model: means over its seeds, with the standard deviation where there are several. */
function comparisonTable(rows: readonly ComparisonRow[]): string[] {
  const names = [...new Set(rows.map((row) => row.model))];
  const lines = names.map((name) => {
    const runs = rows.filter((row) => row.model === name);
    const seeds = runs[0].seed === null ? "-" : String(runs.length);
    const cell = (part: "validation" | "test", metric: string) => formatSpread(runs.map((run) => run[part][metric]));
    const seconds = runs.reduce((sum, run) => sum + run.seconds, 0) / runs.length;
    return [
      name,
      cell("validation", "ndcg@10"),
      cell("test", "hr@10"),
      cell("test", "ndcg@10"),
      cell("test", "mrr@10"),
      seeds,
      String(runs[0].parameters),
      formatSeconds(seconds),
    ];
  });
  const head = ["model", "valid NDCG@10", "HR@10", "NDCG@10", "MRR@10", "seeds", "parameters", "time"];
  return formatTable([head, ...lines]);
}
