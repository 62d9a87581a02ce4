import * as fileSystem from "node:fs/promises";
import type { Command } from "commander";
import { type TrainReport, train } from "../api/train.ts";
import { formatCount } from "../data/words.ts";
import { UsageError } from "../errors.ts";
import { writeFileAtomic } from "../format/atomic-write.ts";
import { findPreset, PRESETS } from "../model/presets/index.ts";
import { Interrupted, interruptible } from "./interrupt.ts";
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
import {
  formatSeconds,
  formatTable,
  log,
  predictionRows,
  print,
  printable,
  printJson,
  summaryMetrics,
  summaryNames,
} from "./output.ts";
import { logConfig, logData, TrainingProgress } from "./progress.ts";

const noOutput = () =>
  new UsageError(
    "OUTPUT_INVALID",
    "--output: got an empty name, expected a file. Name one, such as model.safetensors.",
  );

const outputIsData = (path: string) =>
  new UsageError(
    "OUTPUT_IS_DATA",
    `--output: got ${path}, the data itself, expected another file. Choose another name.`,
  );

interface Flags extends DataFlags, SettingFlags, HeldOutFlags {
  output?: string;
  model?: string;
  interestVectors?: string;
  itemVectors?: string;
  timeBudget?: number;
  refit: boolean;
  threads?: number;
  checkpoint?: string;
  resume?: boolean;
  json?: boolean;
}

/** Adds `attune train`. */
export function addTrain(program: Command): void {
  const command = program
    .command("train")
    .description("learn a model from a log (a file, or - for standard input)")
    .argument(
      "<data>",
      "CSV, TSV, JSON lines or sequences, also .gz; for --task click, JSONL of history, candidate, label",
    )
    .option("-o, --output <file>", "where the model goes; without it, training only measures")
    .option("--model <preset>", `preset to train (default: ${PRESETS[0].name})`);
  addHeldOutFlags(addSettingFlags(addDataFlags(command)))
    .option("--interest-vectors <file>", "interest of each user, trained elsewhere: id,v1,…,vD a line, or JSONL")
    .option("--item-vectors <file>", "item embeddings to start from; --set itemTuning=frozen keeps them")
    .option("--time-budget <seconds>", "stop in time; the result then depends on the machine's speed", positiveNumber)
    .option("--threads <n>", "threads that share the work; the result does not depend on them", wholeNumber)
    .option("--checkpoint <dir>", "keep the last two checkpoints there; Ctrl-C writes one too")
    .option("--resume", "go on from the newest checkpoint, to the same bits")
    .option("--no-refit", "keep the evaluated weights instead of training again on everything")
    .option("--json", "print one JSON object")
    .action(runTrain);
}

async function runTrain(data: string, flags: Flags): Promise<void> {
  // In a config file, the preset is a setting like any other.
  const { preset, ...settings } = await readSettings(flags);
  const { name } = findPreset(flags.model ?? String(preset ?? PRESETS[0].name));
  const { valid, test } = flags;
  const sources = [data, valid, test].filter((path) => path !== undefined);
  if (flags.output !== undefined) await rehearseWrite(flags.output, sources);
  const progress = new TrainingProgress(name);
  const { checkpoint, threads, resume } = flags;
  let begun = false;
  let kept: string | undefined;
  const begin = () => {
    begun = true;
  };
  const work = (signal: AbortSignal) =>
    train(data, {
      ...settings,
      threads,
      checkpoint,
      resume,
      onCheckpoint: (line, written) => {
        if (written) kept = line;
        else log(line);
      },
      model: name,
      refit: flags.refit && flags.output !== undefined,
      interestVectors: flags.interestVectors,
      itemVectors: flags.itemVectors,
      timeBudget: flags.timeBudget,
      valid,
      test,
      read: readOptions(flags),
      signal,
      onData: (prepared, config) => {
        logData(prepared, config);
        logConfig(config);
        begin();
      },
      onConfig: (config) => {
        logConfig(config);
        begin();
      },
      onProgress: (report) => progress.update(report),
    });
  const model = await interruptible(work, () => begun && checkpoint !== undefined)
    .catch((error) => {
      if (!(error instanceof Interrupted) || kept === undefined) throw error;
      throw new Interrupted(error.signal, `${kept}. Go on with: ${resumingCommand()}`);
    })
    .finally(() => progress.stop());
  const sha256 = flags.output === undefined ? undefined : await model.save(flags.output);
  if (flags.json) printJson(toJson(model.report, sha256));
  else printReport(model.report, flags.output, sha256);
}

/** Returns the command line of this process, with --resume, as a shell reads it. */
function resumingCommand(): string {
  const words = process.argv.slice(2);
  // Right after the command: at the end, it could be a value or come after `--`.
  const before = words.indexOf("train") + 1;
  const all = [...words.slice(0, before), "--resume", ...words.slice(before).filter((word) => word !== "--resume")];
  return ["attune", ...all.map(quoteForShell)].join(" ");
}

/** Quotes a word for POSIX shells, in printable characters: what would steer the terminal goes through printf, byte by byte. */
function quoteForShell(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  const quoted = (text: string) => `'${text.replace(/'/g, "'\\''")}'`;
  if (printable(word) === word) return quoted(word);
  const octal = (c: string) => Array.from(Buffer.from(c), (byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join("");
  const escaped = Array.from(word, (c) => (c === "\\" || printable(c) !== c ? octal(c) : c)).join("");
  return `"$(printf %b ${quoted(escaped)})"`;
}

/** Fails now if the model could not be written in an hour: writes, flushes and removes an empty file in its folder. */
async function rehearseWrite(path: string, sources: readonly string[]): Promise<void> {
  if (path === "") throw noOutput();
  for (const source of sources) if (await isSameFile(path, source)) throw outputIsData(path);
  await writeFileAtomic(path, new Uint8Array(0), {
    ...fileSystem,
    rename: (temporary) => fileSystem.unlink(temporary),
  });
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => fileSystem.realpath(path).catch(() => undefined)));
  return first !== undefined && first === second;
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
    // Null rather than left out: without held-out events (--split none) nothing is measured, without -o nothing is written.
    validation: validation?.metrics ?? null,
    test: test?.metrics ?? null,
    ...(test?.baselines
      ? { task: config.task, baselines: { validation: validation?.baselines ?? null, test: test.baselines } }
      : { includeSeen: { validation: validation?.includeSeen ?? null, test: test?.includeSeen ?? null } }),
    sha256: sha256 ?? null,
  };
}

function printReport(report: TrainReport, output: string | undefined, sha256: string | undefined): void {
  const { config, users, items, interactions, parameters, epochs, bestEpoch, seconds, validation, test } = report;
  print(
    `${config.preset}: ${formatCount(users)} ${config.task === "click" ? "rows" : "users"}, ${formatCount(items)} items, ${formatCount(interactions)} interactions, ` +
      `${formatCount(parameters)} parameters`,
  );
  print(`${epochs} epochs in ${formatSeconds(seconds)}, best epoch ${bestEpoch}, seed ${config.seed}`);
  if (test?.baselines) {
    print("");
    for (const line of formatTable(predictionRows("test", test))) print(line);
    print(`validation ${summaryNames(test.metrics)[0].toUpperCase()} ${summaryMetrics(validation?.metrics)[0]}`);
  } else if (test) {
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
