import { expect, test } from "vitest";
import { BadRows, formatBadRows, parseMaxBadRows } from "../../src/data/bad-rows.ts";
import { UsageError } from "../../src/errors.ts";
import { errorOf } from "./support.ts";

function sample(): BadRows {
  const bad = new BadRows();
  for (let line = 2; line <= 8; line++) bad.add("missing field", line);
  bad.add("unreadable time", 9);
  return bad;
}

test("causes are counted with the lines of the first five rows, the most frequent first", () => {
  expect(sample().total).toBe(8);
  expect(sample().causes).toEqual([
    { cause: "missing field", count: 7, lines: [2, 3, 4, 5, 6] },
    { cause: "unreadable time", count: 1, lines: [9] },
  ]);
  expect(formatBadRows(sample().causes)).toEqual([
    "missing field: 7, first at lines 2, 3, 4, 5, 6",
    "unreadable time: 1, at line 9",
  ]);
});

test("more bad rows than allowed is one line that ends with the flag that lets it go on", async () => {
  const error = await errorOf(() => sample().check("log.csv", 1000, parseMaxBadRows("7")));
  expect(error.code).toBe("DATA_BAD_ROWS");
  expect(error.message).toBe(
    "log.csv: got 8 bad rows of 1,000 (missing field: 7, first at lines 2, 3, 4, 5, 6; unreadable time: 1, at line 9), " +
      "expected at most 7. Correct them, or go on without them: --max-bad-rows 8",
  );
  sample().check("log.csv", 1000, parseMaxBadRows("8"));
});

test("a limit is a number of rows or a share of them, rounded down", async () => {
  expect(parseMaxBadRows("0")(1000)).toBe(0);
  expect(parseMaxBadRows("20")(1)).toBe(20);
  expect(parseMaxBadRows("1%")(199)).toBe(1);
  expect(parseMaxBadRows("0.5%")(1000)).toBe(5);
  expect(parseMaxBadRows("100%")(7)).toBe(7);
  for (const text of ["", "-1", "1.5", "101%", "%", "ten", "1e3", " 5", "5 %"]) {
    const error = await errorOf(() => parseMaxBadRows(text));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain(`got ${JSON.stringify(text)}, expected a number of rows`);
  }
});
