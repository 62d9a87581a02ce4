import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readLog } from "../../../src/data/read/index.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf, eventsOf, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();
const TEXT = "user,item,time\nu,a,1\nu,b,2\n";
const EVENTS = [
  ["u", "a", 1],
  ["u", "b", 2],
];

test("gzip is known by its first bytes, whatever the name, also on standard input and in several members", async () => {
  const zipped = gzipSync(TEXT);
  const members = Buffer.concat([gzipSync(TEXT.slice(0, 17)), gzipSync(TEXT.slice(17))]);
  expect(eventsOf((await readLog(file("a.csv.gz", zipped))).log)).toEqual(EVENTS);
  expect(eventsOf((await readLog(file("b.csv", zipped))).log)).toEqual(EVENTS);
  expect(eventsOf((await readLog(file("plain.csv.gz", TEXT))).log)).toEqual(EVENTS);
  expect(eventsOf((await readLog(file("members.csv.gz", members))).log)).toEqual(EVENTS);
  for (const chunkBytes of [1, 10, 65_536]) {
    expect(eventsOf((await readText(zipped, {}, chunkBytes)).log)).toEqual(EVENTS);
  }
});

test("gzip cut anywhere is a data error that says so, never a shorter log", async () => {
  const zipped = gzipSync(Array.from({ length: 50 }, (_, row) => `u${row},i${row * 7919},${row}\n`).join(""));
  expect((await readText(zipped)).log.length).toBe(50);
  for (let bytes = 1; bytes < zipped.length; bytes++) {
    const error = await errorOf(readText(zipped.subarray(0, bytes), { format: "csv", header: false }));
    expect([bytes, error.code]).toEqual([bytes, "DATA_GZIP_TRUNCATED"]);
    expect(error).toBeInstanceOf(DataError);
  }
});

test("gzip with flipped bits is a data error", async () => {
  const zipped = Buffer.from(gzipSync(TEXT.repeat(20)));
  zipped[zipped.length - 6] ^= 0xff; // in the checksum
  const error = await errorOf(readText(zipped));
  expect([error.code, error.message]).toEqual([
    "DATA_GZIP_DAMAGED",
    "standard input: got damaged gzip data (incorrect data check), expected a sound file. Copy or download it again.",
  ]);
});

test("a missing file, a directory and an empty file are each named for what they are", async () => {
  const empty = file("empty.csv", "");
  const folder = join(dirname(empty), "folder.csv");
  mkdirSync(folder);
  for (const [path, code] of [
    [join(folder, "missing.csv"), "DATA_FILE_MISSING"],
    [join(empty, "below-a-file.csv"), "DATA_FILE_MISSING"],
    [folder, "DATA_FILE_DIRECTORY"],
    [empty, "DATA_EMPTY"],
    [file("empty.csv.gz", gzipSync("")), "DATA_EMPTY"],
    ["a\0b", "DATA_FILE_UNREADABLE"],
  ]) {
    const error = await errorOf(readLog(path));
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe(code);
    expect(error.message.startsWith(`${path}: got `)).toBe(true);
    expect(error.message).toMatch(/^[^\n]*, expected [^\n]*\. [^\n]*\.$/);
  }
});

test("a stream that breaks off is a data error with its cause", async () => {
  const stdin = new PassThrough();
  stdin.write(TEXT);
  const reading = errorOf(readLog("-", { stdin }));
  stdin.destroy(Object.assign(new Error("input/output error"), { code: "EIO" }));
  const error = await reading;
  expect([error.code, error.message.split(",")[0]]).toEqual(["DATA_FILE_UNREADABLE", "standard input: got EIO"]);
});

test("standard input that gives strings is read as well", async () => {
  expect(eventsOf((await readLog("-", { stdin: Readable.from([TEXT.slice(0, 20), TEXT.slice(20)]) })).log)).toEqual(
    EVENTS,
  );
});

test("progress counts the stored bytes up to the size of the file", async () => {
  const zipped = gzipSync(TEXT);
  const seen: [number, number | undefined][] = [];
  await readLog(file("progress.csv.gz", zipped), { onProgress: (bytes, total) => seen.push([bytes, total]) });
  expect(seen.at(-1)).toEqual([zipped.length, zipped.length]);
  seen.length = 0;
  await readText(TEXT, { onProgress: (bytes, total) => seen.push([bytes, total]) }, 10);
  expect(seen).toEqual([
    [10, undefined],
    [20, undefined],
    [TEXT.length, undefined],
  ]);
});

test("what onProgress throws reaches the caller as it is, and the source is closed", async () => {
  const stop = new Error("stop");
  const stdin = Readable.from([Buffer.from(TEXT), Buffer.from(TEXT)]);
  const options = {
    stdin,
    onProgress: () => {
      throw stop;
    },
  };
  expect(await errorOf(readLog("-", options))).toBe(stop);
  expect(stdin.destroyed).toBe(true);
});

test("a long source is read with bounded buffers: never more than a few chunks ahead of the parser", async () => {
  const chunk = Buffer.from("u,a,1\n".repeat(11_000)); // 66 kB
  let given = 0;
  let most = 0;
  let counted = 0;
  async function* chunks() {
    for (let at = 0; at < 200; at++) {
      given += chunk.length;
      most = Math.max(most, given - counted);
      yield chunk;
    }
  }
  const { log } = await readLog("-", {
    stdin: Readable.from(chunks(), { objectMode: false, highWaterMark: 65_536 }),
    onProgress: (bytes) => {
      counted = bytes;
    },
  });
  expect(log.length).toBe(200 * 11_000);
  expect(most).toBeLessThan(8 * chunk.length);
});
