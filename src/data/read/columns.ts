// Which column means what: what the caller says, or what the usual names say.

import { DataError, UsageError } from "../../errors.ts";
import { quote } from "../words.ts";

const badColumns = (got: string, why: string) =>
  new UsageError(
    "COLUMNS_INVALID",
    `--columns: got ${quote(got)} (${why}), expected user=…,item=…[,time=…][,rating=…], each a column name or a ` +
      "number from 1. Correct the value.",
  );
const badDelimiter = (got: string) =>
  new UsageError(
    "DELIMITER_INVALID",
    `--delimiter: got ${quote(got)}, expected one or more characters without quote or line end. Correct the value.`,
  );
const missingColumn = (subject: string, wanted: string, columns: readonly string[] | number) =>
  new DataError(
    "DATA_COLUMN_MISSING",
    typeof columns === "number"
      ? `${subject}: got ${columns} columns without names, expected ${wanted}. Number them: --columns user=1,item=2,time=3`
      : `${subject}: got the columns ${listed(columns)}, expected ${wanted}. ` +
          "Name them: --columns user=…,item=…,time=…",
  );
const ambiguousColumn = (subject: string, name: string, numbers: readonly number[]) =>
  new DataError(
    "DATA_COLUMN_AMBIGUOUS",
    `${subject}: got ${numbers.length} columns called ${quote(name)} (${numbers.join(", ")}), expected one. ` +
      "Use its number in --columns.",
  );

const MOST_LISTED = 50;

function listed(names: readonly string[]): string {
  return names.slice(0, MOST_LISTED).map(quote).join(", ") + (names.length > MOST_LISTED ? ", …" : "");
}
const noRating = (subject: string, width: number) =>
  new DataError(
    "DATA_COLUMN_MISSING",
    `${subject}: got ${width} columns, none of them a rating, expected one for the task rating. ` +
      "Name it: --columns user=…,item=…,time=…,rating=…",
  );

/** What a column can mean. */
export type Role = "user" | "item" | "time" | "rating";

/** The roles, in the order in which they are printed. */
export const ROLES: readonly Role[] = ["user", "item", "rating", "time"];

/** The place of each role's column, from 0; -1 where there is none. */
export type Places = Record<Role, number>;

// The most telling name first. Compared in lower case, letters and digits only: "User-ID" is "userid".
const USUAL_NAMES: Readonly<Record<Role, readonly string[]>> = {
  user: words(`user userid uid username customer customerid customerno customernumber client clientid visitor visitorid
    reviewer reviewerid buyer buyerid member memberid account accountid profileid personid session sessionid`),
  item: words(`item itemid iid product productid productno movie movieid parentasin asin sku skuid stockcode article
    articleid itemno book bookid isbn song songid track trackid artist artistid business businessid game gameid video
    videoid news newsid content contentid`),
  time: words(`time timestamp ts unixtimestamp unixreviewtime datetime date eventtime eventdate eventts eventtimestamp
    createdat created reviewtime invoicedate orderdate purchasedate transactiondate`),
  rating: words("rating ratings score stars overall"),
};

/** Tells what a column's name usually means, or undefined. RecBole's suffixes (`user_id:token`) are left out. */
export function usualRole(name: string): Role | undefined {
  return ROLES.find((role) => rank(role, name) >= 0);
}

/** Finds the columns with usual names; of several, the most telling name wins, then the first column. */
export function usualPlaces(names: readonly string[]): Places {
  const place = (role: Role) => {
    let best = -1;
    for (let at = 0; at < names.length; at++) {
      const own = rank(role, names[at]);
      if (own >= 0 && (best < 0 || own < rank(role, names[best]))) best = at;
    }
    return best;
  };
  return { user: place("user"), item: place("item"), time: place("time"), rating: place("rating") };
}

/**
 * Reads `--columns`: `user=…,item=…[,time=…][,rating=…]`, in any order. A name may hold commas.
 * @throws UsageError `COLUMNS_INVALID`
 */
export function parseColumns(text: string): ReadonlyMap<Role, string> {
  const columns = new Map<Role, string>();
  for (const part of text.split(/,(?=\s*(?:user|item|time|rating)\s*=)/)) {
    const [, role, column] = /^\s*([^=]*?)\s*=(.*)$/s.exec(part) ?? [];
    if (role === undefined) throw badColumns(text, `${quote(part)} is not role=column`);
    if (!isRole(role)) throw badColumns(text, `${quote(role)} is none of ${ROLES.join(", ")}`);
    if (columns.has(role)) throw badColumns(text, `${role} twice`);
    if (column === "") throw badColumns(text, `${role} is empty`);
    if (/^\d+$/.test(column) && Number(column) === 0) throw badColumns(text, "columns count from 1");
    columns.set(role, column);
  }
  for (const role of ["user", "item"] as const) {
    if (!columns.has(role)) throw badColumns(text, `no ${role}`);
  }
  return columns;
}

/** Tells whether all columns of a `--columns` value are numbers, so that it works without a header. */
export function areNumbers(columns: ReadonlyMap<Role, string>): boolean {
  return [...columns.values()].every((column) => /^\d+$/.test(column));
}

/**
 * Finds the columns that `--columns` names. A number is a place from 1; a name has to match one column of the header,
 * exactly or else without regard to case.
 * @param names the header, or undefined where there is none
 * @param width number of columns; undefined where they have names only, and a number is one
 * @throws DataError `DATA_COLUMN_MISSING`, `DATA_COLUMN_AMBIGUOUS`
 */
export function namedPlaces(
  subject: string,
  columns: ReadonlyMap<Role, string>,
  names: readonly string[] | undefined,
  width: number | undefined,
): Places {
  const place = (role: Role) => {
    const column = columns.get(role);
    if (column === undefined) return -1;
    if (width !== undefined && /^\d+$/.test(column)) {
      if (Number(column) <= width) return Number(column) - 1;
      throw missingColumn(subject, `a column ${column} for the ${role}`, names ?? width);
    }
    for (const same of [(a: string) => a, (a: string) => a.toLowerCase()]) {
      const found = (names ?? []).flatMap((name, at) => (same(name) === same(column) ? [at] : []));
      if (found.length === 1) return found[0];
      if (found.length > 1)
        throw ambiguousColumn(
          subject,
          column,
          found.map((at) => at + 1),
        );
    }
    throw missingColumn(subject, `${quote(column)} for the ${role}`, names ?? width ?? 0);
  };
  return { user: place("user"), item: place("item"), time: place("time"), rating: place("rating") };
}

/**
 * Insists on user and item.
 * @throws DataError `DATA_COLUMN_MISSING` that lists the columns found
 */
export function requireUserAndItem(
  subject: string,
  places: Places,
  names: readonly string[] | undefined,
  width: number,
): void {
  const missing = (["user", "item"] as const).filter((role) => places[role] < 0);
  if (missing.length > 0)
    throw missingColumn(subject, `a ${missing.join(" and an ")} column`.replace("a item", "an item"), names ?? width);
}

/**
 * Checks that there is a rating column.
 * @throws DataError `DATA_COLUMN_MISSING`
 */
export function requireRating(subject: string, { rating, width }: { rating: number; width: number }): void {
  if (rating < 0) throw noRating(subject, width);
}

/**
 * Reads `--delimiter`: the characters themselves, or `tab` or `\\t`.
 * @throws UsageError `DELIMITER_INVALID`
 */
export function parseDelimiter(text: string): string {
  const delimiter = text === "tab" || text === "\\t" ? "\t" : text;
  if (delimiter === "" || /["\r\n]/.test(delimiter)) throw badDelimiter(text);
  return delimiter;
}

function rank(role: Role, name: string): number {
  const plain = name
    .replace(/:\w+$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");
  return USUAL_NAMES[role].indexOf(plain);
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

function words(text: string): string[] {
  return text.split(/\s+/);
}
