// What a format is. A new one (Parquet) is one file that exports a Format and one row in formats.ts.

import { UsageError } from "../../errors.ts";
import type { Intake } from "./intake.ts";
import type { FormatName, ReadOptions } from "./options.ts";
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
