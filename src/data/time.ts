// Times as text: seconds, milliseconds or ISO 8601, told apart by their values. Read by arithmetic, not by the host's
// Date: the same text gives the same seconds on every runtime and in every time zone.

/** How a column of times is written. */
export type TimeFormat = "s" | "ms" | "iso";

/** Each time format, and how it is called in a sentence. */
export const TIME_FORMATS: ReadonlyMap<string, string> = new Map([
  ["s", "seconds since 1970"],
  ["ms", "milliseconds since 1970"],
  ["iso", "ISO 8601"],
]);

// As seconds this is the year 5138, as milliseconds 3 March 1973.
const FIRST_MILLISECONDS = 1e11;

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/i;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Reads a time; blanks around it are ignored. @returns seconds since 1970, or NaN where the text is not of the format */
export function parseTime(text: string, format: TimeFormat): number {
  if (format === "iso") return parseIso(text);
  const value = parseDecimal(text);
  return format === "ms" ? value / 1000 : value;
}

/** Reads a decimal number. @returns the number, or NaN where the text is none (empty, hexadecimal, infinite) */
export function parseDecimal(text: string): number {
  const trimmed = text.trim();
  const value = DECIMAL.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

/**
 * Reads `YYYY-MM-DD`, with or without `HH:MM[:SS[.fraction]]` after `T` or a space, and `Z`, `UTC` or an offset after it.
 * A time without zone is UTC.
 * @returns seconds since 1970, or NaN where the text is not such a time (30 February included)
 */
export function parseIso(text: string): number {
  const match = ISO.exec(text.trim());
  if (match === null) return Number.NaN;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  if (month < 1 || month > 12 || day < 1 || day > MONTH_DAYS[month - 1] + (leap && month === 2 ? 1 : 0))
    return Number.NaN;
  // 60 is a leap second; it counts as the second after.
  if (hour > 23 || minute > 59 || second > 60) return Number.NaN;
  const fraction = match[7] === undefined ? 0 : Number(`0.${match[7]}`);
  return daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second + fraction - offset(match[8]);
}

/**
 * Tells how times are written, from some of them. Numbers are milliseconds where most are 1e11 or more.
 * @returns the format that at least half of the values have (blank ones do not count), or undefined
 */
export function guessTimeFormat(values: readonly string[]): TimeFormat | undefined {
  let blank = 0;
  let decimal = 0;
  let large = 0;
  let iso = 0;
  for (const text of values) {
    const value = parseDecimal(text);
    if (text.trim() === "") blank++;
    else if (!Number.isNaN(value)) {
      decimal++;
      if (isMilliseconds(value)) large++;
    } else if (!Number.isNaN(parseIso(text))) iso++;
  }
  if (Math.max(decimal, iso) * 2 < values.length - blank) return undefined;
  if (iso > decimal) return "iso";
  return large * 2 > decimal ? "ms" : "s";
}

/** Tells whether a number is rather milliseconds than seconds since 1970: 1e11 or more, either sign. */
export function isMilliseconds(value: number): boolean {
  return Math.abs(value) >= FIRST_MILLISECONDS;
}

/** Writes seconds since 1970 as `YYYY-MM-DD`, or as the number where no calendar reaches (beyond 275,000 years). */
export function formatDay(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().split("T")[0];
}

function offset(zone: string | undefined): number {
  if (zone === undefined || !/^[+-]/.test(zone)) return 0;
  const seconds = Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(3).replace(":", "")) * 60;
  return zone[0] === "-" ? -seconds : seconds;
}

// Gregorian calendar; the year starts in March so that the leap day is its last (Howard Hinnant, days_from_civil).
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
