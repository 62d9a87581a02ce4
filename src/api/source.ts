// What the library accepts as data: a path (or "-" for standard input), or rows in memory. Reading files brings a CSV library
// with it, so that code is loaded only when a path is given.

import { type ClickRow, type Clicks, clicksFromRows } from "../data/clicks.ts";
import { buildHistories, type FilterReport, type Histories } from "../data/histories.ts";
import type { EventLog } from "../data/log.ts";
import { measureQuality, type QualityReport } from "../data/quality.ts";
import type { ReadOptions } from "../data/read/index.ts";
import { logFromRows, type Row } from "../data/rows.ts";
import { type Split, splitHistories } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { DataError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";

const noRatings = (subject: string) =>
  new DataError(
    "DATA_RATING_MISSING",
    `${subject}: got events without ratings, expected one for each, which the task rating needs. Use another format, or task=next.`,
  );

/** An interaction log: a path, `-` for standard input, or rows `{ user, item, time }`. */
export type Source = string | Iterable<Row> | AsyncIterable<Row>;

/** A log that was read, filtered and split. */
export interface PreparedData {
  quality: QualityReport;
  /** What was told from the data instead of an option, one readable line each. */
  guesses: string[];
  filter: FilterReport;
  split: Split;
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
  known?: Vocabulary,
): Promise<Clicks> {
  if (typeof source !== "string") return clicksFromRows(source, known);
  const { readClickRows } = await import("../data/read/clicks.ts");
  return clicksFromRows(readClickRows(source, options), known);
}

/** Builds the histories a config asks for. */
export function filterLog(log: EventLog, config: ModelConfig): { histories: Histories; report: FilterReport } {
  const { kCore, minLength, duplicates } = config;
  return buildHistories(log, { kCore, minLength, duplicates });
}

/** Reads, filters and splits a source as a config says. */
export async function prepareData(source: Source, config: ModelConfig, options?: ReadOptions): Promise<PreparedData> {
  const ratings = config.task === "rating";
  const { log, quality, guesses } = await readSource(source, { ...options, ratings });
  if (ratings && !log.rating) throw noRatings(typeof source === "string" ? source : "rows");
  const { histories, report } = filterLog(log, config);
  return { quality, guesses, filter: report, split: splitHistories(histories, config.split) };
}
