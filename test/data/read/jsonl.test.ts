import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readLog } from "../../../src/data/read/index.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf, eventsOf, HOSTILE_IDS, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();
const lines = (...rows: unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const SOUND = lines({ user: "ann", item: "sku-1", time: 1_764_000_000 }, { user: "bob", item: 7, time: 1_764_000_060 });
const EVENTS = [
  ["ann", "sku-1", 1_764_000_000],
  ["bob", "7", 1_764_000_060],
];

test("objects of strings or numbers are sniffed and read, with the guesses that were made", async () => {
  const { log, quality, guesses } = await readText(SOUND);
  expect(eventsOf(log)).toEqual(EVENTS);
  expect([quality.rows, quality.badRows]).toEqual([2, []]);
  expect(guesses).toEqual([
    "format: JSON lines (guessed from the first lines; --format overrides)",
    "columns: user=user, item=item, time=time (guessed from the names; --columns overrides)",
    "time: seconds since 1970 (guessed from the first 2 values; --time-format overrides)",
  ]);
});

test("the extensions .jsonl and .ndjson mean it, also .gz; byte order mark, CRLF, blank lines and blocks of any size do not matter", async () => {
  const odd = `\uFEFF${SOUND.replaceAll("\n", "\r\n\r\n  \r\n")}`;
  for (const name of ["log.jsonl", "log.ndjson", "LOG.JSONL", "log.jsonl.gz", "log.txt.gz", "log"]) {
    const path = file(name, name.endsWith(".gz") ? gzipSync(odd) : odd);
    expect(eventsOf((await readLog(path)).log)).toEqual(EVENTS);
  }
  for (const chunkBytes of [1, 7]) expect(eventsOf((await readText(odd, {}, chunkBytes)).log)).toEqual(EVENTS);
  expect(eventsOf((await readText(SOUND.trimEnd(), { format: "jsonl" })).log)).toEqual(EVENTS);
});

test("keys have the usual names of columns, in any order and a different one a line, or those that --columns says", async () => {
  const rows = lines(
    { createdAt: "2025-11-24T16:00:00Z", sessionId: 1, "product-id": "a", rating: 5, extra: { nested: [1] } },
    { "product-id": "b", extra: null, sessionId: 2, createdAt: "2025-11-24T16:01:00Z" },
  );
  expect(eventsOf((await readText(rows)).log)).toEqual([
    ["1", "a", 1_764_000_000],
    ["2", "b", 1_764_000_060],
  ]);
  const odd = lines({ 2: "u", "a,b": "i", when: 5 }, { 2: "v", "a,b": "j", when: 6 });
  const { log, guesses } = await readText(odd, {
    columns: "user=2,item=a,b,time=WHEN",
    timeFormat: "s",
    format: "jsonl",
  });
  expect(eventsOf(log)).toEqual([
    ["u", "i", 5],
    ["v", "j", 6],
  ]);
  expect(guesses).toEqual([]);
});

test("without a time key the order of the rows counts, and the guesses say so", async () => {
  const { log, quality, guesses } = await readText(lines({ user: "u", item: "b" }, { user: "u", item: "a" }));
  expect([[...log.time], quality.timeSpan]).toEqual([[1, 2], null]);
  expect(guesses).toContain("time: no column found, the order of the rows counts");
});

test("a key that nobody has is an error that lists what was found, but not all of a thousand keys", async () => {
  const error = await errorOf(readText(lines({ who: "u", what: "i" })));
  expect([error.code, error.message]).toEqual([
    "DATA_COLUMN_MISSING",
    'standard input: got the columns "who", "what", expected a user and an item column. ' +
      "Name them: --columns user=…,item=…,time=…",
  ]);
  const named = await errorOf(readText(SOUND, { columns: "user=buyer,item=item" }));
  expect(named.message).toContain('expected "buyer" for the user');
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`key-${at}-${"x".repeat(100)}`, at]));
  expect((await errorOf(readText(lines(many)))).message.length).toBeLessThan(5000);
});

test("every cause of bad rows is counted with its lines", async () => {
  const rows: [text: string, cause: string | undefined][] = [
    ['{"user":"u","item":"i","time":1}', undefined],
    ['{"user":"u","item":"i","time":1', "not JSON"],
    ["hello", "not JSON"],
    ["{'user':'u'}", "not JSON"],
    ['{"user":"u","item":"i","time":NaN}', "not JSON"],
    ['{"user":"u","item":"i","time":1} {}', "not JSON"],
    ["{}".repeat(3), "not JSON"],
    ['["u","i",1]', "not an object"],
    ["null", "not an object"],
    ["1", "not an object"],
    ['"user"', "not an object"],
    ["{}", "missing field"],
    ['{"item":"i","time":1}', "missing field"],
    ['{"user":"u","time":1}', "missing field"],
    ['{"user":"u","item":"i"}', "missing field"],
    ['{"user":"","item":"i","time":1}', "empty user"],
    ['{"user":null,"item":"i","time":1}', "empty user"],
    ['{"user":"u","item":"","time":1}', "empty item"],
    ['{"user":"u","item":null,"time":1}', "empty item"],
    ['{"user":["u"],"item":"i","time":1}', "not text or number"],
    ['{"user":"u","item":{"id":1},"time":1}', "not text or number"],
    ['{"user":true,"item":"i","time":1}', "not text or number"],
    ['{"user":"u","item":"i","time":[1]}', "not text or number"],
    ['{"user":"u","item":"i","time":false}', "not text or number"],
    ['{"user":"u","item":"i","time":null}', "unreadable time"],
    ['{"user":"u","item":"i","time":""}', "unreadable time"],
    ['{"user":"u","item":"i","time":"soon"}', "unreadable time"],
    ['{"user":"u","item":"i","time":1e999}', "unreadable time"],
    ['{"user":9007199254740993,"item":"i","time":1}', "number beyond 2^53"],
    ['{"user":"u","item":-1e300,"time":1}', "number beyond 2^53"],
    ['{"user":"u","item":1e999,"time":1}', "number beyond 2^53"],
    ['{"user":"\\ud800","item":"i","time":1}', "not UTF-8"],
    ['{"user":"u","item":"a\\udc00b","time":1}', "not UTF-8"],
    [`{"user":"u","item":"i","time":1,"x":"${"x".repeat(2 ** 22)}"}`, "line too long"],
    ['{"user":"\\ud83e\\udd86","item":1.5,"time":"1"}', undefined],
    ['{"user":-0,"item":9007199254740991,"time":1e0}', undefined],
  ];
  const { log, quality } = await readText(rows.map(([text]) => `${text}\n`).join(""), {
    format: "jsonl",
    maxBadRows: "100%",
    timeFormat: "s",
  });
  expect(eventsOf(log)).toEqual([
    ["u", "i", 1],
    ["🦆", "1.5", 1],
    ["0", "9007199254740991", 1],
  ]);
  expect(quality.rows).toBe(rows.length);
  const want = new Map<string, number[]>();
  rows.forEach(([, cause], at) => {
    if (cause) want.set(cause, [...(want.get(cause) ?? []), at + 1]);
  });
  const got = new Map(quality.badRows.map(({ cause, lines, count }) => [cause as string, { lines, count }]));
  expect([...got.keys()].sort()).toEqual([...want.keys()].sort());
  for (const [cause, at] of want)
    expect([cause, got.get(cause)]).toEqual([cause, { lines: at.slice(0, 5), count: at.length }]);
});

test("bytes that are not UTF-8 make one bad row", async () => {
  const bytes = Buffer.concat([
    Buffer.from(SOUND),
    Buffer.from('{"user":"gr\xfcn","item":"i","time":1764000000}\n', "latin1"),
  ]);
  const { log, quality } = await readText(bytes, { maxBadRows: "1" });
  expect([log.length, quality.badRows]).toEqual([2, [{ cause: "not UTF-8", count: 1, lines: [3] }]]);
});

test("bad rows are refused by default, in one line with the way on", async () => {
  const error = await errorOf(readText(`${SOUND}{"user":\n[]\n`));
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toBe(
    "standard input: got 2 bad rows of 4 (not JSON: 1, at line 3; not an object: 1, at line 4), expected at most 0. " +
      "Correct them, or go on without them: --max-bad-rows 2",
  );
});

describe("hostile text", () => {
  test("__proto__ and other names of prototypes are data, as keys and as ids", async () => {
    const text = '{"__proto__":"ann","constructor":"a","time":1}\n{"__proto__":"bob","constructor":"b","time":2}\n';
    const { log } = await readText(text, { columns: "user=__proto__,item=constructor,time=time", format: "jsonl" });
    expect(eventsOf(log).map(([user, item]) => `${user}:${item}`)).toEqual(["ann:a", "bob:b"]);
    // What a row inherits is not its own: the second row has no such key.
    const { quality } = await readText('{"__proto__":"u","toString":"i"}\n{"x":1}\n', {
      columns: "user=__proto__,item=toString",
      maxBadRows: "1",
    });
    expect(quality.badRows).toEqual([{ cause: "missing field", count: 1, lines: [2] }]);
    const poisoned = '{"user":"u","item":"i","__proto__":{"time":5,"polluted":true}}\n';
    expect((await readText(poisoned)).log.length).toBe(1);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("ids survive whatever they are made of, 1 MB long included", async () => {
    const ids = [...HOSTILE_IDS, "x".repeat(2 ** 20)];
    const { log } = await readText(lines(...ids.map((id, time) => ({ user: id, item: id, time }))), {}, 4096);
    expect(eventsOf(log)).toEqual(ids.map((id, at) => [id, id, at]));
  });

  test("a repeated key counts as its last value, as everywhere in JSON", async () => {
    const { log } = await readText('{"user":"first","item":"i","user":"last"}\n');
    expect(eventsOf(log)[0][0]).toBe("last");
  });

  test("a line of brackets is a bad row, not a crash", async () => {
    for (const text of ["[".repeat(2 ** 21), '{"a":'.repeat(2 ** 18), `${"[".repeat(2 ** 20)}${"]".repeat(2 ** 20)}`]) {
      const { log, quality } = await readText(`${SOUND}${text}\n`, { maxBadRows: "1" });
      expect([log.length, quality.badRows.length]).toEqual([2, 1]);
    }
  });

  test("text without one object in its first lines is refused before it is read", async () => {
    const error = await errorOf(readText("u i\nv j\n", { format: "jsonl" }));
    expect([error.code, error.exitCode]).toEqual(["DATA_NOT_JSON_LINES", 3]);
  });

  test("a bad first line does not hide the format", async () => {
    const { log, quality } = await readText(`{"user":"ann","it\n${SOUND}`, { maxBadRows: "1" });
    expect([log.length, quality.badRows]).toEqual([2, [{ cause: "not JSON", count: 1, lines: [1] }]]);
  });
});

test("options of tables are refused", async () => {
  for (const options of [{ delimiter: "," }, { header: false }]) {
    for (const format of ["jsonl", undefined] as const) {
      const error = await errorOf(readText(SOUND, { ...options, format }));
      expect([error.code, error.exitCode]).toEqual(["FORMAT_OPTION", 2]);
    }
  }
});
