// What the library accepts as data: a path (or "-" for standard input), or rows in memory. Reading files brings a CSV library
// with it, so that code is loaded only when a path is given.

import { type ClickRow, type Clicks, clicksFromRows } from "../data/clicks.ts";
import type { EventLog } from "../data/log.ts";
import { measureQuality, type QualityReport } from "../data/quality.ts";
import type { ReadOptions } from "../data/read/index.ts";
import { logFromRows, type Row } from "../data/rows.ts";
import { type HeldOutLogs, type SplitResult, splitLog } from "../data/split.ts";
import type { Ids } from "../data/vocabulary.ts";
import { DataError, UsageError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";

const standardInputTwice = () =>
  new UsageError(
    "INPUT_TWICE",
    "data: got standard input (-) for more than one source, expected it once. Write the others to files.",
  );
const untimed = (subject: string) =>
  new DataError(
    "DATA_UNTIMED",
    `${subject}: got no times, expected some for sessionGap. Name their column (--columns …,time=…), or leave the gap out.`,
  );
const noRatings = (subject: string) =>
  new DataError(
    "DATA_RATING_MISSING",
    `${subject}: got events without ratings, expected one for each, which the task rating needs. Use another format, or task=next.`,
  );

/** An interaction log: a path, `-` for standard input, or rows `{ user, item, time }`. */
export type Source = string | Iterable<Row> | AsyncIterable<Row>;

/** Sources of their own for what is held out. Their users may be new or known, their items as well. */
export interface HeldOutSources {
  /** What chooses the epoch. All of the data trains then, and there is no other split. */
  valid?: Source;
  /** What is measured once, at the end. */
  test?: Source;
}

/** A log that was read, filtered and split. */
export interface PreparedData extends Pick<SplitResult, "split" | "sessions"> {
  quality: QualityReport;
  /** What was told from the data instead of an option, one readable line each. */
  guesses: string[];
  /** What the filters removed; of the training part alone where the split comes before them. */
  filter: SplitResult["report"];
  /** Quality and guesses of the held-out sources, where there are any. */
  heldOut: { name: "validation" | "test"; quality: QualityReport; guesses: string[] }[];
}

/** Reads a source, with a report of its quality. */
export async function readSource(
  source: Source,
  options: ReadOptions = {},
): Promise<{ log: EventLog; quality: QualityReport; guesses: string[] }> {
  if (typeof source === "string") {
    const { readLog } = await import("../data/read/index.ts");
    return readLog(source, options);
  }
  const log = await logFromRows(source, options.ratings);
  return { log, quality: measureQuality(log), guesses: [] };
}

/** Reads click rows; `known` is the vocabulary to number items by, if they are not to be learned. */
export async function readClicks(
  source: string | Iterable<ClickRow> | AsyncIterable<ClickRow>,
  options: ReadOptions = {},
  known?: Ids,
): Promise<Clicks> {
  if (typeof source !== "string") return clicksFromRows(source, known);
  const { readClickRows } = await import("../data/read/clicks.ts");
  return clicksFromRows(readClickRows(source, options), known);
}

/**
 * Reads, filters and splits a source, and held-out sources beside it, as a config says.
 * @param vocabulary the items there are, where a model says; see {@link splitLog}
 */
export async function prepareData(
  source: Source,
  config: ModelConfig,
  options?: ReadOptions,
  heldOut: HeldOutSources = {},
  vocabulary?: Ids,
): Promise<PreparedData> {
  const { valid, test } = heldOut;
  const ratings = config.task === "rating";
  if ([source, valid, test].filter((each) => each === "-").length > 1) throw standardInputTwice();
  const read = async (name: string, from: Source) => {
    const result = await readSource(from, { ...options, ratings });
    if (ratings && !result.log.rating) throw noRatings(nameOf(from, name));
    if (config.sessionGap > 0 && result.quality.timeSpan === null) throw untimed(nameOf(from, name));
    return result;
  };
  const { log, quality, guesses } = await read("data", source);
  const parts: PreparedData["heldOut"] = [];
  const logs: HeldOutLogs = {};
  for (const [name, key, from] of [
    ["validation", "valid", valid],
    ["test", "test", test],
  ] as const) {
    if (from === undefined) continue;
    const part = await read(name, from);
    logs[key] = part.log;
    parts.push({ name, quality: part.quality, guesses: part.guesses });
  }
  const { split, report, sessions } = splitLog(log, config, logs, vocabulary);
  return { quality, guesses, filter: report, split, sessions, heldOut: parts };
}

/**
 * Returns the settings in force beside held-out sources: with a validation source, nothing of the data itself is held out unless
 * the settings say so, which is refused later.
 */
export function settingsBeside<Settings extends { readonly split?: unknown }>(
  heldOut: HeldOutSources,
  settings: Settings,
): Settings {
  return heldOut.valid !== undefined && settings.split === undefined ? { ...settings, split: "none" } : settings;
}

function nameOf(source: Source, otherwise: string): string {
  if (typeof source !== "string") return otherwise;
  return source === "-" ? "standard input" : source;
}
