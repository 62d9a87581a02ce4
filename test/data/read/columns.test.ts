import { expect, test } from "vitest";
import { parseColumns, parseDelimiter, usualRole } from "../../../src/data/read/columns.ts";
import { UsageError } from "../../../src/errors.ts";
import { errorOf } from "../support.ts";

test("--columns is read in any order, and names may hold commas, equals signs and spaces", () => {
  expect([...parseColumns("item=2,user=1")]).toEqual([
    ["item", "2"],
    ["user", "1"],
  ]);
  expect(Object.fromEntries(parseColumns("user=last, first,item=a=b,time= when ,rating=4"))).toEqual({
    user: "last, first",
    item: "a=b",
    time: " when ",
    rating: "4",
  });
});

test("--columns that cannot be followed is a usage error with the reason", async () => {
  for (const [text, why] of [
    ["", "is not role=column"],
    ["user", "is not role=column"],
    ["user=1", "no item"],
    ["item=1,time=2", "no user"],
    ["user=1,user=2,item=3", "user twice"],
    ["user=,item=2", "user is empty"],
    ["user=0,item=1", "columns count from 1"],
    ["usr=1,item=2", '"usr" is none of user, item, rating, time'],
    ["__proto__=1,user=1,item=2", '"__proto__" is none of'],
  ]) {
    const error = await errorOf(() => parseColumns(text));
    expect(error).toBeInstanceOf(UsageError);
    expect([text, error.code]).toEqual([text, "COLUMNS_INVALID"]);
    expect(error.message).toContain(why);
  }
});

test("a delimiter is any text without quotes and line ends", async () => {
  expect([parseDelimiter("::"), parseDelimiter("tab"), parseDelimiter("\\t"), parseDelimiter("\t")]).toEqual([
    "::",
    "\t",
    "\t",
    "\t",
  ]);
  for (const text of ["", '"', "\n", "a\r"]) {
    expect((await errorOf(() => parseDelimiter(text))).code).toBe("DELIMITER_INVALID");
  }
});

test("usual names are known whatever their case and punctuation, others are not", () => {
  expect(["User-ID", "CUSTOMER_ID", "session id", "parent_asin", "Event Time", "Stars"].map(usualRole)).toEqual([
    "user",
    "user",
    "user",
    "item",
    "time",
    "rating",
  ]);
  expect(["price", "", "constructor", "用户"].map(usualRole)).toEqual([undefined, undefined, undefined, undefined]);
});
