// From bytes to blocks of whole lines, each line known to be UTF-8 or not.

import { isUtf8 } from "node:buffer";
import { DataError } from "../../errors.ts";
import { formatCount } from "../words.ts";
import { LONGEST_LINE_BYTES, type Source } from "./source.ts";

const longLine = (subject: string, line: number) =>
  new DataError(
    "DATA_LINE_LONG",
    `${subject}: line ${line}: got more than ${formatCount(LONGEST_LINE_BYTES)} bytes without a line end, ` +
      "expected a text file. Check what the file is.",
  );

/** Whole lines of a source. */
export interface Block {
  /** The lines with their ends; the last line of the source may lack its end. */
  readonly bytes: Buffer;
  /** Number of the first line in the source, from 1. */
  readonly firstLine: number;
  /** Numbers of the lines that are not UTF-8, ascending. */
  readonly notUtf8: readonly number[];
}

const NEWLINE = 10;

/**
 * Cuts a source into blocks of whole lines; a byte order mark at the start is left out.
 * @throws DataError `DATA_LINE_LONG` for a line beyond the limit
 */
export async function* readBlocks(source: Source): AsyncGenerator<Block> {
  let firstLine = 1;
  // A line that does not end in its chunk: joined once, when its end is met.
  let open: Buffer[] = [];
  let openBytes = 0;
  let start = true;
  for await (const chunk of source.bytes()) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const bytes = Buffer.concat([...open, chunk.subarray(0, end)]);
      const block = toBlock(start ? withoutMark(bytes) : bytes, firstLine);
      yield block;
      firstLine += countLines(block.bytes);
      start = false;
      open = [];
      openBytes = 0;
    }
    if (end < chunk.length) open.push(chunk.subarray(end));
    openBytes += chunk.length - end;
    if (openBytes > LONGEST_LINE_BYTES) throw longLine(source.subject, firstLine);
  }
  if (openBytes > 0) {
    const bytes = Buffer.concat(open);
    yield toBlock(start ? withoutMark(bytes) : bytes, firstLine);
  }
}

function toBlock(bytes: Buffer, firstLine: number): Block {
  const notUtf8: number[] = [];
  if (!isUtf8(bytes)) {
    let line = firstLine;
    for (let at = 0; at < bytes.length; line++) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      if (!isUtf8(bytes.subarray(at, end))) notUtf8.push(line);
      at = end;
    }
  }
  return { bytes, firstLine, notUtf8 };
}

function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = 0; at < bytes.length; at++) if (bytes[at] === NEWLINE) lines++;
  return lines;
}
