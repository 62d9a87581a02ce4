import { expect, test } from "vitest";
import { LogBuilder } from "../../src/data/log.ts";
import { DataError } from "../../src/errors.ts";
import { errorOf, eventsOf, HOSTILE_IDS, logOf } from "./support.ts";

test("events keep file order, with ids numbered by first appearance", () => {
  const log = logOf([
    ["u", "b", 5],
    ["v", "a", 1],
    ["u", "b", 3],
  ]);
  expect(log.length).toBe(3);
  expect([...log.user]).toEqual([0, 1, 0]);
  expect([...log.item]).toEqual([0, 1, 0]);
  expect([...log.time]).toEqual([5, 1, 3]);
  expect(log.user).toBeInstanceOf(Uint32Array);
  expect(log.item).toBeInstanceOf(Uint32Array);
  expect(log.time).toBeInstanceOf(Float64Array);
});

test("columns are exact at and around the chunk size of 65,536 events", () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 3 * 65_536 + 3]) {
    const builder = new LogBuilder();
    for (let event = 0; event < length; event++) builder.add(`u${event % 7}`, `i${event % 11}`, event / 2);
    const log = builder.build();
    expect([log.length, log.user.length, log.item.length, log.time.length]).toEqual([length, length, length, length]);
    let wrong = 0;
    for (let event = 0; event < length; event++) {
      if (log.user[event] !== event % 7 || log.item[event] !== event % 11 || log.time[event] !== event / 2) wrong++;
    }
    expect(wrong).toBe(0);
  }
});

test("a builder starts anew after build, and the log it gave stays as it was", () => {
  const builder = new LogBuilder();
  builder.add("u", "a", 1);
  const first = builder.build();
  builder.add("v", "b", 2);
  expect(builder.length).toBe(1);
  expect(eventsOf(builder.build())).toEqual([["v", "b", 2]]);
  expect(eventsOf(first)).toEqual([["u", "a", 1]]);
});

test("hostile ids come back as they were", () => {
  const events = HOSTILE_IDS.map((id, at) => [id, HOSTILE_IDS[HOSTILE_IDS.length - 1 - at], at] as const);
  expect(eventsOf(logOf(events))).toEqual(events);
});

test("a time that no order can place is refused with the number of the event", async () => {
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const builder = new LogBuilder();
    builder.add("u", "a", 1);
    const error = await errorOf(() => builder.add("u", "a", time));
    expect(error).toBeInstanceOf(DataError);
    expect(error.code).toBe("DATA_TIME");
    expect(error.message).toContain(`event 1: got time ${time}`);
  }
});
