import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDay, guessTimeFormat, isMilliseconds, parseDecimal, parseIso, parseTime } from "../../src/data/time.ts";

test("ISO 8601 equals the host's Date for every second from the year 1000 to 9999", () => {
  const date = fc.date({
    min: new Date("1000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(date, (when) => {
      const text = when.toISOString();
      expect(Math.round(parseIso(text) * 1000)).toBe(when.getTime());
      expect(parseIso(text.slice(0, 10))).toBe(Date.parse(text.slice(0, 10)) / 1000);
    }),
    { numRuns: 1000 },
  );
});

test("ISO 8601 is read in all its usual forms, a time without zone as UTC", () => {
  const want = Date.UTC(2026, 10, 24, 9, 30, 15) / 1000;
  for (const text of [
    "2026-11-24T09:30:15Z",
    "2026-11-24t09:30:15z",
    "2026-11-24 09:30:15",
    " 2026-11-24 09:30:15 ",
    "2026-11-24 09:30:15 UTC",
    "2026-11-24T09:30:15.000",
    "2026-11-24T10:30:15+01:00",
    "2026-11-24T15:00:15+0530",
    "2026-11-24T01:30:15-08",
  ]) {
    expect([text, parseIso(text)]).toEqual([text, want]);
  }
  expect(parseIso("2026-11-24 09:30")).toBe(want - 15);
  expect(parseIso("2026-11-24")).toBe(want - 34_215);
  expect(parseIso("2026-11-24T09:30:15.25Z")).toBe(want + 0.25);
  expect(parseIso("2000-02-29")).toBe(Date.UTC(2000, 1, 29) / 1000);
  expect(parseIso("2024-02-29")).toBe(Date.UTC(2024, 1, 29) / 1000);
  expect(parseIso("2016-12-31T23:59:60Z")).toBe(Date.UTC(2017, 0, 1) / 1000);
});

test("what is no ISO 8601 time is NaN", () => {
  for (const text of [
    "",
    "2026",
    "2026-13-01",
    "2026-00-10",
    "2026-02-30",
    "2023-02-29",
    "1900-02-29",
    "2026-11-24T24:00",
    "2026-11-24T09:60",
    "2026-11-24T09:30:61",
    "24/11/2026",
    "12/1/2010 8:26",
    "2026-11-24X09:30",
    "2026-11-24 09:30:15 CET",
    "881250949",
  ]) {
    expect([text, parseIso(text)]).toEqual([text, Number.NaN]);
  }
});

test("decimal numbers are read whole or not at all", () => {
  for (const [text, want] of [
    ["881250949", 881_250_949],
    [" 1396437466.94 ", 1_396_437_466.94],
    ["-5", -5],
    ["8.8125e+08", 881_250_000],
    [".5", 0.5],
  ] as const) {
    expect([text, parseDecimal(text)]).toEqual([text, want]);
  }
  for (const text of ["", " ", "0x10", "Infinity", "1e999", "NaN", "12a", "1,000", "1_000", "٣"]) {
    expect([text, parseDecimal(text)]).toEqual([text, Number.NaN]);
  }
});

test("seconds, milliseconds and ISO 8601 are told apart by their values", () => {
  expect(guessTimeFormat(["881250949", "891717742"])).toBe("s");
  expect(guessTimeFormat(["1396437466.94"])).toBe("s");
  expect(guessTimeFormat(["1", "2", "3"])).toBe("s");
  expect(guessTimeFormat(["881250949000", "891717742000"])).toBe("ms");
  expect(guessTimeFormat(["2026-11-24", "2026-11-24 10:00:00"])).toBe("iso");
  expect(guessTimeFormat(["", "2026-11-24", "", "", ""])).toBe("iso");
  expect(guessTimeFormat(["881250949", "broken"])).toBe("s");
  expect(guessTimeFormat(["881250949", "broken", "12/1/2010"])).toBe(undefined);
  expect(guessTimeFormat([])).toBe("s");
  expect([isMilliseconds(1e11 - 1), isMilliseconds(1e11), isMilliseconds(-1e11)]).toEqual([false, true, true]);
});

test("each format gives seconds", () => {
  expect(parseTime("1500", "s")).toBe(1500);
  expect(parseTime("1500", "ms")).toBe(1.5);
  expect(parseTime("1970-01-01T00:25:00Z", "iso")).toBe(1500);
  expect(parseTime("1970-01-01", "s")).toBe(Number.NaN);
  expect(parseTime("1500", "iso")).toBe(Number.NaN);
});

test("a day is written as a date, and as a number where no calendar reaches", () => {
  expect(formatDay(881_250_949)).toBe("1997-12-04");
  expect(formatDay(1e18)).toBe("1000000000000000000");
});
