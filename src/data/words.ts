// How numbers and values are written in messages and reports.

// No text of a message is longer than this, whatever the data holds.
const LONGEST_QUOTE = 60;

/** Writes a number with thousands separators, up to 3 decimals: `100,000`. */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

/** Writes any value on one line for a message: strings in quotes and cut after 60 characters, the rest as JavaScript shows it. */
export function quote(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}…` : value);
  }
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date && Number.isNaN(value.getTime())) return "an invalid Date";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}
