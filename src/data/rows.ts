// The library's way in: rows as objects, from any iterable.

import { DataError } from "../errors.ts";
import { type EventLog, LogBuilder } from "./log.ts";
import { isMilliseconds, parseDecimal, parseIso } from "./time.ts";
import { quote } from "./words.ts";

const badRows = (got: unknown) =>
  new DataError(
    "DATA_ROWS",
    `rows: got ${quote(got)}, expected an iterable or async iterable of { user, item, time }. Pass an array or a generator.`,
  );
const badRow = (row: number, got: unknown) =>
  new DataError("DATA_ROW", `row ${row}: got ${quote(got)}, expected { user, item, time }. Correct or drop the row.`);
const badId = (row: number, field: string, got: unknown) =>
  new DataError(
    "DATA_ROW_ID",
    `row ${row}: got ${field} ${quote(got)}, expected a string of whole characters that is not empty, or a finite number. ` +
      "Correct or drop the row.",
  );
/** Half of a surrogate pair is no text: it could not be written to a model file. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const badTime = (row: number, got: unknown) =>
  new DataError(
    "DATA_ROW_TIME",
    `row ${row}: got time ${quote(got)}, expected a Date, an ISO 8601 string, or seconds or milliseconds since 1970. ` +
      "Correct or drop the row.",
  );
const badRating = (row: number, got: unknown) =>
  new DataError(
    "DATA_ROW_RATING",
    `row ${row}: got rating ${quote(got)}, expected a finite number, which the task rating needs. Correct or drop the row.`,
  );
const mixedTime = (row: number, got: unknown, timed: boolean) =>
  new DataError(
    "DATA_ROW_TIME",
    `row ${row}: got time ${quote(got)}, expected ${timed ? "one" : "none"} because row 0 has ${timed ? "one" : "none"}. ` +
      "Give every row a time, or none.",
  );

/** One interaction. */
export interface Row {
  /** User id; numbers become their decimal strings. */
  user: string | number | bigint;
  /** Item id; numbers become their decimal strings. */
  item: string | number | bigint;
  /**
   * When it happened: a Date, an ISO 8601 string (UTC where it names no zone), or a number since 1970. The first number
   * says for all: 1e11 or more means milliseconds, less means seconds. Without times in all rows, row order counts.
   */
  time?: number | Date | string | null;
  /** How the user rated it, a finite number; needed by the task rating, where every row has one. */
  rating?: number | null;
}

/**
 * Reads rows into a log, in the order given.
 * @param ratings whether every row must have a rating; otherwise ratings are not looked at
 * @throws DataError `DATA_ROWS` when `rows` is no iterable; `DATA_ROW`, `DATA_ROW_ID`, `DATA_ROW_TIME` or `DATA_ROW_RATING` for a bad row, with its index from 0
 * @example
 * const log = await logFromRows([{ user: "ann", item: "sku-1", time: "2026-11-24" }]);
 */
export async function logFromRows(rows: Iterable<Row> | AsyncIterable<Row>, ratings = false): Promise<EventLog> {
  const intake = new RowIntake(ratings);
  // A sync iterable is walked synchronously: `for await` would wait once a row.
  if (isIterable(rows)) for (const row of rows) intake.add(row);
  else if (isAsyncIterable(rows)) for await (const row of rows) intake.add(row);
  else throw badRows(rows);
  return intake.build();
}

class RowIntake {
  private readonly builder = new LogBuilder();
  private timed: boolean | undefined;
  private milliseconds: boolean | undefined;

  constructor(private readonly ratings: boolean) {}

  add(row: Row): void {
    const index = this.builder.length;
    if (typeof row !== "object" || row === null) throw badRow(index, row);
    const user = idText(index, "user", row.user);
    const item = idText(index, "item", row.item);
    const time = row.time ?? undefined;
    this.timed ??= time !== undefined;
    if (this.timed !== (time !== undefined)) throw mixedTime(index, time, this.timed);
    const rating = this.ratings ? (row.rating ?? Number.NaN) : undefined;
    if (rating !== undefined && !Number.isFinite(rating)) throw badRating(index, row.rating);
    this.builder.add(user, item, time === undefined ? index : this.seconds(index, time), rating);
  }

  build(): EventLog {
    return this.builder.build();
  }

  private seconds(row: number, time: number | Date | string): number {
    let seconds = Number.NaN;
    if (time instanceof Date) seconds = time.getTime() / 1000;
    else if (typeof time === "number") seconds = this.scaled(time);
    else if (typeof time === "string") {
      seconds = parseIso(time);
      if (Number.isNaN(seconds)) seconds = this.scaled(parseDecimal(time));
    }
    if (!Number.isFinite(seconds)) throw badTime(row, time);
    return seconds;
  }

  private scaled(time: number): number {
    this.milliseconds ??= isMilliseconds(time);
    return this.milliseconds ? time / 1000 : time;
  }
}

function idText(row: number, field: string, id: unknown): string {
  if (typeof id === "string" && id !== "" && !LONE_SURROGATE.test(id)) return id;
  if (typeof id === "bigint" || (typeof id === "number" && Number.isFinite(id))) return String(id);
  throw badId(row, field, id);
}

function isIterable(value: unknown): value is Iterable<Row> {
  // A string iterates over its characters, which are no rows.
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<Row> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
