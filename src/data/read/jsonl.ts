// JSON lines: an object a line, such as {"user":"ann","item":"sku-1","time":1764000000}. Blank lines are left out.

import { DataError } from "../../errors.ts";
import type { BadRowCause } from "../bad-rows.ts";
import { namedPlaces, parseColumns, type Role, requireUserAndItem, usualPlaces } from "./columns.ts";
import { type Format, refuseOptions } from "./format.ts";
import type { Intake } from "./intake.ts";
import { describeColumns } from "./layout.ts";
import { readBlocks } from "./lines.ts";
import { SAMPLE_RECORDS } from "./sniff.ts";

const noObject = (subject: string) =>
  new DataError(
    "DATA_NOT_JSON_LINES",
    `${subject}: got no JSON object in its first lines, expected one a line, such as {"user":"ann","item":"sku-1"}. ` +
      "Check the file, or name another --format.",
  );

/** A longer line is a bad row: a small one of them could be parsed into a hundred times its size. */
const LONGEST_JSON = 4_194_304;
/** Keys that are looked at; a row with more of them is odd, but may be read. */
const MOST_KEYS = 1000;

/** The format `jsonl`. */
export const jsonl: Format = {
  name: "jsonl",
  extensions: [".jsonl", ".ndjson"],
  sniffedAs: "JSON lines",

  sniff(head) {
    const lines = head.split("\n").filter((line) => line.trim() !== "");
    return lines[0]?.trimStart().startsWith("{") === true && sampleRows(lines).length > 0;
  },

  check(options) {
    if (options.columns !== undefined) parseColumns(options.columns);
    refuseOptions("jsonl", options, ["delimiter", "header"], "its lines are JSON objects");
  },

  async read(source, options, intake) {
    const rows = sampleRows(source.headText().split("\n"));
    if (rows.length === 0) throw noObject(source.subject);
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))].slice(0, MOST_KEYS);
    const places = options.columns
      ? namedPlaces(source.subject, parseColumns(options.columns), names, undefined)
      : usualPlaces(names);
    requireUserAndItem(source.subject, places, names, names.length);
    intake.guesses.push(...describeColumns(places, names, options.columns !== undefined));
    const keys = { user: names[places.user], item: names[places.item], time: names[places.time] };
    for await (const { bytes, firstLine, notUtf8 } of readBlocks(source)) {
      const bad = new Set(notUtf8);
      const lines = bytes.toString("utf8").split("\n");
      for (let at = 0; at < lines.length; at++) {
        if (lines[at].trim() === "") continue;
        intake.rows++;
        const cause = bad.has(firstLine + at) ? "not UTF-8" : takeRow(lines[at], firstLine + at, keys, intake);
        if (cause) intake.reject(cause, firstLine + at);
      }
    }
  },
};

/** Hands one row in. @returns why it cannot be used, where the intake does not say so itself */
function takeRow(
  text: string,
  line: number,
  keys: { user: string; item: string; time: string | undefined },
  intake: Intake,
): BadRowCause | undefined {
  if (text.length > LONGEST_JSON) return "line too long";
  const row = parse(text);
  if (row === undefined) return "not JSON";
  if (!isObject(row)) return "not an object";
  const roles: readonly Role[] = keys.time === undefined ? ["user", "item"] : ["user", "item", "time"];
  const values: Partial<Record<Role, string>> = {};
  for (const role of roles) {
    const key = keys[role as keyof typeof keys]!;
    // Keys such as __proto__ are data: only what the row itself has counts.
    if (!Object.hasOwn(row, key)) return "missing field";
    const value = row[key] ?? "";
    if (typeof value === "string") {
      // Half a surrogate pair, written \ud800, is no text: it could not be written to a model file.
      if (/[\ud800-\udfff]/u.test(value)) return "not UTF-8";
      values[role] = value;
    } else if (typeof value !== "number") {
      return "not text or number";
    } else if (role !== "time" && (Number.isInteger(value) ? !Number.isSafeInteger(value) : !Number.isFinite(value))) {
      // Two ids beyond 2^53 can be one number: quoted, they stay apart.
      return "number beyond 2^53";
    } else {
      values[role] = String(value);
    }
  }
  // Without times the position in the file is the time.
  intake.add(values.user!, values.item!, keys.time === undefined ? intake.rows : values.time!, line);
  return undefined;
}

/** Parses those of the first lines that hold an object. */
function sampleRows(lines: readonly string[]): Record<string, unknown>[] {
  return lines
    .slice(0, SAMPLE_RECORDS)
    .filter((line) => line.length <= LONGEST_JSON)
    .map(parse)
    .filter(isObject);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
