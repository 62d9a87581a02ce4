// Reads an interaction log from a file or standard input. The only folder of src/data that needs Node.

import { type BadRowLimit, parseMaxBadRows } from "../bad-rows.ts";
import type { EventLog } from "../log.ts";
import { measureQuality, type QualityReport } from "../quality.ts";
import { detectFormat, namedFormat, refuseForeign, refuseJson } from "./formats.ts";
import { Intake } from "./intake.ts";
import type { ReadOptions } from "./options.ts";
import { openSource } from "./source.ts";

export type { FormatName, ReadOptions } from "./options.ts";

/** A log that was read, and what is to be said about it. */
export interface ReadResult {
  log: EventLog;
  /** Quality of the log, bad rows included. */
  quality: QualityReport;
  /** What was told from the data instead of an option, one readable line each. */
  guesses: string[];
}

const NO_BAD_ROWS = "0";

/**
 * Reads an interaction log as a stream: memory grows with the events (about 16 bytes each, and the ids), not with the file.
 * Bad rows are counted to the end before they are judged.
 * @param source path of a file, gzip or not, or `-` for standard input
 * @throws UsageError for a bad option, before anything is opened: `FORMAT_UNKNOWN`, `FORMAT_OPTION`, `COLUMNS_INVALID`,
 * `DELIMITER_INVALID`, `TIME_FORMAT_UNKNOWN`, `MAX_BAD_ROWS_INVALID`
 * @throws DataError for the data: `DATA_FILE_MISSING`, `DATA_FILE_DIRECTORY`, `DATA_FILE_UNREADABLE`, `DATA_EMPTY`,
 * `DATA_FORMAT`, `DATA_GZIP_TRUNCATED`, `DATA_GZIP_DAMAGED`, `DATA_COLUMN_MISSING`, `DATA_COLUMN_AMBIGUOUS`,
 * `DATA_COLUMNS_UNKNOWN`, `DATA_NOT_JSON_LINES`, `DATA_QUOTE_OPEN`, `DATA_LINE_LONG`, `DATA_TIME_FORMAT`, `DATA_BAD_ROWS`, `DATA_NO_ROWS`
 * @example
 * const { log, quality, guesses } = await readLog("ratings.csv.gz", { maxBadRows: "1%" });
 */
export async function readLog(source: string, options: ReadOptions = {}): Promise<ReadResult> {
  const named = namedFormat(options);
  named?.check(options);
  const limit: BadRowLimit = parseMaxBadRows(options.maxBadRows ?? NO_BAD_ROWS);
  const intake = new Intake(source === "-" ? "standard input" : source, options.timeFormat);

  const opened = await openSource(source, options);
  try {
    refuseForeign(opened);
    // Nothing but blank lines has no format; the intake stays empty and says so below.
    if (opened.headText().trim() !== "") {
      const { format, sniffed } = named ? { format: named, sniffed: false } : detectFormat(opened);
      format.check(options);
      refuseJson(opened, format);
      if (sniffed && format.sniffedAs) {
        intake.guesses.push(`format: ${format.sniffedAs} (guessed from the first lines; --format overrides)`);
      }
      await format.read(opened, options, intake);
    }
  } finally {
    await opened.close();
  }
  intake.finish();
  intake.bad.check(intake.subject, intake.rows, limit);
  const log = intake.build();
  const quality = measureQuality(log, { rows: intake.rows, badRows: intake.bad.causes, timed: intake.timed });
  return { log, quality, guesses: intake.guesses };
}
