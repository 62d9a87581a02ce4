import fc from "fast-check";
import { expect, test } from "vitest";
import { joinLogs } from "../../src/data/join.ts";
import { orderByUser } from "../../src/data/order.ts";
import { cutSessions } from "../../src/data/sessions.ts";
import { eventsOf, HOSTILE_IDS, logOf } from "./support.ts";

const cut = (events: [string, string, number][], gap: number) => {
  const log = logOf(events);
  return eventsOf(cutSessions(log, orderByUser(log), gap));
};

test("a pause longer than the gap starts a session, one of exactly the gap does not", () => {
  const events: [string, string, number][] = [
    ["u", "a", 0],
    ["v", "a", 5],
    ["u", "b", 10],
    ["u", "c", 20.5],
    ["u", "d", 20.5],
    ["v", "b", 100],
  ];
  expect(cut(events, 10).map(([user]) => user)).toEqual(["u#1", "v#1", "u#1", "u#2", "u#2", "v#2"]);
  expect(new Set(cut(events, 1000).map(([user]) => user))).toEqual(new Set(["u#1", "v#1"]));
});

test("sessions are numbered by time, not by the order of the file", () => {
  expect(
    cut(
      [
        ["u", "late", 100],
        ["u", "early", 0],
      ],
      10,
    ).map(([user]) => user),
  ).toEqual(["u#2", "u#1"]);
});

test("no two users share a session's name, whatever their ids are made of", () => {
  const ids = [...HOSTILE_IDS, "a", "a#1", "a#1#1", "a#1#2", "#", "#1", "a#", "1"];
  const events = ids.flatMap((id, at) => [0, 50, 100].map((time): [string, string, number] => [id, `i${at}`, time]));
  const owners = new Map<string, string>();
  cut(events, 10).forEach(([session], at) => {
    expect(owners.has(session)).toBe(false);
    owners.set(session, events[at][0]);
    expect(session.slice(0, session.lastIndexOf("#"))).toBe(events[at][0]);
  });
  expect(owners.size).toBe(3 * ids.length);
});

test("later events never change which session an earlier one is in", () => {
  const event = fc.tuple(fc.constantFrom("u", "v"), fc.constant("i"), fc.integer({ min: 0, max: 30 }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), fc.array(event, { maxLength: 20 }), (early, more) => {
      const late = more.map(([user, item, time]): [string, string, number] => [user, item, time + 31]);
      expect(cut([...early, ...late], 4).slice(0, early.length)).toEqual(cut(early, 4));
    }),
  );
});

test("joined logs keep their events in order, and equal ids are the same user or item", () => {
  const event = fc.tuple(
    fc.constantFrom("u", "v", "w"),
    fc.constantFrom("a", "b", "c"),
    fc.integer({ min: 0, max: 9 }),
  );
  const anyEvents = fc.array(event, { maxLength: 10 });
  fc.assert(
    fc.property(anyEvents, fc.option(anyEvents, { nil: undefined }), anyEvents, (one, two, three) => {
      const { log, from } = joinLogs([logOf(one), two && logOf(two), logOf(three)]);
      expect(eventsOf(log)).toEqual([...one, ...(two ?? []), ...three]);
      expect([...from]).toEqual([...one.map(() => 0), ...(two ?? []).map(() => 1), ...three.map(() => 2)]);
      expect(log.users.size).toBe(new Set(eventsOf(log).map(([user]) => user)).size);
    }),
  );
});
