import fc from "fast-check";
import { expect, test } from "vitest";
import { buildHistories } from "../../src/data/histories.ts";
import { SPLIT_RULES, splitHistories } from "../../src/data/split.ts";
import { UsageError } from "../../src/errors.ts";
import { errorOf, logOf } from "./support.ts";

/** Histories of users with these lengths; event t of a user is an item of its own. */
function historiesOf(lengths: number[]) {
  const events = lengths.flatMap((length, u) => Array.from({ length }, (_, t) => [`u${u}`, `u${u}-${t}`, t] as const));
  return buildHistories(logOf(events)).histories;
}

const anyLengths = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 });

test("leave-one-out asks for the last event as test and the one before as validation", () => {
  fc.assert(
    fc.property(anyLengths, (lengths) => {
      const histories = historiesOf(lengths);
      const { rule, trainLength, valid, test } = splitHistories(histories, "leave-one-out");
      expect(rule).toBe("leave-one-out");
      expect([...trainLength]).toEqual(lengths.map((length) => (length < 3 ? length : length - 2)));
      const asked = lengths.flatMap((length, u) => (length < 3 ? [] : [u]));
      for (const [cases, back] of [
        [valid, 2],
        [test, 1],
      ] as const) {
        expect([...cases.user]).toEqual(asked);
        expect([...cases.prefix]).toEqual(asked.map((u) => lengths[u] - back));
        // The target is the event right after the prefix, and training sees neither.
        const targets = [...cases.target].map((target) => histories.items.idOf(target));
        expect(targets).toEqual(asked.map((u) => `u${u}-${lengths[u] - back}`));
        asked.forEach((u, row) => {
          expect(trainLength[u]).toBeLessThanOrEqual(cases.prefix[row]);
        });
      }
    }),
  );
});

test("users with fewer than 3 events only train", () => {
  const { trainLength, valid, test } = splitHistories(historiesOf([1, 2, 3]), "leave-one-out");
  expect([...trainLength]).toEqual([1, 2, 1]);
  expect([...valid.user]).toEqual([2]);
  expect([...test.prefix]).toEqual([2]);
});

test("none trains on everything and asks nothing", () => {
  fc.assert(
    fc.property(anyLengths, (lengths) => {
      const { trainLength, valid, test } = splitHistories(historiesOf(lengths), "none");
      expect([...trainLength]).toEqual(lengths);
      expect([valid.user.length, valid.target.length, test.user.length, test.target.length]).toEqual([0, 0, 0, 0]);
    }),
  );
});

test("an unknown rule names the known ones", async () => {
  for (const rule of ["", "loo", "__proto__", "constructor", "temporary:0.8"]) {
    const error = await errorOf(() => splitHistories(historiesOf([3]), rule));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.code).toBe("SPLIT_UNKNOWN");
    expect(error.message).toContain(`got "${rule}", expected one of ${SPLIT_RULES.join(", ")}`);
  }
});

test("an argument to a rule that takes none is refused", async () => {
  for (const rule of ["leave-one-out:2", "none:"]) {
    expect((await errorOf(() => splitHistories(historiesOf([3]), rule))).code).toBe("SPLIT_ARGUMENT");
  }
});
