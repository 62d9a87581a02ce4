// The table of input formats, and the choice of one.

import { DataError, UsageError } from "../../errors.ts";
import { quote } from "../words.ts";
import { csv, tsv } from "./delimited.ts";
import type { Format, ReadOptions } from "./format.ts";
import { sequences } from "./sequences.ts";
import type { Source } from "./source.ts";

const unknownFormat = (got: unknown) =>
  new UsageError("FORMAT_UNKNOWN", `--format: got ${quote(got)}, expected one of ${names()}. Correct the value.`);
const unreadableFormat = (subject: string, got: string, next: string) =>
  new DataError("DATA_FORMAT", `${subject}: got ${got}, expected one of ${names()}. ${next}`);

// In the order in which they are asked about a text that no extension describes.
const FORMATS: ReadonlyMap<string, Format> = new Map([sequences, tsv, csv].map((format) => [format.name, format]));

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
  if (/^\s*[[{]\s*["{]/.test(start)) throw unreadableFormat(source.subject, "JSON", CONVERT);
}

function names(): string {
  return [...FORMATS.keys()].join(", ");
}
