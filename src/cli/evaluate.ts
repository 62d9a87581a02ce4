import type { Command } from "commander";
import { evaluate } from "../api/evaluate.ts";
import { load } from "../api/model.ts";
import { formatCount } from "../data/words.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import type { ModelConfig } from "../model/config.ts";
import { addDataFlags, type DataFlags, readOptions, wholeNumbers } from "./options.ts";
import { formatMetric, formatTable, log, predictionRows, print, printJson } from "./output.ts";
import { logRead } from "./progress.ts";

interface Flags extends DataFlags {
  split?: string;
  targets?: ModelConfig["targets"];
  test?: string;
  k?: number[];
  json?: boolean;
}

/** Adds `attune evaluate`. */
export function addEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .description("measure a model on a log, ranking the whole catalogue")
    .argument("<model>", "model file")
    .argument("<data>", "CSV, TSV, JSON lines or sequences, also .gz; - for standard input")
    .option("--split <rule>", "how events are held out (default: as the model was trained)")
    .option("--targets <rule>", "last, future or prefixes (default: as the model was trained)")
    .option("--test <file>", "what to test on; <data> is then what its known users did before")
    .option("-k <list>", "cut-offs", wholeNumbers);
  addDataFlags(command).option("--json", "print one JSON object").action(runEvaluate);
}

async function runEvaluate(path: string, data: string, flags: Flags): Promise<void> {
  const model = await load(path);
  const { split, targets, test, k: cutoffs } = flags;
  const read = readOptions(flags);
  const report = await evaluate(model, data, { split, targets, test, cutoffs, read, onData: logRead });
  if (report.trainedOnTargets) {
    // Of a file of its own nobody knows whether it was part of everything.
    const included = test === undefined ? ", the targets included" : `, with ${test} if it was there`;
    log(`${path}: warning: this model was trained again on everything${included}. Measure a --no-refit model instead.`);
  }
  const { cases, metrics, includeSeen, baselines, skipped = 0 } = report;
  if (cases === 0) log(`${data}: warning: split ${report.split} leaves nothing to test, so every metric is 0`);
  if (skipped > 0) log(`${data}: ${formatCount(skipped)} cases skipped, whose item the model does not know`);
  if (baselines) {
    if (flags.json) {
      printJson({ cases, skipped, ...metrics, baselines });
      return;
    }
    print(`${model.config.preset}, task ${model.config.task}: ${formatCount(cases)} cases`);
    print("");
    for (const line of formatTable(predictionRows("test", report))) print(line);
    return;
  }
  if (flags.json) {
    printJson({ users: cases, ...metrics, includeSeen });
    return;
  }
  print(
    `${model.config.preset}, split ${report.split}${report.targets === "last" ? "" : `, targets ${report.targets}`}: ${formatCount(cases)} cases, ${formatCount(model.itemCount)} items ranked`,
  );
  print("");
  const title = model.config.seen === "exclude" ? "seen items excluded" : "seen items included";
  const rows = [
    ["", ...Object.keys(metrics).map((name) => name.toUpperCase())],
    [title, ...values(metrics)],
  ];
  if (model.config.seen === "exclude") rows.push(["seen items included", ...values(includeSeen)]);
  for (const line of formatTable(rows)) print(line);
}

function values(metrics: Metrics): string[] {
  return Object.values(metrics).map(formatMetric);
}
