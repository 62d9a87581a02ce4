import { expect, test } from "vitest";
import { orderByUser } from "../../../src/data/order.ts";
import { readLog } from "../../../src/data/read/index.ts";
import { errorOf, eventsOf, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();

test("lines of varying length are sniffed as sequences, items oldest first", async () => {
  const { log, quality, guesses } = await readLog(file("histories.txt", "1 10 20 30\n2 20\n\n3 10 30\n"));
  expect(eventsOf(log).map(([user, item]) => `${user}:${item}`)).toEqual([
    "1:10",
    "1:20",
    "1:30",
    "2:20",
    "3:10",
    "3:30",
  ]);
  expect([...log.time]).toEqual([0, 1, 2, 3, 4, 5]);
  expect([quality.rows, quality.timeSpan, quality.ties]).toEqual([3, null, 0]);
  expect(guesses).toEqual([
    "format: sequences, a line is user item item … (guessed from the first lines; --format overrides)",
  ]);
});

test("any white space separates, and --format sequences needs no sniffing", async () => {
  const { log, guesses } = await readText("u\ta  b \r\nv c\n", { format: "sequences" });
  expect(eventsOf(log).map(([user, item]) => `${user}:${item}`)).toEqual(["u:a", "u:b", "v:c"]);
  expect(guesses).toEqual([]);
});

test("a user on several lines keeps their order", async () => {
  const { log } = await readText("u a b c\nv x\nu d e\n", { format: "sequences" });
  const { offsets, order } = orderByUser(log);
  const items = [...order.subarray(offsets[0], offsets[1])].map((event) => log.items.idOf(log.item[event]));
  expect(items).toEqual(["a", "b", "c", "d", "e"]);
});

test("a line without items and a line that is not UTF-8 are bad rows", async () => {
  const bytes = Buffer.concat([
    Buffer.from("u a b\nlonely\nv "),
    Buffer.from("grün", "latin1"),
    Buffer.from("\nw c\n"),
  ]);
  const { log, quality } = await readText(bytes, { format: "sequences", maxBadRows: "2" });
  expect([...log.users]).toEqual(["u", "w"]);
  expect(quality.badRows).toEqual([
    { cause: "missing field", count: 1, lines: [2] },
    { cause: "not UTF-8", count: 1, lines: [3] },
  ]);
});

test("options that mean columns are refused, sniffed or not", async () => {
  for (const options of [
    { columns: "user=1,item=2" },
    { delimiter: "," },
    { header: false },
    { timeFormat: "s" as const },
  ]) {
    expect((await errorOf(readText("u a b\nv c\n", options))).code).toBe("FORMAT_OPTION");
  }
});
