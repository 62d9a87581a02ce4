import { expect, test } from "vitest";
import { logFromRows, type Row } from "../../src/data/rows.ts";
import { DataError } from "../../src/errors.ts";
import { errorOf, eventsOf, HOSTILE_IDS } from "./support.ts";

test("rows come from arrays, generators and async generators, in the order given", async () => {
  const rows: Row[] = [
    { user: "u", item: "a", time: 2 },
    { user: "v", item: "b", time: 1 },
  ];
  async function* later() {
    yield* rows;
  }
  const want = [
    ["u", "a", 2],
    ["v", "b", 1],
  ];
  expect(eventsOf(await logFromRows(rows))).toEqual(want);
  expect(eventsOf(await logFromRows(new Set(rows)))).toEqual(want);
  expect(eventsOf(await logFromRows(later()))).toEqual(want);
  expect((await logFromRows([])).length).toBe(0);
});

test("numbers as ids become their decimal strings, and hostile ids stay as they are", async () => {
  const log = await logFromRows([
    { user: 7, item: 0 },
    { user: "7", item: 10n },
    { user: -0, item: 1.5 },
  ]);
  expect([...log.users]).toEqual(["7", "0"]);
  expect([...log.items]).toEqual(["0", "10", "1.5"]);
  const hostile = await logFromRows(HOSTILE_IDS.map((id) => ({ user: id, item: id })));
  expect([...hostile.users]).toEqual(HOSTILE_IDS);
});

test("times are Dates, ISO 8601 or numbers, all turned into seconds", async () => {
  const at = async (...times: Row["time"][]) => {
    const log = await logFromRows(times.map((time) => ({ user: "u", item: "a", time })));
    return [...log.time];
  };
  expect(await at(new Date(1500), "1970-01-01T00:00:02Z", 3)).toEqual([1.5, 2, 3]);
  expect(await at("881250949", "881250950.5")).toEqual([881_250_949, 881_250_950.5]);
  expect(await at(1_764_000_000_000, 1000)).toEqual([1_764_000_000, 1]); // the first number says milliseconds for all
  expect(await at(1000, 1e12)).toEqual([1000, 1e12]); // the first number says seconds for all
  expect(await at(undefined, null, undefined)).toEqual([0, 1, 2]);
});

test("a bad row is refused with its index and what it had", async () => {
  const good: Row = { user: "u", item: "a", time: 1 };
  for (const [row, code, text] of [
    [{ user: "", item: "a", time: 1 }, "DATA_ROW_ID", 'row 1: got user ""'],
    [{ item: "a", time: 1 }, "DATA_ROW_ID", "row 1: got user undefined"],
    [{ user: "u", item: Number.NaN, time: 1 }, "DATA_ROW_ID", "row 1: got item NaN"],
    [{ user: "u", item: "\ud800", time: 1 }, "DATA_ROW_ID", "row 1: got item"],
    [{ user: "u", item: {}, time: 1 }, "DATA_ROW_ID", "row 1: got item an object"],
    [{ user: "u", item: "a", time: "yesterday" }, "DATA_ROW_TIME", 'row 1: got time "yesterday"'],
    [{ user: "u", item: "a", time: new Date(Number.NaN) }, "DATA_ROW_TIME", "row 1: got time an invalid Date"],
    [{ user: "u", item: "a", time: Number.POSITIVE_INFINITY }, "DATA_ROW_TIME", "row 1: got time Infinity"],
    [{ user: "u", item: "a" }, "DATA_ROW_TIME", "row 1: got time undefined, expected one because row 0 has one"],
    [null, "DATA_ROW", "row 1: got null"],
    ["u,a,1", "DATA_ROW", 'row 1: got "u,a,1"'],
  ] as const) {
    const error = await errorOf(logFromRows([good, row as Row]));
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  }
  const mixed = await errorOf(logFromRows([{ user: "u", item: "a" }, good]));
  expect(mixed.message).toContain("row 1: got time 1, expected none because row 0 has none");
});

test("what is no iterable of rows is refused", async () => {
  for (const rows of [undefined, null, 5, "u a b", { user: "u" }]) {
    expect((await errorOf(logFromRows(rows as unknown as Row[]))).code).toBe("DATA_ROWS");
  }
});
