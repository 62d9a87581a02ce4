import { expect, test } from "vitest";
import {
  commonWidth,
  detectDelimiter,
  looksLikeSpacedTable,
  sampleRecords,
  timeColumn,
} from "../../../src/data/read/sniff.ts";

test("records are split as in RFC 4180, tolerantly", () => {
  expect(sampleRecords('a,"b, ""c""\nd",e\r\n\n"",f,\nlast', ",")).toEqual([
    ["a", 'b, "c"\nd', "e"],
    ["", "f", ""],
    ["last"],
  ]);
  expect(sampleRecords("a::b\nc::", "::")).toEqual([
    ["a", "b"],
    ["c", ""],
  ]);
  expect(sampleRecords('a,b\nc,"open', ",")).toEqual([["a", "b"]]);
  expect(sampleRecords("a\n".repeat(500), ",").length).toBe(100);
  expect(sampleRecords("", ",")).toEqual([]);
});

test("the delimiter is the one that cuts lines alike, whatever the text between holds", () => {
  for (const [text, delimiter] of [
    ["a,b\nc,d\n", ","],
    ["title;price\nx;1,5\ny;2,5\n", ";"],
    ["movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n2,Jumanji (1995),Adventure\n", ","],
    ["a;1,5\nb;2,5\n", ";"],
    ["id\ttitle\n1\tOne, two, three\n2\tFour, five, six\n", "\t"],
    ['a,"x;y;z"\nb,"x;y;z"\n', ","],
    ["u,i,t\nbroken\nu,i,t\n", ","],
    ["1 2 3\n4 5\n", undefined],
    ["one\ntwo\n", undefined],
    ["", undefined],
  ] as const) {
    expect([text, detectDelimiter(text)]).toEqual([text, delimiter]);
  }
});

test("spaced lines are a table when all are alike and names or times say so, else sequences", () => {
  expect(looksLikeSpacedTable("user item time\nu a 1\n")).toBe(true);
  expect(looksLikeSpacedTable("1 2 3 881250949\n4 5 6 891717742\n")).toBe(true);
  expect(looksLikeSpacedTable("1 2 3 4\n5 6 7 8\n")).toBe(false);
  expect(looksLikeSpacedTable("1 2 881250949\n4 5\n")).toBe(false);
  expect(looksLikeSpacedTable("user\n")).toBe(false);
});

test("the time column has points in time only, ISO 8601 before numbers", () => {
  expect(timeColumn([["631152000", "5", "4102444799"]], 3)).toBe(2);
  expect(timeColumn([["2026-11-24", "881250949"]], 2)).toBe(0);
  expect(timeColumn([["214716935", "12"]], 2)).toBe(-1);
  expect(
    timeColumn(
      [
        ["881250949", "a"],
        ["soon", "b"],
      ],
      2,
    ),
  ).toBe(-1);
  expect(timeColumn([], 2)).toBe(-1);
});

test("the common width is the most frequent one, of equals the larger", () => {
  expect(commonWidth([["a"], ["a", "b"], ["a"]])).toBe(1);
  expect(commonWidth([["a"], ["a", "b"]])).toBe(2);
  expect(commonWidth([])).toBe(0);
});
