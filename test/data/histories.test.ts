import fc from "fast-check";
import { expect, test } from "vitest";
import { buildHistories, type FilterOptions, formatFilterReport, type Histories } from "../../src/data/histories.ts";
import { DataError, UsageError } from "../../src/errors.ts";
import { errorOf, logOf } from "./support.ts";

type Event = [user: string, item: string, time: number];

/** Histories as { user: [[item, time], …] }, users in index order. */
function shown({ userIds, items, offsets, item, time }: Histories): [string, [string, number][]][] {
  return [...userIds].map((user, u) => [
    user,
    Array.from({ length: offsets[u + 1] - offsets[u] }, (_, at) => [
      items.idOf(item[offsets[u] + at]),
      time[offsets[u] + at],
    ]),
  ]);
}

/** The same, slowly: filters on plain arrays, one event at a time until nothing changes. */
function twin(events: Event[], { kCore = 0, minLength = 1, duplicates = "keep" }: FilterOptions) {
  let left = events.map(([user, item, time], place) => ({ user, item, time, place }));
  const historyOf = (user: string) =>
    left.filter((event) => event.user === user).sort((a, b) => a.time - b.time || a.place - b.place);
  if (duplicates !== "keep") {
    left = left.filter((event) => {
      const history = historyOf(event.user);
      const own = history.indexOf(event);
      if (duplicates === "first") return history.findIndex(({ item }) => item === event.item) === own;
      if (duplicates === "last") return history.findLastIndex(({ item }) => item === event.item) === own;
      return own === 0 || history[own - 1].item !== event.item;
    });
  }
  for (;;) {
    const next = left.findIndex(
      (event) =>
        left.filter(({ user }) => user === event.user).length < Math.max(kCore, minLength) ||
        left.filter(({ item }) => item === event.item).length < kCore,
    );
    if (next < 0) break;
    left.splice(next, 1);
  }
  const users = [...new Set(left.map(({ user }) => user))];
  return {
    histories: users.map((user) => [user, historyOf(user).map(({ item, time }) => [item, time])]),
    items: [...new Set(left.map(({ item }) => item))],
  };
}

const anyEvents = fc.array(
  fc.tuple(
    fc.constantFrom("u", "v", "w", "x"),
    fc.constantFrom("a", "b", "c", "d", "e"),
    fc.integer({ min: 0, max: 9 }),
  ),
  { minLength: 1, maxLength: 40 },
);
const anyOptions = fc.record({
  kCore: fc.integer({ min: 0, max: 4 }),
  minLength: fc.integer({ min: 0, max: 6 }),
  duplicates: fc.constantFrom("keep" as const, "first" as const, "last" as const, "consecutive" as const),
});

test("filters equal a brute-force twin, fixed point, order and numbering included", () => {
  let left = 0;
  fc.assert(
    fc.property(anyEvents, anyOptions, (events, options) => {
      const want = twin(events, options);
      if (want.items.length === 0) {
        expect(() => buildHistories(logOf(events), options)).toThrow(DataError);
        return;
      }
      left++;
      const { histories } = buildHistories(logOf(events), options);
      expect(shown(histories)).toEqual(want.histories);
      expect([...histories.items]).toEqual(want.items);
    }),
    { numRuns: 500 },
  );
  expect(left).toBeGreaterThan(50); // else the property compared errors only
});

test("the report adds up: before, less what each rule removed, is after, and after is what is there", () => {
  fc.assert(
    fc.property(anyEvents, anyOptions, (events, options) => {
      if (twin(events, options).items.length === 0) return;
      const { histories, report } = buildHistories(logOf(events), options);
      for (const key of ["users", "items", "events"] as const) {
        const removed = report.rules.reduce((sum, rule) => sum + rule[key], 0);
        expect(report.before[key] - removed).toBe(report.after[key]);
      }
      expect(report.after).toEqual({
        users: histories.userIds.size,
        items: histories.items.size,
        events: histories.item.length,
      });
    }),
  );
});

test("users and items are numbered by first appearance in the file, not by time", () => {
  const { histories } = buildHistories(
    logOf([
      ["v", "z", 9],
      ["u", "y", 1],
      ["v", "x", 3],
    ]),
  );
  expect([...histories.userIds]).toEqual(["v", "u"]);
  expect([...histories.items]).toEqual(["z", "y", "x"]);
  expect([...histories.offsets]).toEqual([0, 2, 3]);
  expect([...histories.item]).toEqual([2, 0, 1]);
  expect([...histories.time]).toEqual([3, 9, 1]);
});

test("a user whose first event is filtered out is numbered by the first one that stays", () => {
  const { histories } = buildHistories(
    logOf([
      ["u", "rare", 0],
      ["v", "a", 1],
      ["u", "a", 2],
      ["v", "b", 3],
      ["u", "b", 4],
    ]),
    { kCore: 2 },
  );
  expect([...histories.userIds]).toEqual(["v", "u"]);
});

test("each rule is reported with what it removed, in order", () => {
  const events: Event[] = [
    ["u", "a", 0],
    ["u", "a", 1],
    ["u", "b", 2],
    ["v", "a", 3],
    ["v", "b", 4],
    ["w", "c", 5],
  ];
  const { report } = buildHistories(logOf(events), { duplicates: "first", kCore: 2, minLength: 2 });
  expect(report).toEqual({
    before: { users: 3, items: 3, events: 6 },
    rules: [
      { rule: "duplicates first", users: 0, items: 0, events: 1 },
      { rule: "k-core 2", users: 1, items: 1, events: 1 },
      { rule: "minimum length 2", users: 0, items: 0, events: 0 },
    ],
    after: { users: 2, items: 2, events: 4 },
  });
  expect(formatFilterReport(report)[1]).toBe("k-core 2: removed 1 events, 1 users, 1 items");
});

test("values out of range are usage errors that show the value", async () => {
  const log = logOf([["u", "a"]]);
  for (const [options, got] of [
    [{ kCore: -1 }, "-1"],
    [{ kCore: 1.5 }, "1.5"],
    [{ kCore: Number.NaN }, "NaN"],
    [{ minLength: -2 }, "-2"],
    [{ duplicates: "both" }, '"both"'],
  ] as const) {
    const error = await errorOf(() => buildHistories(log, options as FilterOptions));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.code).toBe("FILTER_INVALID");
    expect(error.message).toContain(`got ${got}, expected`);
  }
});

test("filters that leave nothing say what they removed", async () => {
  const error = await errorOf(() => buildHistories(logOf([["u", "a"]]), { kCore: 5 }));
  expect(error.code).toBe("DATA_NOTHING_LEFT");
  expect(error.message).toContain("k-core 5: removed 1 events, 1 users, 1 items");
  expect((await errorOf(() => buildHistories(logOf([])))).code).toBe("DATA_NOTHING_LEFT");
});
