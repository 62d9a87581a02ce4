// What a format is. A new one (Parquet) is one file that exports a Format and one row in formats.ts.

import type { Readable } from "node:stream";
import { UsageError } from "../../errors.ts";
import type { TimeFormat } from "../time.ts";
import type { Intake } from "./intake.ts";
import type { Source } from "./source.ts";

const unusableOption = (flag: string, format: FormatName, why: string) =>
  new UsageError(
    "FORMAT_OPTION",
    `${flag}: got a value for the format ${format}, expected none, as ${why}. ` +
      `Leave ${flag} out, or choose another --format.`,
  );

const FLAGS = {
  columns: "--columns",
  delimiter: "--delimiter",
  header: "--no-header",
  timeFormat: "--time-format",
} as const;

/** Names of the input formats. */
export type FormatName = "csv" | "tsv" | "jsonl" | "sequences";

/** How to read a log; what is left out is told from the data and reported. */
export interface ReadOptions {
  /** Input format; default: by file extension, or else by the first lines. */
  format?: FormatName;
  /** `user=…,item=…[,time=…][,rating=…]`, each a column name or a number from 1; without time, file order counts. */
  columns?: string;
  /** Whether the first line names the columns. */
  header?: boolean;
  /** What separates the fields: one or more characters, also written `\t` or `tab`. */
  delimiter?: string;
  /** How times are written: seconds, milliseconds or ISO 8601. */
  timeFormat?: TimeFormat;
  /** Bad rows that are let pass: `N` rows or `P%` of the rows; default 0. */
  maxBadRows?: string;
  /** Whether every row must have a rating; one that is missing or no finite number makes a bad row. Default false. */
  ratings?: boolean;
  /** What the source `-` reads; default: the standard input of the process. */
  stdin?: Readable;
  /** Called as the source is read: bytes so far, as stored (compressed), and of how many, where that is known. */
  onProgress?: (bytesRead: number, totalBytes: number | undefined) => void;
}

/** One input format. */
export interface Format {
  readonly name: FormatName;
  /** File extensions that mean this format, such as `.csv`, in lower case and without `.gz`. */
  readonly extensions: readonly string[];
  /** What a guess of this format is reported as, where the format does not report more itself. */
  readonly sniffedAs?: string;
  /** Tells whether the head of a text (whole lines, mostly) is of this format; asked where no extension decides. */
  sniff(head: string): boolean;
  /** Checks the options before anything is opened. @throws UsageError for one that this format cannot follow */
  check(options: ReadOptions): void;
  /** Reads the whole source into the intake: events, bad rows, number of rows, guesses. */
  read(source: Source, options: ReadOptions, intake: Intake): Promise<void>;
}

/**
 * Refuses options that mean nothing to a format.
 * @param why what the format is like, after "as"
 * @throws UsageError `FORMAT_OPTION`
 */
export function refuseOptions(
  format: FormatName,
  options: ReadOptions,
  refused: readonly (keyof typeof FLAGS)[],
  why: string,
): void {
  for (const option of refused) {
    if (options[option] !== undefined) throw unusableOption(FLAGS[option], format, why);
  }
}
