import { expect, test } from "vitest";
import { type ReadOptions, readLog } from "../../../src/data/read/index.ts";
import { DataError, UsageError } from "../../../src/errors.ts";
import { errorOf, eventsOf, HOSTILE_IDS, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();

test("a file is read into events in file order, with the guesses that were made", async () => {
  const path = file("log.csv", "user_id,item_id,timestamp\nann,sku-1,1764000000\nbob,sku-2,1764000060\n");
  const { log, quality, guesses } = await readLog(path);
  expect(eventsOf(log)).toEqual([
    ["ann", "sku-1", 1_764_000_000],
    ["bob", "sku-2", 1_764_000_060],
  ]);
  expect([quality.rows, quality.events]).toEqual([2, 2]);
  expect(guesses).toEqual([
    "format: comma-separated, with a header line (guessed from the first lines; --delimiter and --no-header override)",
    "columns: user=user_id, item=item_id, time=timestamp (guessed from the names; --columns overrides)",
    "time: seconds since 1970 (guessed from the first 2 values; --time-format overrides)",
  ]);
});

test("with every option given nothing is guessed", async () => {
  const { guesses } = await readText("a;1;5\n", {
    format: "csv",
    columns: "user=1,item=2,time=3",
    header: false,
    delimiter: ";",
    timeFormat: "s",
  });
  expect(guesses).toEqual([]);
});

test("without a time column the order of the rows counts, and the guesses say so", async () => {
  const { log, quality, guesses } = await readText("user,item\nu,b\nu,a\n");
  expect([...log.time]).toEqual([1, 2]);
  expect(quality.timeSpan).toBe(null);
  expect(guesses).toContain("time: no column found, the order of the rows counts");
});

test("all causes of bad rows are counted through the whole file, then refused in one line with the way on", async () => {
  const rows = Array.from({ length: 3000 }, (_, row) => `u,i,${1_764_000_000 + row}`);
  rows[0] = "u,i";
  rows[1] = ",i,1";
  rows[2] = "u,,1";
  rows[3] = "u,i,soon";
  rows[4] = "u,i,1,x";
  for (let row = 2990; row < 3000; row++) rows[row] = "u,i,later";
  const text = `user,item,time\n${rows.join("\n")}\n`;
  const error = await errorOf(readText(text));
  expect(error).toBeInstanceOf(DataError);
  expect(error.code).toBe("DATA_BAD_ROWS");
  expect(error.message).toBe(
    "standard input: got 15 bad rows of 3,000 (unreadable time: 11, first at lines 5, 2992, 2993, 2994, 2995; " +
      "empty item: 1, at line 4; empty user: 1, at line 3; extra field: 1, at line 6; missing field: 1, at line 2), " +
      "expected at most 0. Correct them, or go on without them: --max-bad-rows 15",
  );
  for (const maxBadRows of ["15", "0.5%"]) {
    const { quality } = await readText(text, { maxBadRows });
    expect([quality.rows, quality.events]).toEqual([3000, 2985]);
    expect(quality.badRows[0]).toEqual({ cause: "unreadable time", count: 11, lines: [5, 2992, 2993, 2994, 2995] });
  }
  expect((await errorOf(readText(text, { maxBadRows: "14" }))).code).toBe("DATA_BAD_ROWS");
});

test("bad options are usage errors, found before the file is opened", async () => {
  for (const [options, code, shown] of [
    [{ format: "xml" }, "FORMAT_UNKNOWN", '"xml"'],
    [{ format: "__proto__" }, "FORMAT_UNKNOWN", '"__proto__"'],
    [{ timeFormat: "us" }, "TIME_FORMAT_UNKNOWN", '"us"'],
    [{ maxBadRows: "few" }, "MAX_BAD_ROWS_INVALID", '"few"'],
    [{ format: "csv", columns: "user=1" }, "COLUMNS_INVALID", '"user=1"'],
    [{ format: "csv", delimiter: "" }, "DELIMITER_INVALID", '""'],
    [{ format: "sequences", columns: "user=1,item=2" }, "FORMAT_OPTION", "--columns"],
  ] as const) {
    const error = await errorOf(readLog("/no/such/file.csv", options as ReadOptions));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.code).toBe(code);
    expect(error.message).toContain(shown);
  }
});

test("data that holds no events says which kind of nothing it is", async () => {
  for (const [text, code] of [
    ["", "DATA_EMPTY"],
    ["\n\n \n", "DATA_NO_ROWS"],
    ["\uFEFF", "DATA_NO_ROWS"],
    ["user,item,time\n", "DATA_NO_ROWS"],
    ["user,item,time", "DATA_NO_ROWS"],
  ]) {
    const error = await errorOf(readText(text));
    expect(error).toBeInstanceOf(DataError);
    expect([text, error.code]).toEqual([text, code]);
  }
  const error = await errorOf(readText("user,item,time\nu,,1\n", { maxBadRows: "100%" }));
  expect([error.code, error.message]).toEqual([
    "DATA_NO_ROWS",
    "standard input: got no usable row among 1, expected at least one interaction. Check the source of the data.",
  ]);
});

test("ids survive reading whatever they are made of", async () => {
  const quoted = (id: string) => `"${id.replaceAll('"', '""')}"`;
  const text = HOSTILE_IDS.map((id, at) => `${quoted(id)},${quoted(id)},${at}\n`).join("");
  for (const chunkBytes of [1, 7, 65_536]) {
    const { log } = await readText(`user,item,time\n${text}`, { format: "csv" }, chunkBytes);
    expect(eventsOf(log)).toEqual(HOSTILE_IDS.map((id, at) => [id, id, at]));
  }
});

test("an id of 1 MB is an id, quoted or not, first row or not", async () => {
  const id = "x".repeat(2 ** 20);
  for (const text of [`u,${id},1\nv,b,2\n`, `u,"${id}",1\nv,b,2\n`, `v,b,2\nu,${id},1\n`]) {
    const { log } = await readText(`user,item,time\n${text}`);
    expect(log.items.indexOf(id)).toBeGreaterThanOrEqual(0);
    expect(log.length).toBe(2);
  }
});
