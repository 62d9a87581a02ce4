// Runs of studies: what tells one from another, the file each has, and doing it. Model, seed, settings and data decide which file
// is a run's; which code made it is in the file. A file's name has the settings that differ from their defaults in its digest, and
// all of them are compared when it is read: so a default that changes makes it another run, and a setting that is new does not.

import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as esbuild from "esbuild";
import { compare } from "../../src/api/compare.ts";
import { settingsBeside } from "../../src/api/source.ts";
import { configOf } from "../../src/api/train.ts";
import { formatSplit } from "../../src/data/split.ts";
import { DataError } from "../../src/errors.ts";
import { BASELINES } from "../../src/evaluate/baselines/index.ts";
import type { Metrics } from "../../src/evaluate/metrics.ts";
import { writeFileAtomic } from "../../src/format/atomic-write.ts";
import { type ModelConfig, SETTING_NAMES, SETTINGS } from "../../src/model/config.ts";
import type { Progress } from "../../src/train/fit.ts";
import { version } from "../../src/version.ts";
import type { Settings, Study } from "./studies.ts";

/** Settings that a baseline's numbers depend on. */
const DATA_SETTINGS = ["split", "targets", "sessionGap", "kCore", "minLength", "duplicates", "seen"] as const;

/** Hexadecimal digits of a digest in names and tables. */
const SHORT = 12;

const dataMissing = (path: string, why: string) =>
  new DataError(
    "RESULTS_DATA",
    `${path}: cannot be read (${why}), expected a data set. ATTUNE_DATA names the folder they are in; --data chooses among them.`,
  );

/** One model with one seed on one study's data. */
export interface Run {
  study: Study;
  model: string;
  /** Null for baselines. */
  seed: number | null;
  /** What compare() is given. */
  settings: Settings;
  /** Those that decide the numbers, with defaults. */
  asked: Partial<ModelConfig>;
  files: DataFile[];
  dataFolder: string;
  /** Where the record is or will be. */
  file: string;
}

/** A file of the data. */
export interface DataFile {
  role: "data" | "valid" | "test";
  /** Below the folder of the data sets. */
  file: string;
  sha256: string;
}

/** The code that made a record. */
export interface Build {
  version: string;
  node: string;
  /** sha256 of the kernels, and of the program that compares without its comments and names. */
  wasm: string;
  program: string;
}

/** What a run's file holds. */
export interface RunRecord {
  study: string;
  model: string;
  seed: number | null;
  /** In force, those told from the data included; null for baselines. */
  config: ModelConfig | null;
  /** Those asked for that decide the numbers, with defaults. */
  asked: Partial<ModelConfig>;
  data: {
    files: DataFile[];
    users: number;
    items: number;
    interactions: number;
    /** How many cases, and how many of them nothing can be hit in. */
    split: string[];
  };
  validation: Metrics;
  test: Metrics;
  parameters: number;
  epochs: number;
  bestEpoch: number;
  seconds: number;
  build: Build;
}

/** What to choose from the studies, and what to change in them. */
export interface Selection {
  dataFolder: string;
  /** Folder of the records. */
  out: string;
  /** Default: all of the study. */
  models?: readonly string[];
  /** Default: those of the study. */
  seeds?: number;
  /** Wins over the settings of the study. */
  overrides?: Settings;
}

/**
 * Lists the runs of a study: baselines, then all models with the first seed, then with the next. Settings are checked here.
 * @throws DataError `RESULTS_DATA` when a file of the data cannot be read · UsageError for a bad setting
 */
export async function planRuns(study: Study, selection: Selection): Promise<Run[]> {
  const { dataFolder, out, overrides } = selection;
  const files = await readFiles(study, dataFolder);
  const models = study.models.filter((model) => selection.models?.includes(model) ?? true);
  const plan = (model: string, seed: number | null): Run => {
    const settings = { ...study.settings, ...study.own?.[model], ...overrides };
    const asked = askedOf(model, seed, settings, study);
    const special = Object.entries(asked).filter(([name, value]) => value !== defaultOf(name));
    const digest = sha256(JSON.stringify([special, files.map(({ role, sha256 }) => [role, sha256])]));
    const name = [model, ...(seed === null ? [] : [`seed-${seed}`]), digest.slice(0, SHORT)].join("-");
    return { study, model, seed, settings, asked, files, dataFolder, file: join(out, study.name, `${name}.json`) };
  };
  const trained = models.filter((model) => !isBaseline(model));
  const seeds = Array.from({ length: selection.seeds ?? study.seeds }, (_, index) => index + 1);
  const isOnce = (model: string) => selection.seeds === undefined && (study.once?.includes(model) ?? false);
  return [
    ...models.filter(isBaseline).map((model) => plan(model, null)),
    ...seeds.flatMap((seed) =>
      trained.filter((model) => seed === 1 || !isOnce(model)).map((model) => plan(model, seed)),
    ),
  ];
}

/** Returns the record of a run; undefined where there is none, or only one of something else or a part of one. */
export async function readRun(run: Run): Promise<RunRecord | undefined> {
  let record: RunRecord;
  try {
    record = JSON.parse(await readFile(run.file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { model, seed, asked, files } = run;
  const names = new Set([...Object.keys(asked), ...Object.keys(record.asked)] as (keyof ModelConfig)[]);
  for (const name of names) if (asked[name] !== (record.asked[name] ?? defaultOf(name))) return undefined;
  const sameData = JSON.stringify(record.data.files) === JSON.stringify(files);
  return record.model === model && record.seed === seed && sameData ? record : undefined;
}

/** Does a run and writes its record as a whole: whoever stops it before its end leaves no file, or the one that was there. */
export async function doRun(
  run: Run,
  build: Build,
  options: { signal?: AbortSignal; onProgress?: (model: string, progress: Progress) => void } = {},
): Promise<RunRecord> {
  const { study, model, seed, settings, asked, files, dataFolder } = run;
  const pathOf = (file: string | undefined) => file && join(dataFolder, file);
  let data: RunRecord["data"] | undefined;
  const [row] = await compare(join(dataFolder, study.data), {
    ...settings,
    seed: seed ?? undefined,
    models: [model],
    valid: pathOf(study.valid),
    test: pathOf(study.test),
    ...options,
    onData: ({ split }) => {
      const { userIds, items, item } = split.histories;
      data = { files, users: userIds.size, items: items.size, interactions: item.length, split: formatSplit(split) };
    },
  });
  const { config, validation, test, parameters, epochs, bestEpoch, seconds } = row;
  const measured = { validation, test, parameters, epochs, bestEpoch, seconds };
  const record: RunRecord = { study: study.name, model, seed, config, asked, data: data!, ...measured, build };
  await mkdir(dirname(run.file), { recursive: true });
  await writeFileAtomic(run.file, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
  return record;
}

/** Digests the code at hand. Run from the root of the repository. */
export async function presentBuild(): Promise<Build> {
  const { outputFiles } = await esbuild.build({
    entryPoints: ["src/api/compare.ts"],
    bundle: true,
    minify: true,
    legalComments: "none",
    platform: "node",
    format: "esm",
    packages: "external",
    write: false,
  });
  const wasm = sha256(await readFile("dist/attune.wasm"));
  return { version, node: process.version, wasm, program: sha256(outputFiles[0].contents) };
}

/** Names the code of a record shortly; Node is no part of it, as numbers do not depend on it. */
export function buildName({ version, wasm, program }: Build): string {
  return `${version}-${sha256(`${wasm} ${program}`).slice(0, SHORT)}`;
}

/** Whether a name is a baseline's: it draws no random numbers and runs once. */
export function isBaseline(name: string): boolean {
  return BASELINES.some((baseline) => baseline.name === name);
}

/** The settings that decide a run's numbers, with defaults: all of a trained model, those of the data for a baseline. */
function askedOf(model: string, seed: number | null, settings: Settings, study: Study): Partial<ModelConfig> {
  const known = settingsBeside(study, settings);
  if (seed !== null) return configOf(model, { ...known, seed });
  const config = configOf(undefined, known);
  return Object.fromEntries(DATA_SETTINGS.map((name) => [name, config[name]]));
}

function defaultOf(name: string): unknown {
  return SETTING_NAMES.includes(name as keyof ModelConfig) ? SETTINGS[name as keyof ModelConfig].default : undefined;
}

async function readFiles(study: Study, folder: string): Promise<DataFile[]> {
  const files: DataFile[] = [];
  for (const role of ["data", "valid", "test"] as const) {
    const file = study[role];
    if (file === undefined) continue;
    const path = join(folder, file);
    const bytes = await readFile(path).catch((error) => {
      throw dataMissing(path, error.code);
    });
    files.push({ role, file, sha256: sha256(bytes) });
  }
  return files;
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
