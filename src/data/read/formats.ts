// The table of input formats, and the choice of one.

import { DataError, UsageError } from "../../errors.ts";
import { quote } from "../words.ts";
import { csv, tsv } from "./delimited.ts";
import type { Format } from "./format.ts";
import { jsonl } from "./jsonl.ts";
import type { ReadOptions } from "./options.ts";
import { sequences } from "./sequences.ts";
import type { Source } from "./source.ts";

const unknownFormat = (got: unknown) =>
  new UsageError("FORMAT_UNKNOWN", `--format: got ${quote(got)}, expected one of ${names()}. Correct the value.`);
const unreadableFormat = (subject: string, got: string, next: string) =>
  new DataError("DATA_FORMAT", `${subject}: got ${got}, expected one of ${names()}. ${next}`);

// In the order in which they are asked about a text that no extension describes.
const FORMATS: ReadonlyMap<string, Format> = new Map(
  [jsonl, sequences, tsv, csv].map((format) => [format.name, format]),
);

const CONVERT = "Convert it to one of them.";

// What a foreign file starts with, and what it is called.
const FOREIGN: readonly (readonly [start: string, name: string])[] = [
  ["PAR1\x15", "a Parquet file"],
  ["PK\x03\x04", "a zip archive or spreadsheet"],
  ["\x28\xb5\x2f\xfd", "a file compressed with zstd"],
  ["BZh91AY&SY", "a file compressed with bzip2"],
  ["\xfd7zXZ", "a file compressed with xz"],
  ["\xff\xfe", "UTF-16 text"],
  ["\xfe\xff", "UTF-16 text"],
];

/**
 * Finds a format by name, or undefined where none is asked for.
 * @throws UsageError `FORMAT_UNKNOWN`
 */
export function namedFormat(options: ReadOptions): Format | undefined {
  if (options.format === undefined) return undefined;
  const format = FORMATS.get(options.format);
  if (format === undefined) throw unknownFormat(options.format);
  return format;
}

/**
 * Finds the format of a source by its extension, or else by its first lines.
 * @throws DataError `DATA_FORMAT` where none fits
 */
export function detectFormat(source: Source): { format: Format; sniffed: boolean } {
  for (const format of FORMATS.values()) {
    if (format.extensions.includes(source.extension)) return { format, sniffed: false };
  }
  for (const format of FORMATS.values()) {
    if (format.sniff(source.headText())) return { format, sniffed: true };
  }
  throw unreadableFormat(
    source.subject,
    `the first line ${quote(source.headText().split("\n")[0])}`,
    "Name its --format.",
  );
}

/**
 * Refuses what is no UTF-8 text, whatever format is asked for.
 * @throws DataError `DATA_FORMAT` naming what the file is, where its first bytes tell
 */
export function refuseForeign(source: Source): void {
  const start = source.head.toString("latin1", 0, 512);
  const foreign = FOREIGN.find(([magic]) => start.startsWith(magic));
  if (foreign) throw unreadableFormat(source.subject, foreign[1], CONVERT);
  if (start.includes("\0")) throw unreadableFormat(source.subject, "a binary file", CONVERT);
  // Anything but an object a line: an array, or an object that goes on after its first line.
  if (/^\s*(\[\s*["{[]|\{\s*\n)/.test(source.headText())) throw unreadableFormat(source.subject, "JSON", CONVERT);
}

/**
 * Refuses JSON where another format was asked for, or found.
 * @throws DataError `DATA_FORMAT`
 */
export function refuseJson(source: Source, format: Format): void {
  if (format === jsonl || !/^\s*\{\s*["{]/.test(source.headText())) return;
  throw unreadableFormat(source.subject, "JSON", "If it holds an object a line, read it with --format jsonl.");
}

function names(): string {
  return [...FORMATS.keys()].join(", ");
}
