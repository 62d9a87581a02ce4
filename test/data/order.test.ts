import fc from "fast-check";
import { expect, test } from "vitest";
import { orderByUser } from "../../src/data/order.ts";
import { logOf } from "./support.ts";

test("events of a user are ordered by time, equal times by file order, as a stable sort gives them", () => {
  const event = fc.tuple(fc.constantFrom("u", "v", "w"), fc.constant("i"), fc.integer({ min: -3, max: 3 }));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const log = logOf(events);
      const { offsets, order } = orderByUser(log);
      const twin = [...log.users].map((user) =>
        events
          .map(([owner, , time], place) => ({ owner, time, place }))
          .filter(({ owner }) => owner === user)
          .sort((a, b) => a.time - b.time)
          .map(({ place }) => place),
      );
      expect([...order]).toEqual(twin.flat());
      expect([...offsets]).toEqual([0, ...twin.map((_, u) => twin.slice(0, u + 1).flat().length)]);
    }),
  );
});

test("an empty log has no users and no order", () => {
  const { offsets, order } = orderByUser(logOf([]));
  expect([...offsets]).toEqual([0]);
  expect(order.length).toBe(0);
});
