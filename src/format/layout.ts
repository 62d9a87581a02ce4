// Checks that the tensors of a header tile the data of the file: one after another, no hole, no overlap, nothing after the
// last. A byte that belongs to no tensor could hide a second file (a polyglot); a byte that belongs to two could be read as
// something it was never checked as. Works on numbers only; no data is read.

import { ModelError } from "../errors.ts";
import type { HeaderEntry } from "./header.ts";
import { tensorBytes } from "./tensor.ts";
import { digits, GET_A_FRESH_COPY, quote } from "./wording.ts";

const range = (entry: HeaderEntry) => `[${digits(entry.begin)}, ${digits(entry.end)}]`;
const at = (subject: string, entry: HeaderEntry) => `${subject}: tensor ${quote(entry.name)}`;
const reversed = (subject: string, entry: HeaderEntry) =>
  new ModelError(
    "MODEL_OFFSETS_REVERSED",
    `${at(subject, entry)} has data_offsets ${range(entry)}, expected begin ≤ end. ${GET_A_FRESH_COPY}`,
  );
const outOfRange = (subject: string, entry: HeaderEntry, dataBytes: number) =>
  new ModelError(
    "MODEL_OFFSETS_OUT_OF_RANGE",
    `${at(subject, entry)} has data_offsets ${range(entry)}, expected at most ${digits(dataBytes)}, the data bytes in the file. The file is cut short or damaged. ${GET_A_FRESH_COPY}`,
  );
const wrongLength = (subject: string, entry: HeaderEntry, bytes: number) =>
  new ModelError(
    "MODEL_OFFSETS_LENGTH",
    `${at(subject, entry)} has ${digits(entry.end - entry.begin)} bytes, expected ${digits(bytes)} for ${entry.dtype.toLowerCase()}[${entry.shape.join(",")}]. ${GET_A_FRESH_COPY}`,
  );
const overlap = (subject: string, entry: HeaderEntry, before: HeaderEntry) =>
  new ModelError(
    "MODEL_OFFSETS_OVERLAP",
    `${at(subject, entry)} has data_offsets ${range(entry)}, expected begin ${digits(before.end)}, where ${quote(before.name)} ends: they overlap. ${GET_A_FRESH_COPY}`,
  );
const hole = (subject: string, entry: HeaderEntry, expected: number) =>
  new ModelError(
    "MODEL_OFFSETS_HOLE",
    `${at(subject, entry)} has data_offsets ${range(entry)}, expected begin ${digits(expected)}: the bytes between belong to no tensor. ${GET_A_FRESH_COPY}`,
  );
const trailingBytes = (subject: string, got: number, expected: number) =>
  new ModelError(
    "MODEL_TRAILING_BYTES",
    `${subject}: file has ${digits(got)} data bytes, expected ${digits(expected)}, the end of its last tensor. ${GET_A_FRESH_COPY}`,
  );

/**
 * Checks every tensor alone (range, length) and all together (contiguous, up to the end of the file).
 * @param entries tensors of the header, in any order
 * @param dataBytes bytes of the file after the header
 * @param subject file name for messages
 * @returns the same tensors in the order of their data; tensors without elements come before what starts at the same byte
 * @throws ModelError `MODEL_OFFSETS_REVERSED`, `MODEL_OFFSETS_OUT_OF_RANGE`, `MODEL_OFFSETS_LENGTH`,
 * `MODEL_OFFSETS_OVERLAP`, `MODEL_OFFSETS_HOLE`, `MODEL_TRAILING_BYTES`, and those of `tensorBytes`
 */
export function checkLayout(entries: Iterable<HeaderEntry>, dataBytes: number, subject: string): HeaderEntry[] {
  const ordered = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  for (const entry of ordered) {
    const bytes = tensorBytes(subject, entry.name, entry.dtype, entry.shape);
    if (entry.end < entry.begin) throw reversed(subject, entry);
    if (entry.end > dataBytes) throw outOfRange(subject, entry, dataBytes);
    if (entry.end - entry.begin !== bytes) throw wrongLength(subject, entry, bytes);
  }
  let end = 0;
  let before: HeaderEntry | undefined;
  for (const entry of ordered) {
    if (before && entry.begin < end) throw overlap(subject, entry, before);
    if (entry.begin > end) throw hole(subject, entry, end);
    end = entry.end;
    before = entry;
  }
  if (end !== dataBytes) throw trailingBytes(subject, dataBytes, end);
  return ordered;
}
