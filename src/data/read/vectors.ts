// Vectors from a file: separated values `id,v1,…,vD` with or without a header, or JSONL {"id": …, "vector": […]}.

import { pipeline, Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { DataError } from "../../errors.ts";
import { parseDecimal } from "../time.ts";
import { type Vectors, VectorsBuilder } from "../vectors.ts";
import { quote } from "../words.ts";
import { readBlocks } from "./lines.ts";
import type { ReadOptions } from "./options.ts";
import { detectDelimiter } from "./sniff.ts";
import { LONGEST_LINE_BYTES, openSource, type Source } from "./source.ts";

const missing = (path: string) =>
  new DataError("DATA_FILE_MISSING", `${path}: got no such file, expected a file of vectors. Check the path.`);
const notUtf8 = (place: string) =>
  new DataError("VECTORS_INVALID", `${place}: got bytes that are not UTF-8, expected text. Convert the file.`);
const notJson = (place: string, got: string) =>
  new DataError(
    "VECTORS_INVALID",
    `${place}: got ${quote(got)}, expected {"id": "…", "vector": [numbers]}. Correct or drop the line.`,
  );
const notTable = (subject: string, why: string) =>
  new DataError("VECTORS_INVALID", `${subject}: not separated values (${why}). Correct the quotes, or drop them.`);
const badNumber = (place: string, column: number, got: string) =>
  new DataError(
    "VECTORS_VALUE",
    `${place}: got ${quote(got)} as number ${column}, expected a finite 32-bit number. Correct or drop the line.`,
  );

/** How programs write numbers that are none: no name of a column. */
const NOT_A_NAME = /^[+-]?(nan|inf|infinity|null|none|)$/i;

/**
 * Reads vectors: comma, tab, semicolon, bar or space between an id and its numbers (quoted where needed; a header, or the
 * counts word2vec writes there, is told from the first two lines), or JSONL. Gzip is known by its first bytes. As a stream:
 * memory grows with the numbers kept.
 * @param path a file, or `-` for standard input
 * @throws DataError of the file (`DATA_FILE_MISSING`, `DATA_EMPTY`, …), or of a line: `VECTORS_INVALID`, `VECTORS_WIDTH`,
 * `VECTORS_VALUE`, `VECTORS_DUPLICATE`; `VECTORS_EMPTY` for a header alone
 */
export async function readVectors(path: string, options: Pick<ReadOptions, "stdin"> = {}): Promise<Vectors> {
  const source = await openSource(path, options).catch((error: unknown) => {
    throw error instanceof DataError && error.code === "DATA_FILE_MISSING" ? missing(path) : error;
  });
  try {
    const builder = new VectorsBuilder();
    if (source.headText().trimStart().startsWith("{")) await readJsonLines(source, builder);
    else await readTable(source, builder);
    return builder.build(source.subject);
  } finally {
    await source.close();
  }
}

async function readJsonLines(source: Source, builder: VectorsBuilder): Promise<void> {
  for await (const { text, firstLine } of textBlocks(source)) {
    text.split("\n").forEach((line, index) => {
      if (line.trim() === "") return;
      const place = `${source.subject}: line ${firstLine + index}`;
      let entry: { id?: unknown; vector?: unknown } | null;
      try {
        entry = JSON.parse(line);
      } catch {
        throw notJson(place, line);
      }
      if (!Array.isArray(entry?.vector)) throw notJson(place, line);
      // Logs turn numbers into ids by the same rule.
      const id = typeof entry.id === "number" ? String(entry.id) : entry.id;
      builder.add(id, entry.vector, place);
    });
  }
}

async function readTable(source: Source, builder: VectorsBuilder): Promise<void> {
  const delimiter = source.extension === ".tsv" ? "\t" : (detectDelimiter(source.headText()) ?? " ");
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE_BYTES,
  });
  // pipeline hands errors and early ends on; they all surface in the loop below.
  pipeline(Readable.from(texts(source)), parser, () => {});
  const add = ({ line, fields }: TableRow) => {
    const place = `${source.subject}: line ${line}`;
    const numbers = fields.slice(1).map((text, index) => {
      const value = parseDecimal(text);
      if (Number.isNaN(value)) throw badNumber(place, index + 1, text);
      return value;
    });
    builder.add(fields[0], numbers, place);
  };
  let first: TableRow | undefined;
  let rows = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      // Writers of spaced vectors like to end a line with one.
      const fields = delimiter === " " && record[record.length - 1] === "" ? record.slice(0, -1) : record;
      const row = { line: info.lines, fields };
      rows++;
      if (rows === 1) first = row;
      else {
        if (first && !isHeader(first.fields, fields)) add(first);
        first = undefined;
        add(row);
      }
    }
  } catch (error) {
    // csv-parse quotes what it found as it is, line ends included.
    throw error instanceof CsvError ? notTable(source.subject, error.message.replace(/\p{Cc}+/gu, " ")) : error;
  }
  if (first && !isHeader(first.fields, undefined)) add(first);
}

interface TableRow {
  line: number;
  fields: string[];
}

/** Tells whether a first line names columns, or counts vectors and their numbers as word2vec does. */
function isHeader(first: readonly string[], second: readonly string[] | undefined): boolean {
  const values = first.slice(1).map((text) => text.trim());
  if (values.length > 0 && values.every((text) => Number.isNaN(parseDecimal(text)) && !NOT_A_NAME.test(text))) {
    return true;
  }
  const counts = first.length === 2 && first.every((text) => /^\d+$/.test(text));
  return counts && second !== undefined && second.length !== 2 && Number(first[1]) === second.length - 1;
}

async function* textBlocks(source: Source): AsyncGenerator<{ text: string; firstLine: number }> {
  for await (const block of readBlocks(source)) {
    if (block.notUtf8.length > 0) throw notUtf8(`${source.subject}: line ${block.notUtf8[0]}`);
    yield { text: block.bytes.toString("utf8"), firstLine: block.firstLine };
  }
}

async function* texts(source: Source): AsyncGenerator<string> {
  for await (const { text } of textBlocks(source)) yield text;
}
