// The layout of a table: whether a header comes first, and which column is user, item, rating and time.

import { DataError } from "../../errors.ts";
import {
  areNumbers,
  namedPlaces,
  type Places,
  parseColumns,
  ROLES,
  requireUserAndItem,
  usualPlaces,
  usualRole,
} from "./columns.ts";
import type { ReadOptions } from "./options.ts";
import { columnIs, commonWidth, isDecimal, sampleRecords, timeColumn } from "./sniff.ts";

const unknownColumns = (subject: string, record: readonly string[]) =>
  new DataError(
    "DATA_COLUMNS_UNKNOWN",
    `${subject}: got ${record.length} ${record.length === 1 ? "column" : "columns"} without known names, expected user, ` +
      "item, time in columns that can be told apart. Number them: --columns user=1,item=2,time=3 (or correct --delimiter)",
  );

/** Where a table has what. */
export interface Layout extends Places {
  /** Whether the first record names the columns. */
  header: boolean;
  /** Fields of a sound record. */
  width: number;
  /** What was guessed, a readable line each. */
  guesses: string[];
}

// Ratings are small numbers; a larger one is rather an id.
const HIGHEST_RATING = 100;

/**
 * Lays out a table from its first lines and the options.
 * @param head whole lines, mostly
 * @throws DataError `DATA_COLUMN_MISSING`, `DATA_COLUMN_AMBIGUOUS`, `DATA_COLUMNS_UNKNOWN`
 * @throws UsageError `COLUMNS_INVALID`
 */
export function layOut(head: string, delimiter: string, options: ReadOptions, subject: string): Layout {
  const records = sampleRecords(head, delimiter);
  const columns = options.columns === undefined ? undefined : parseColumns(options.columns);
  const header = options.header ?? ((columns !== undefined && !areNumbers(columns)) || hasHeader(records));
  const names = header ? (records[0] ?? []).map((name) => name.trim()) : undefined;
  const body = header ? records.slice(1) : records;
  const width = names?.length ?? commonWidth(body);

  const places = columns
    ? namedPlaces(subject, columns, names, width)
    : names
      ? usualPlaces(names)
      : placesByValues(subject, body, width);
  requireUserAndItem(subject, places, names, width);

  return { ...places, header, width, guesses: describeColumns(places, names, columns !== undefined) };
}

/** Describes what was told from the columns, a readable line each. @param isNamed whether the caller named them */
export function describeColumns(places: Places, names: readonly string[] | undefined, isNamed: boolean): string[] {
  const guesses = isNamed ? [] : [describe(places, names)];
  if (places.time < 0) guesses.push(`time: no column ${isNamed ? "named" : "found"}, the order of the rows counts`);
  return guesses;
}

// A first line with a usual name is a header; so is one that has words where all lines below have numbers or times.
function hasHeader(records: readonly string[][]): boolean {
  if (records.length === 0) return false;
  const [first, ...rest] = records;
  if (first.some((name) => usualRole(name) !== undefined)) return true;
  const width = commonWidth(rest);
  if (width !== first.length) return false;
  if (timeColumn(rest, width) >= 0 && timeColumn(records, width) < 0) return true;
  return first.some((name, column) => !isDecimal(name) && columnIs(rest, column, width, isDecimal));
}

// Without names: time is the column that looks like it, a column of small numbers after the ids is the rating.
function placesByValues(subject: string, records: readonly string[][], width: number): Places {
  const time = timeColumn(records, width);
  const others = Array.from({ length: width }, (_, column) => column).filter((column) => column !== time);
  const isRating = (text: string) => isDecimal(text) && Math.abs(Number(text)) <= HIGHEST_RATING;
  const rated = others.length === 3 && columnIs(records, others[2], width, isRating);
  if (others.length !== 2 && !rated) throw unknownColumns(subject, records[0] ?? []);
  return { user: others[0], item: others[1], rating: rated ? others[2] : -1, time };
}

function describe(places: Places, names: readonly string[] | undefined): string {
  const list = ROLES.filter((role) => places[role] >= 0)
    .map((role) => `${role}=${names ? names[places[role]] : places[role] + 1}`)
    .join(", ");
  return `columns: ${list} (guessed from the ${names ? "names" : "values"}; --columns overrides)`;
}
