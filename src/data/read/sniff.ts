// What the first lines of a text tell: records, delimiter, columns that look like times.

import { guessTimeFormat, parseDecimal } from "../time.ts";
import { usualRole } from "./columns.ts";

// In order of trust where several fit: a tab is hardly ever text, a comma often is.
const DELIMITERS = ["\t", "::", ";", "|", ","];

const QUOTED_FIELD = /(^|[\t:;|,])"(?:[^"]|"")*"(?=[\t:;|,\r\n]|$)/gm;

/** Records that the sniffers look at. */
export const SAMPLE_RECORDS = 100;

/**
 * Splits text into records, tolerantly and for a look only: quoted as in RFC 4180, blank lines left out.
 * @returns at most 100 records
 */
export function sampleRecords(text: string, delimiter: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  while (at < text.length && records.length < SAMPLE_RECORDS) {
    let field = "";
    if (text[at] === '"') {
      const close = closingQuote(text, at);
      // The head may end inside a quoted field; what came before it is enough.
      if (close < 0) return records;
      field = text.slice(at + 1, close).replaceAll('""', '"');
      at = close + 1;
    }
    const start = at;
    while (at < text.length && text[at] !== "\n" && !text.startsWith(delimiter, at)) at++;
    const ends = at >= text.length || text[at] === "\n";
    field += text.slice(start, ends && text[at - 1] === "\r" && at > start ? at - 1 : at);
    record.push(field);
    at += ends ? 1 : delimiter.length;
    // A delimiter that ends the text still has an empty field after it.
    if (!ends && at >= text.length) record.push("");
    if (ends || at >= text.length) {
      if (record.length > 1 || record[0] !== "") records.push(record);
      record = [];
    }
  }
  return records;
}

/**
 * Tells the delimiter: the one that cuts most records, at least half of them and the first among them, into the same
 * number of fields; of equals, the first of tab, `::`, semicolon, bar, comma.
 */
export function detectDelimiter(text: string): string | undefined {
  let best: string | undefined;
  let bestShare = 0.5;
  // What stands in quotes must not count, and where a field starts depends on the delimiter that is looked for.
  const bare = text.replace(QUOTED_FIELD, "$1");
  for (const delimiter of DELIMITERS) {
    if (!bare.includes(delimiter)) continue;
    const records = sampleRecords(bare, delimiter);
    const width = commonWidth(records);
    if (records.length === 0 || records[0].length < 2 || width < 2) continue;
    const share = records.filter((record) => record.length === width).length / records.length;
    if (share > bestShare || (best === undefined && share === bestShare)) {
      best = delimiter;
      bestShare = share;
    }
  }
  return best;
}

/**
 * Tells whether lines of single-spaced words are a table rather than sequences: all of the same number of words, and
 * either usual column names in the first line or a column of times.
 */
export function looksLikeSpacedTable(text: string): boolean {
  const records = sampleRecords(text, " ");
  const width = commonWidth(records);
  if (width < 2 || records.some((record) => record.length !== width)) return false;
  return records[0].some((name) => usualRole(name) !== undefined) || timeColumn(records, width) >= 0;
}

/** Returns the most frequent number of fields; of equals the larger. 0 without records. */
export function commonWidth(records: readonly (readonly string[])[]): number {
  const counts = new Map<number, number>();
  let width = 0;
  for (const { length } of records) {
    const count = (counts.get(length) ?? 0) + 1;
    counts.set(length, count);
    const most = counts.get(width) ?? 0;
    if (count > most || (count === most && length > width)) width = length;
  }
  return width;
}

/**
 * Finds the column whose values are points in time between 1990 and 2100: the last one with ISO 8601, or else the last one
 * with seconds or milliseconds. @returns its place, or -1
 */
export function timeColumn(records: readonly (readonly string[])[], width: number): number {
  for (const kind of [isIsoTime, isUnixTime]) {
    for (let column = width - 1; column >= 0; column--) {
      if (columnIs(records, column, width, kind)) return column;
    }
  }
  return -1;
}

/** Tells whether all values of a column are of a kind; records of another width do not count. */
export function columnIs(
  records: readonly (readonly string[])[],
  column: number,
  width: number,
  kind: (text: string) => boolean,
): boolean {
  const whole = records.filter((record) => record.length === width);
  return whole.length > 0 && whole.every((record) => kind(record[column]));
}

/** Tells whether a text is a decimal number. */
export function isDecimal(text: string): boolean {
  return !Number.isNaN(parseDecimal(text));
}

function isIsoTime(text: string): boolean {
  return text.trim() !== "" && guessTimeFormat([text]) === "iso";
}

function isUnixTime(text: string): boolean {
  const value = parseDecimal(text);
  const seconds = value >= 1e11 ? value / 1000 : value;
  return seconds >= 631_152_000 && seconds < 4_102_444_800;
}

function closingQuote(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}
