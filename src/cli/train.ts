import type { Command } from "commander";
import { type TrainReport, train } from "../api/train.ts";
import { formatCount } from "../data/words.ts";
import { interruptible } from "./interrupt.ts";
import {
  addDataFlags,
  addSettingFlags,
  type DataFlags,
  positiveNumber,
  readOptions,
  readSettings,
  type SettingFlags,
} from "./options.ts";
import { formatSeconds, formatTable, print, printJson, summaryMetrics } from "./output.ts";
import { logConfig, logData, TrainingProgress } from "./progress.ts";

interface Flags extends DataFlags, SettingFlags {
  output?: string;
  model?: string;
  timeBudget?: number;
  refit: boolean;
  json?: boolean;
}

/** Adds `attune train`. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("learn a model from a log (a file, or - for standard input)")
    .argument("<data>", "CSV, TSV or sequences, also .gz")
    .option("-o, --output <file>", "where the model goes; without it, training only measures")
    .option("--model <preset>", "preset to train");
  addSettingFlags(addDataFlags(command))
    .option("--time-budget <seconds>", "stop in time; the result then depends on the machine's speed", positiveNumber)
    .option("--no-refit", "keep the evaluated weights instead of training again on everything")
    .option("--json", "print one JSON object")
    .action(runTrain);
}

async function runTrain(data: string, flags: Flags): Promise<void> {
  const settings = await readSettings(flags);
  const progress = new TrainingProgress("train");
  const model = await interruptible((signal) =>
    train(data, {
      ...settings,
      model: flags.model,
      refit: flags.refit && flags.output !== undefined,
      timeBudget: flags.timeBudget,
      read: readOptions(flags),
      signal,
      onData: (prepared, config) => {
        logData(prepared);
        logConfig(config);
      },
      onProgress: (report) => progress.update(report),
    }).finally(() => progress.stop()),
  );
  const sha256 = flags.output === undefined ? undefined : await model.save(flags.output);
  if (flags.json) printJson(toJson(model.report, sha256));
  else printReport(model.report, flags.output, sha256);
}

function toJson(report: TrainReport, sha256: string | undefined): object {
  const { config, users, items, interactions, parameters, epochs, bestEpoch, seconds, validation, test } = report;
  return {
    model: config.preset,
    users,
    items,
    interactions,
    parameters,
    epochs,
    bestEpoch,
    seconds,
    validation: validation?.metrics,
    test: test?.metrics,
    includeSeen: { validation: validation?.includeSeen, test: test?.includeSeen },
    sha256,
  };
}

function printReport(report: TrainReport, output: string | undefined, sha256: string | undefined): void {
  const { config, users, items, interactions, parameters, epochs, bestEpoch, seconds, validation, test } = report;
  print(
    `${config.preset}: ${formatCount(users)} users, ${formatCount(items)} items, ${formatCount(interactions)} interactions, ` +
      `${formatCount(parameters)} parameters`,
  );
  print(`${epochs} epochs in ${formatSeconds(seconds)}, best epoch ${bestEpoch}, seed ${config.seed}`);
  if (test) {
    const title = config.seen === "exclude" ? "seen items excluded" : "seen items included";
    print("");
    const rows = [
      [title, "HR@10", "NDCG@10", "MRR@10"],
      ["validation", ...summaryMetrics(validation?.metrics)],
      ["test", ...summaryMetrics(test.metrics)],
    ];
    if (config.seen === "exclude") rows.push(["test, seen included", ...summaryMetrics(test.includeSeen)]);
    for (const line of formatTable(rows)) print(line);
  }
  if (output === undefined) return;
  print("");
  print(
    `${output}: ${report.refitted ? `trained again on everything for ${bestEpoch} epochs` : "the evaluated weights"}`,
  );
  print(`sha256 ${sha256}`);
}
