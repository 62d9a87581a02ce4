// Where bytes come from: a file or standard input, unzipped where they are gzip, with the first ones looked at in advance.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError } from "../../errors.ts";
import type { ReadOptions } from "./options.ts";

const missing = (subject: string) =>
  new DataError("DATA_FILE_MISSING", `${subject}: got no such file, expected an interaction log. Check the path.`);
const directory = (subject: string) =>
  new DataError("DATA_FILE_DIRECTORY", `${subject}: got a directory, expected a file. Name one file in it.`);
const unreadable = (subject: string, cause: string) =>
  new DataError(
    "DATA_FILE_UNREADABLE",
    `${subject}: got ${cause}, expected a readable file. Check file and permissions.`,
  );
const empty = (subject: string) =>
  new DataError("DATA_EMPTY", `${subject}: got 0 bytes, expected at least one row. Check the source of the data.`);
const truncatedGzip = (subject: string) =>
  new DataError(
    "DATA_GZIP_TRUNCATED",
    `${subject}: got gzip data that stops before its end, expected a whole file. Copy or download it again.`,
  );
const damagedGzip = (subject: string, cause: string) =>
  new DataError(
    "DATA_GZIP_DAMAGED",
    `${subject}: got damaged gzip data (${cause}), expected a sound file. Copy or download it again.`,
  );

/** A line that is longer than this many bytes is taken for a file of another kind. */
export const LONGEST_LINE_BYTES = 67_108_864;

const READ_BYTES = 262_144;
const HEAD_BYTES = 65_536;
// Enough lines to see a header and the values below it, even where one line is larger than the head.
const HEAD_LINES = 3;

/** An opened source. */
export interface Source {
  /** How messages call it: the path, or `standard input`. */
  readonly subject: string;
  /** Extension in lower case, without `.gz`: `.csv`; empty where there is none. */
  readonly extension: string;
  /** First bytes, unzipped: 64 KiB and 3 lines, or all there is. */
  readonly head: Buffer;
  /** Returns the head as text without byte order mark, cut to whole lines where the source goes on. */
  headText(): string;
  /** Iterates over all bytes, unzipped, head included; once. @throws DataError when the source breaks off */
  bytes(): AsyncGenerator<Buffer>;
  /** Gives up what is still open. */
  close(): Promise<void>;
}

/**
 * Opens a file, or standard input for `-`; gzip is known by its first bytes.
 * @throws DataError `DATA_FILE_MISSING`, `DATA_FILE_DIRECTORY`, `DATA_FILE_UNREADABLE`, `DATA_EMPTY`, `DATA_GZIP_TRUNCATED`, `DATA_GZIP_DAMAGED`
 */
export async function openSource(path: string, options: ReadOptions): Promise<Source> {
  const subject = path === "-" ? "standard input" : path;
  const { stream, size } =
    path === "-" ? { stream: options.stdin ?? process.stdin, size: undefined } : await open(path);
  const chunks = await unzipped(countedChunks(stream, subject, size, options.onProgress), subject);

  const parts: Buffer[] = [];
  let headBytes = 0;
  let lines = 0;
  let ended = false;
  while ((headBytes < HEAD_BYTES || lines < HEAD_LINES) && headBytes < LONGEST_LINE_BYTES) {
    const { value, done } = await chunks.next();
    if (done) {
      ended = true;
      break;
    }
    parts.push(value);
    headBytes += value.length;
    for (let at = value.indexOf(10); at >= 0 && lines < HEAD_LINES; at = value.indexOf(10, at + 1)) lines++;
  }
  if (headBytes === 0) throw empty(subject);
  const head = Buffer.concat(parts);

  return {
    subject,
    extension: extname(path.replace(/\.gz$/i, "")).toLowerCase(),
    head,
    headText() {
      const text = head.toString("utf8").replace(/^\uFEFF/, "");
      return ended ? text : text.slice(0, text.lastIndexOf("\n") + 1);
    },
    async *bytes() {
      yield head;
      yield* chunks;
    },
    async close() {
      await chunks.return(undefined);
      if (path !== "-") stream.destroy();
    },
  };
}

async function open(path: string): Promise<{ stream: Readable; size: number | undefined }> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw directory(path);
    // A pipe or device has no size to tell.
    if (info.isFile() && info.size === 0) throw empty(path);
    return {
      stream: createReadStream(path, { highWaterMark: READ_BYTES }),
      size: info.isFile() ? info.size : undefined,
    };
  } catch (error) {
    if (error instanceof DataError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ENOENT" || code === "ENOTDIR" ? missing(path) : unreadable(path, code ?? String(error));
  }
}

async function* countedChunks(
  stream: Readable,
  subject: string,
  size: number | undefined,
  onProgress: ReadOptions["onProgress"],
): AsyncGenerator<Buffer> {
  let bytes = 0;
  const chunks = stream[Symbol.asyncIterator]();
  // By hand, because a loop would catch what onProgress throws along with what the stream does.
  const next = async () => {
    try {
      return await chunks.next();
    } catch (error) {
      throw unreadable(subject, (error as NodeJS.ErrnoException).code ?? String(error));
    }
  };
  try {
    for (let step = await next(); !step.done; step = await next()) {
      const { value } = step;
      // A stream that somebody set an encoding on gives strings.
      const buffer: Buffer = typeof value === "string" ? Buffer.from(value) : value;
      bytes += buffer.length;
      onProgress?.(bytes, size);
      if (buffer.length > 0) yield buffer;
    }
  } finally {
    await chunks.return?.();
  }
}

async function unzipped(chunks: AsyncGenerator<Buffer>, subject: string): Promise<AsyncGenerator<Buffer>> {
  let first = Buffer.alloc(0);
  while (first.length < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    first = Buffer.concat([first, value]);
  }
  // Both bytes of the magic number; the first one alone is a gzip file cut after one byte.
  const gzip = first[0] === 0x1f && (first.length === 1 || first[1] === 0x8b);
  const all = startingWith(first, chunks);
  return gzip ? gunzippedChunks(all, subject) : all;
}

async function* startingWith(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

async function* gunzippedChunks(chunks: AsyncGenerator<Buffer>, subject: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  // pipeline hands errors and early ends on in both directions; they all surface in the loop below.
  pipeline(Readable.from(chunks, { objectMode: false }), gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    if (error instanceof DataError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === "Z_BUF_ERROR" ? truncatedGzip(subject) : damagedGzip(subject, message);
  }
}
