import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readLog } from "../../../src/data/read/index.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();

test("the extension decides, without .gz and in any case; other names are sniffed", async () => {
  const tabs = "user\titem,name\nu\ta\n";
  // As tsv there is a column "item,name", unknown; as csv a column "user\titem", unknown too: the columns tell the delimiter.
  for (const [name, columns] of [
    ["log.tsv", '"user", "item,name"'],
    ["log.TSV.gz", '"user", "item,name"'],
    ["log.txt", '"user", "item,name"'],
    ["log", '"user", "item,name"'],
  ]) {
    const error = await errorOf(readLog(file(name, name.endsWith(".gz") ? gzipSync(tabs) : tabs)));
    expect([name, error.message.includes(columns)]).toEqual([name, true]);
  }
  expect((await readLog(file("semicolon.csv", "user;item\nu;a\n"))).log.length).toBe(1);
  expect((await readLog(file("tabs.data", "196\t242\t3\t881250949\n"))).log.length).toBe(1);
});

test("what is no text log is refused by name", async () => {
  for (const [bytes, name] of [
    [Buffer.from("PAR1\x15\x04\x15"), "a Parquet file"],
    [Buffer.from("PK\x03\x04 sheet"), "a zip archive or spreadsheet"],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1]), "a file compressed with zstd"],
    [Buffer.from("BZh91AY&SY"), "a file compressed with bzip2"],
    [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 1]), "a file compressed with xz"],
    [Buffer.from("\uFEFFuser,item\n", "utf16le"), "UTF-16 text"],
    [Buffer.from("a\0b"), "a binary file"],
    [Buffer.from('[{"user": 1}]\n'), "JSON"],
    [Buffer.from('\uFEFF [\n  ["u", "i"]\n]\n'), "JSON"],
    [Buffer.from('{\n  "user": 1\n}\n'), "JSON"],
  ] as const) {
    const error = await errorOf(readText(bytes));
    expect(error).toBeInstanceOf(DataError);
    expect([error.code, error.message]).toEqual([
      "DATA_FORMAT",
      `standard input: got ${name}, expected one of jsonl, sequences, tsv, csv. Convert it to one of them.`,
    ]);
  }
});

test("text without any delimiter shows its first line", async () => {
  const error = await errorOf(readText("one\ntwo\n"));
  expect([error.code, error.message]).toEqual([
    "DATA_FORMAT",
    'standard input: got the first line "one", expected one of jsonl, sequences, tsv, csv. Name its --format.',
  ]);
});

test("JSON that another format was asked for is named with the way to read it", async () => {
  for (const format of ["csv", "tsv", "sequences"] as const) {
    const error = await errorOf(readText('{"user": 1, "item": 2}\n', { format }));
    expect([error.code, error.message]).toEqual([
      "DATA_FORMAT",
      "standard input: got JSON, expected one of jsonl, sequences, tsv, csv. " +
        "If it holds an object a line, read it with --format jsonl.",
    ]);
  }
});
