import fc from "fast-check";
import { expect, test } from "vitest";
import { formatQuality, measureQuality } from "../../src/data/quality.ts";
import { logOf } from "./support.ts";

test("a small log is measured by hand-checked numbers", () => {
  const log = logOf([
    ["u", "a", 86_400],
    ["u", "b", 86_400],
    ["u", "a", 172_800],
    ["v", "a", 0],
  ]);
  expect(measureQuality(log, { rows: 6, badRows: [{ cause: "empty user", count: 2, lines: [3, 4] }] })).toEqual({
    rows: 6,
    badRows: [{ cause: "empty user", count: 2, lines: [3, 4] }],
    users: 2,
    items: 2,
    events: 4,
    timeSpan: { first: 0, last: 172_800 },
    ties: 1,
    repeats: 1,
    sparsity: 0,
    lengths: { min: 1, p25: 1.5, median: 2, p75: 2.5, p90: 2.8, max: 3, mean: 2 },
    popularity: { top1: 0.75, top10: 0.75, gini: 0.25 },
  });
});

test("repeats, ties and Gini equal brute force", () => {
  const event = fc.tuple(
    fc.constantFrom("u", "v", "w"),
    fc.constantFrom("a", "b", "c", "d"),
    fc.integer({ min: 0, max: 5 }),
  );
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
      const report = measureQuality(logOf(events));
      expect(report.repeats).toBe(events.length - new Set(events.map(([user, item]) => `${user} ${item}`)).size);
      expect(report.ties).toBe(events.length - new Set(events.map(([user, , time]) => `${user} ${time}`)).size);
      const counts = [...new Set(events.map(([, item]) => item))].map(
        (item) => events.filter(([, other]) => other === item).length,
      );
      let differences = 0;
      for (const a of counts) for (const b of counts) differences += Math.abs(a - b);
      expect(report.popularity.gini).toBeCloseTo(differences / (2 * counts.length * events.length), 12);
    }),
  );
});

test("the top 1 % and 10 % of items are rounded up", () => {
  // 101 items: the top 1 % are 2, the top 10 % are 11. Item 0 has 100 events, the others 1.
  const events = Array.from({ length: 101 }, (_, item) => ["u", `i${item}`] as const);
  const extra = Array.from({ length: 99 }, () => ["v", "i0"] as const);
  const { popularity } = measureQuality(logOf([...events, ...extra]));
  expect(popularity.top1).toBe(101 / 200);
  expect(popularity.top10).toBe(110 / 200);
});

test("an empty log gives zeros, and no NaN in its lines", () => {
  const report = measureQuality(logOf([]));
  expect(report.lengths).toEqual({ min: 0, p25: 0, median: 0, p75: 0, p90: 0, max: 0, mean: 0 });
  expect(report.timeSpan).toBe(null);
  expect(formatQuality(report).join("\n")).not.toMatch(/NaN|undefined|Infinity/);
});

test("positions instead of times make no time span and no ties", () => {
  const report = measureQuality(
    logOf([
      ["u", "a", 0],
      ["u", "b", 0],
    ]),
    { timed: false },
  );
  expect([report.timeSpan, report.ties]).toEqual([null, 0]);
  expect(formatQuality(report)).toContain("time: none, events are in file order");
});

test("the lines show every number, bad rows by cause included", () => {
  const log = logOf([
    ["u", "a", 0],
    ["u", "b", 0],
    ["u", "a", 86_400],
  ]);
  const lines = formatQuality(
    measureQuality(log, { rows: 1005, badRows: [{ cause: "missing field", count: 1002, lines: [2, 3, 4, 5, 6] }] }),
  );
  expect(lines).toEqual([
    "rows: 1,005, 1,002 bad",
    "  missing field: 1,002, first at lines 2, 3, 4, 5, 6",
    "users: 1, items: 2, events: 3, sparsity: -50.0000 %",
    "time: 1970-01-01 to 1970-01-02, ties inside a user: 1 (kept in file order)",
    "repeats: 1 (33.3 % of the events)",
    "history length: min 3, 25 % 3, median 3, 75 % 3, 90 % 3, max 3, mean 3.00",
    "popularity: top 1 % of items 66.7 % of the events, top 10 % 66.7 %, Gini 0.167",
  ]);
});
