import fc from "fast-check";
import { expect, test } from "vitest";
import { readLog } from "../../../src/data/read/index.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf, eventsOf, readText, temporaryFiles } from "../support.ts";

const file = temporaryFiles();
const EVENTS = [
  ["u", "a", 1_764_000_000],
  ["v", "b", 1_764_000_060],
];

test("each usual delimiter is told from the lines, with and without a header", async () => {
  for (const delimiter of [",", "\t", ";", "|", "::", " "]) {
    const rows = [
      ["u", "a", "1764000000"],
      ["v", "b", "1764000060"],
    ].map((row) => row.join(delimiter));
    const header = ["user", "item", "time"].join(delimiter);
    for (const [lines, has] of [
      [rows, "without"],
      [[header, ...rows], "with"],
    ] as const) {
      const { log, guesses } = await readText(`${lines.join("\n")}\n`);
      expect([delimiter, has, eventsOf(log)]).toEqual([delimiter, has, EVENTS]);
      expect(guesses[0]).toContain(`, ${has} a header line (guessed`);
    }
  }
});

test("MovieLens .dat is recognised: user::item::rating::time", async () => {
  const { log, guesses } = await readLog(file("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n"));
  expect(eventsOf(log)).toEqual([
    ["1", "1193", 978_300_760],
    ["1", "661", 978_302_109],
  ]);
  expect(guesses[1]).toBe("columns: user=1, item=2, rating=3, time=4 (guessed from the values; --columns overrides)");
});

test("a delimiter given by name, by escape or as itself overrides the guess", async () => {
  for (const delimiter of ["tab", "\\t", "\t"]) {
    const { log } = await readText("user\titem,with;commas\nu\ta\n", {
      delimiter,
      format: "csv",
      columns: "user=1,item=2",
    });
    expect(eventsOf(log)).toEqual([["u", "a", 1]]);
  }
  const { log } = await readText("user~item~time\nu~a~1\n", { delimiter: "~", format: "csv" });
  expect(eventsOf(log)).toEqual([["u", "a", 1]]);
});

test("BOM, CRLF, blank lines, spaces around names and a last line without end are harmless", async () => {
  const { log, quality } = await readText("\uFEFFuser, item ,time\r\nu,a,1\r\n\r\n\nv,b,2");
  expect(eventsOf(log)).toEqual([
    ["u", "a", 1],
    ["v", "b", 2],
  ]);
  expect(quality.rows).toBe(2);
  const quoted = await readText('\uFEFF"user","item","time"\r\n"u","a","1"\r\n\r\nv,b,2');
  expect(eventsOf(quoted.log)).toEqual(eventsOf(log));
});

test("quoted fields may hold delimiters, quotes and line ends, and later line numbers stay right", async () => {
  const text = 'user,item,time\nu,"a, ""b""\r\nc",1\n\nv,"x\ny\nz",2\nw,c,never\nw,"c\n",never\n';
  const { log, quality } = await readText(text, { maxBadRows: "2" });
  expect(eventsOf(log)).toEqual([
    ["u", 'a, "b"\r\nc', 1],
    ["v", "x\ny\nz", 2],
  ]);
  expect(quality.badRows).toEqual([{ cause: "unreadable time", count: 2, lines: [8, 9] }]);
});

test("splitting and csv-parse agree wherever both may read, in any chunks", async () => {
  const field = fc.stringMatching(/^[a-c é.\\#]{1,4}$/);
  const lineEnd = fc.constantFrom("\n", "\r\n", "\n\n");
  const row = fc.tuple(field, field, fc.integer({ min: 0, max: 99 }), fc.constantFrom("", ",", ",x"), lineEnd);
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 40 }),
      async (rows, size) => {
        const body = rows.map(([user, item, time, more, end]) => `${user},${item},${time}${more}${end}`).join("");
        const options = { format: "csv", delimiter: ",", maxBadRows: "100%" } as const;
        const split = await readText(`user,item,time\nfirst,first,0\n${body}`, options, size);
        const parsed = await readText(`user,item,time\n"first",first,0\n${body}`, options, size);
        expect(eventsOf(parsed.log)).toEqual(eventsOf(split.log));
        expect(parsed.quality).toEqual(split.quality);
      },
    ),
  );
});

test("a quote in the middle of a file changes readers without losing or repeating a row", async () => {
  const rows = Array.from({ length: 30_000 }, (_, row) =>
    row === 17_000 ? `u,"i\n${row}",${row}` : `u,i${row},${row}`,
  );
  const { log } = await readText(`user,item,time\n${rows.join("\n")}\n`);
  expect(log.length).toBe(30_000);
  expect(log.items.idOf(17_000)).toBe("i\n17000");
  expect([...log.time].every((time, at) => time === at)).toBe(true);
});

test("a quote that is never closed is named with its line, in the header too", async () => {
  const error = await errorOf(readText('user,item,time\nu,a,1\nu,"b,2\nu,c,3\n'));
  expect(error).toBeInstanceOf(DataError);
  expect(error.code).toBe("DATA_QUOTE_OPEN");
  expect(error.message).toBe(
    "standard input: line 3: got a quoted field without its closing quote, expected one. Close or double the quote.",
  );
  expect((await errorOf(readText('"user,item,time\nu,a,1\n', { format: "csv" }))).code).toBe("DATA_QUOTE_OPEN");
});

test("quotes inside a field are part of it", async () => {
  const { log } = await readText('user,item,time\nu,12" record,1\nu,"7"" record",2\n');
  expect([...log.items]).toEqual(['12" record', '7" record']);
});

test("rows that are not UTF-8 are bad rows with their line, beside quotes too", async () => {
  for (const first of ["u", '"u"', '"u\nv"']) {
    const bytes = Buffer.concat([
      Buffer.from(`user,item,time\n${first},a,1\nu,`),
      Buffer.from("grün", "latin1"),
      Buffer.from(",2\nu,grün,3\n"),
    ]);
    const { log, quality } = await readText(bytes, { maxBadRows: "1" });
    const line = first.includes("\n") ? 4 : 3;
    expect(quality.badRows).toEqual([{ cause: "not UTF-8", count: 1, lines: [line] }]);
    expect([...log.items]).toEqual(["a", "grün"]);
    expect((await errorOf(readText(bytes))).message).toContain(`not UTF-8: 1, at line ${line}`);
  }
});

test("a delimiter at the end of each line is harmless, a field too many is not", async () => {
  expect((await readText("user,item,time\nu,a,1,\nv,b,2,\n")).log.length).toBe(2);
  expect((await errorOf(readText("user,item,time\nu,a,b,1\n"))).message).toContain("extra field: 1, at line 2");
});

test("a file of which every row is not UTF-8 is counted to the end, beside quotes too", async () => {
  const row = Buffer.from("u,grün,1\n", "latin1");
  for (const first of ["user,item,time\n", '"user",item,time\n']) {
    const bytes = Buffer.concat([Buffer.from(first), ...Array.from({ length: 200_000 }, () => row)]);
    const error = await errorOf(readText(bytes, {}, bytes.length));
    expect(error.message).toContain("200,000 bad rows of 200,000 (not UTF-8: 200,000, first at lines 2, 3, 4, 5, 6)");
  }
});
