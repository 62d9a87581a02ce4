// Pieces that the messages of this folder share. Names and values from a file are hostile: they are shown quoted, escaped
// and cut, so that a message stays one line and cannot steer a terminal.

const LONGEST_QUOTE = 60;
// Controls (C0 is escaped by JSON already), line separators, and marks that reorder text on a terminal.
const UNSAFE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** What to do about a damaged file; ends most messages. */
export const GET_A_FRESH_COPY = "Copy or download the file again, or train the model again.";

/**
 * Quotes a text from a file for a message: double quotes, escapes, at most 60 characters.
 * @param text any string
 */
export function quote(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(shown).replace(UNSAFE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Writes a number with thousands separators, such as `49,152`.
 * @param value whole or not, any size
 */
export function digits(value: number | bigint): string {
  return value.toLocaleString("en-US");
}
