// npm run results   Makes the tables of docs/results.md, run by run; what is done is not done again. bench/README.md says how.

import { readFile } from "node:fs/promises";
import { Command, CommanderError } from "commander";
import { Interrupted, interruptible } from "../../src/cli/interrupt.ts";
import { keyAndValue, readSettings, wholeNumber } from "../../src/cli/options.ts";
import { formatMetric, formatSeconds, formatTable, log, print } from "../../src/cli/output.ts";
import { TrainingProgress } from "../../src/cli/progress.ts";
import { AttuneError, UsageError } from "../../src/errors.ts";
import { writeFileAtomic } from "../../src/format/atomic-write.ts";
import { nearestName } from "../../src/model/config.ts";
import { type Build, buildName, doRun, planRuns, presentBuild, readRun, type Selection } from "./runs.ts";
import { STUDIES, type Study } from "./studies.ts";
import {
  fillMarkers,
  formatStudy,
  metricLabel,
  missingRuns,
  runName,
  type Shape,
  type StudyResults,
} from "./tables.ts";

/** Documents with markers. */
const DOCUMENTS = ["docs/results.md", "README.md"];

const noData = () =>
  new UsageError(
    "RESULTS_DATA_FOLDER",
    "ATTUNE_DATA: not set, expected the folder of the data sets (ml-100k/u.data.gz and so on). " +
      "Run ATTUNE_DATA=/path/to/data npm run results.",
  );
const unknownName = (option: string, name: string, known: readonly string[]) => {
  const nearest = nearestName(name, known);
  return new UsageError(
    "RESULTS_NAME",
    `--${option}: got "${name}"${nearest ? `, did you mean "${nearest}"` : ""}, expected some of ${known.join(", ")}. Correct it.`,
  );
};
const writeAsTheyAre = () =>
  new UsageError(
    "RESULTS_WRITE",
    "--write: got --models, --seeds, --set or --epochs beside it, expected none, as documents show whole studies. Leave them out.",
  );

interface Flags {
  data?: string;
  models?: string;
  seeds?: number;
  set?: string[];
  epochs?: number;
  out: string;
  fresh?: boolean;
  list?: boolean;
  write?: boolean;
  partial?: boolean;
}

const program = new Command("npm run results --")
  .description(
    "Makes the tables of docs/results.md; runs that are done are skipped. ATTUNE_DATA names the folder of the data.",
  )
  .option("--data <studies>", "names separated by commas (default: all)")
  .option("--models <list>", "names separated by commas (default: all of each study)")
  .option("--seeds <n>", "runs of each trained model (default: as the study says)", wholeNumber)
  .option(
    "--set <key=value...>",
    "settings that win over the study's: other runs, with files of their own",
    keyAndValue,
  )
  .option("--epochs <n>", "most passes over the data, likewise", wholeNumber)
  .option("--out <folder>", "where the files of the runs are", "docs/results")
  .option("--fresh", "also do again what another build did")
  .option("--list", "only list what is there and what is missing")
  .option("--write", "only write the tables of complete studies into the documents")
  .option("--partial", "with --write: also those of studies with missing runs, which are named")
  .exitOverride();

async function main(argv: readonly string[]): Promise<void> {
  const flags = program.parse(argv, { from: "user" }).opts<Flags>();
  const dataFolder = process.env.ATTUNE_DATA;
  if (!dataFolder) throw noData();
  const studies = choose(
    "data",
    flags.data,
    STUDIES.map(({ name }) => name),
  ).map((name) => STUDIES.find((study) => study.name === name)!);
  const models = flags.models && choose("models", flags.models, [...new Set(studies.flatMap((study) => study.models))]);
  const changed = flags.set ?? flags.epochs ?? flags.models ?? flags.seeds;
  if (flags.write && changed !== undefined) throw writeAsTheyAre();
  const selection: Selection = {
    dataFolder,
    out: flags.out,
    models: models || undefined,
    seeds: flags.seeds,
    overrides: await readSettings({ set: flags.set, epochs: flags.epochs }),
  };
  const found: StudyResults[] = [];
  for (const study of studies) found.push(await find(study, selection));
  if (flags.write) {
    await write(found, flags.partial === true);
    return;
  }
  const build = await presentBuild();
  if (flags.list) list(found, build);
  else await interruptible((signal) => run(found, build, flags.fresh === true, signal));
}

/** Splits a list of names and checks each. */
function choose(option: string, text: string | undefined, known: readonly string[]): readonly string[] {
  const names = text?.split(",").map((name) => name.trim()) ?? known;
  for (const name of names) if (!known.includes(name)) throw unknownName(option, name, known);
  return known.filter((name) => names.includes(name));
}

async function find(study: Study, selection: Selection): Promise<StudyResults> {
  const runs = await planRuns(study, selection);
  return { study, runs: await Promise.all(runs.map(async (run) => ({ run, record: await readRun(run) }))) };
}

/** Does what is missing, study by study, and prints each study's table. */
async function run(found: readonly StudyResults[], build: Build, fresh: boolean, signal: AbortSignal): Promise<void> {
  for (const { study, runs } of found) {
    const done = [];
    for (const { run, record } of runs) {
      // Another process may have done it since.
      const known = record ?? (await readRun(run));
      const title = `${study.name} ${runName(run)}`;
      if (known && !(fresh && buildName(known.build) !== buildName(build))) {
        done.push({ run, record: known });
        continue;
      }
      log(`${title}: ${done.length + 1} of ${runs.length}`);
      const progress = new TrainingProgress(title);
      const made = await doRun(run, build, { signal, onProgress: (_, now) => progress.update(now) }).finally(() =>
        progress.stop(),
      );
      const metrics = study.columns.map((name) => `${metricLabel(name)} ${formatMetric(made.test[name])}`);
      log(`${title}: test ${metrics.join(" ")} in ${formatSeconds(made.seconds)}`);
      done.push({ run, record: made });
    }
    for (const line of [`## ${study.name}`, "", ...formatStudy({ study, runs: done }, "table"), ""]) print(line);
  }
}

function list(found: readonly StudyResults[], build: Build): void {
  const here = buildName(build);
  const rows = found.flatMap(({ study, runs }) =>
    runs.map(({ run, record }) => {
      const made = record && buildName(record.build);
      const state = made === undefined ? "missing" : made === here ? "done" : `done by ${made}`;
      return [study.name, run.model, run.seed === null ? "-" : String(run.seed), state];
    }),
  );
  const done = found.flatMap(({ runs }) => runs).filter(({ record }) => record).length;
  for (const line of formatTable([["study", "model", "seed", "state"], ...rows])) print(line);
  print(`${done} of ${rows.length} runs are there; this build is ${here}`);
}

/** Writes tables into the documents. Studies that were not chosen, or are not complete, keep what is there. */
async function write(found: readonly StudyResults[], partial: boolean): Promise<void> {
  const tables = new Map<string, (shape: Shape) => readonly string[]>(STUDIES.map(({ name }) => [name, () => []]));
  for (const results of found) {
    const missing = missingRuns(results.runs);
    if (missing.length > 0) log(`${results.study.name}: missing ${missing.join(", ")}`);
    if (missing.length === 0 || partial) tables.set(results.study.name, (shape) => formatStudy(results, shape));
  }
  for (const file of DOCUMENTS) {
    const before = await readFile(file, "utf8");
    const after = fillMarkers(file, before, tables);
    if (after !== before) await writeFileAtomic(file, new TextEncoder().encode(after));
    print(`${file}: ${after === before ? "as it was" : "written"}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  if (error instanceof Interrupted) {
    log(`results: stopped by ${error.signal}. Finished runs are kept; the same command goes on with the rest.`);
    process.exit(error.exitCode);
  }
  if (!(error instanceof AttuneError)) throw error;
  log(`results: ${error.message}`);
  process.exitCode = error.exitCode;
}
