// Rows that cannot be used: counted by cause through the whole source, judged at the end.

import { DataError, UsageError } from "../errors.ts";
import { formatCount, quote } from "./words.ts";

const badLimit = (got: unknown) =>
  new UsageError(
    "MAX_BAD_ROWS_INVALID",
    `--max-bad-rows: got ${quote(got)}, expected a number of rows (20) or a share of them (0.5%). ` +
      "Correct the value.",
  );
const tooManyBadRows = (subject: string, bad: BadRows, rows: number, allowed: number) =>
  new DataError(
    "DATA_BAD_ROWS",
    `${subject}: got ${formatCount(bad.total)} bad ${bad.total === 1 ? "row" : "rows"} of ${formatCount(rows)} ` +
      `(${formatBadRows(bad.causes).join("; ")}), expected at most ${formatCount(allowed)}. ` +
      `Correct them, or go on without them: --max-bad-rows ${bad.total}`,
  );

/** Why a row cannot be used. */
export type BadRowCause =
  | "missing field"
  | "extra field"
  | "empty user"
  | "empty item"
  | "unreadable time"
  | "unreadable rating"
  | "no click row"
  | "no sequence row"
  | "not UTF-8"
  | "not JSON"
  | "not an object"
  | "not text or number"
  | "number beyond 2^53"
  | "line too long";

/** The bad rows of one cause. */
export interface BadRowCount {
  cause: BadRowCause;
  count: number;
  /** Line numbers of the first ones, 5 at most, from 1. */
  lines: number[];
}

const LINES_KEPT = 5;

/** Counts bad rows by cause, with the first lines of each. */
export class BadRows {
  private readonly counts = new Map<BadRowCause, BadRowCount>();

  /** Counts all bad rows. */
  get total(): number {
    let total = 0;
    for (const { count } of this.counts.values()) total += count;
    return total;
  }

  /** Lists the causes met, the most frequent first; equal counts by cause. */
  get causes(): BadRowCount[] {
    return [...this.counts.values()].sort((a, b) => b.count - a.count || (a.cause < b.cause ? -1 : 1));
  }

  /** Counts one bad row. @param line its line number, from 1 */
  add(cause: BadRowCause, line: number): void {
    let entry = this.counts.get(cause);
    if (entry === undefined) {
      entry = { cause, count: 0, lines: [] };
      this.counts.set(cause, entry);
    }
    entry.count++;
    if (entry.lines.length < LINES_KEPT) entry.lines.push(line);
  }

  /**
   * Judges the count once the source has been read.
   * @throws DataError `DATA_BAD_ROWS` when there are more than the limit allows; it lists all causes
   */
  check(subject: string, rows: number, limit: BadRowLimit): void {
    const allowed = limit(rows);
    if (this.total > allowed) throw tooManyBadRows(subject, this, rows, allowed);
  }
}

/** Says how many of so many rows may be bad. */
export type BadRowLimit = (rows: number) => number;

/**
 * Reads `--max-bad-rows`: `N` rows, or `P%` of the rows, rounded down.
 * @throws UsageError `MAX_BAD_ROWS_INVALID` for anything else
 */
export function parseMaxBadRows(text: string): BadRowLimit {
  if (typeof text === "string") {
    if (/^\d{1,15}$/.test(text)) return () => Number(text);
    if (/^\d{1,3}(\.\d+)?%$/.test(text) && Number(text.slice(0, -1)) <= 100) {
      return (rows) => Math.floor((rows * Number(text.slice(0, -1))) / 100);
    }
  }
  throw badLimit(text);
}

/** Describes bad rows, one entry a cause: `missing field: 7, first at lines 3, 9`. */
export function formatBadRows(causes: readonly BadRowCount[]): string[] {
  return causes.map(({ cause, count, lines }) =>
    count === 1
      ? `${cause}: 1, at line ${lines[0]}`
      : `${cause}: ${formatCount(count)}, ${count > lines.length ? "first " : ""}at lines ${lines.join(", ")}`,
  );
}
