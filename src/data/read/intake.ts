// Where every format hands its rows in: ids checked, times told apart and converted, bad rows counted.

import { DataError, UsageError } from "../../errors.ts";
import { type BadRowCause, BadRows } from "../bad-rows.ts";
import { type EventLog, LogBuilder } from "../log.ts";
import { guessTimeFormat, parseTime, TIME_FORMATS, type TimeFormat } from "../time.ts";
import { formatCount, quote } from "../words.ts";

const unknownTimeFormat = (got: unknown) =>
  new UsageError(
    "TIME_FORMAT_UNKNOWN",
    `--time-format: got ${quote(got)}, expected one of ${[...TIME_FORMATS.keys()].join(", ")}. Correct the value.`,
  );
const unreadableTimes = (subject: string, line: number, got: string) =>
  new DataError(
    "DATA_TIME_FORMAT",
    `${subject}: line ${line}: got the time ${quote(got)}, expected seconds or milliseconds since 1970, or ISO 8601 ` +
      "(2026-11-24 09:30:00). Convert the times, or name another column: --columns user=…,item=…,time=…",
  );
const noRows = (subject: string, rows: number) =>
  new DataError(
    "DATA_NO_ROWS",
    `${subject}: got ${rows === 0 ? "no rows" : `no usable row among ${formatCount(rows)}`}, expected at least one ` +
      "interaction. Check the source of the data.",
  );

const GUESS_ROWS = 1000;

interface WaitingRow {
  user: string;
  item: string;
  time: string;
  line: number;
  rating: number | undefined;
}

/** Takes the rows of one source and makes the log. */
export class Intake {
  /** Data rows met so far, bad ones included; the format counts them. */
  rows = 0;
  /** Whether any row had a time of its own. */
  timed = false;
  /** Bad rows by cause. */
  readonly bad = new BadRows();
  /** What was told from the data, one readable line each. */
  readonly guesses: string[] = [];

  private readonly builder = new LogBuilder();
  private waiting: WaitingRow[] = [];

  /**
   * @param subject how messages call the source
   * @param timeFormat how times are written; undefined: told from the first 1,000
   * @throws UsageError `TIME_FORMAT_UNKNOWN`
   */
  constructor(
    readonly subject: string,
    private timeFormat: TimeFormat | undefined,
  ) {
    if (timeFormat !== undefined && !TIME_FORMATS.has(timeFormat)) throw unknownTimeFormat(timeFormat);
  }

  /**
   * Takes one event. An empty id, an unreadable time or a rating that is NaN makes a bad row.
   * @param time as the source has it; a number is a position or seconds, and taken as it is
   * @param line where the row starts, from 1
   * @throws DataError `DATA_TIME_FORMAT` when most of the first 1,000 times are of no known format
   */
  add(user: string, item: string, time: string | number, line: number, rating?: number): void {
    if (user === "") this.bad.add("empty user", line);
    else if (item === "") this.bad.add("empty item", line);
    else if (rating !== undefined && !Number.isFinite(rating)) this.bad.add("unreadable rating", line);
    else if (typeof time === "number") this.builder.add(user, item, time, rating);
    else if (this.timeFormat !== undefined) this.addTimed(user, item, time, line, this.timeFormat, rating);
    else {
      this.waiting.push({ user, item, time, line, rating });
      if (this.waiting.length === GUESS_ROWS) this.settleTimeFormat();
    }
  }

  /** Counts a row that cannot be used. @param line where the row starts, from 1 */
  reject(cause: BadRowCause, line: number): void {
    this.bad.add(cause, line);
  }

  /** Ends the source: rows that wait for the time format are added. */
  finish(): void {
    if (this.waiting.length > 0) this.settleTimeFormat();
  }

  /**
   * Returns the log, in file order.
   * @throws DataError `DATA_NO_ROWS` when there is no event
   */
  build(): EventLog {
    if (this.builder.length === 0) throw noRows(this.subject, this.rows);
    return this.builder.build();
  }

  private addTimed(
    user: string,
    item: string,
    time: string,
    line: number,
    format: TimeFormat,
    rating: number | undefined,
  ): void {
    const seconds = parseTime(time, format);
    if (Number.isNaN(seconds)) {
      this.bad.add("unreadable time", line);
    } else {
      this.timed = true;
      this.builder.add(user, item, seconds, rating);
    }
  }

  private settleTimeFormat(): void {
    const { waiting } = this;
    const format = guessTimeFormat(waiting.map(({ time }) => time));
    if (format === undefined) {
      const example = waiting.find(({ time }) => time.trim() !== "" && guessTimeFormat([time]) === undefined)!;
      throw unreadableTimes(this.subject, example.line, example.time);
    }
    this.timeFormat = format;
    this.waiting = [];
    this.guesses.push(
      `time: ${TIME_FORMATS.get(format)} (guessed from the first ${formatCount(waiting.length)} values; --time-format overrides)`,
    );
    for (const { user, item, time, line, rating } of waiting) this.addTimed(user, item, time, line, format, rating);
  }
}
