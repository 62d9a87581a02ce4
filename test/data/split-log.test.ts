import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildHistories } from "../../src/data/histories.ts";
import { formatSplit, SPLIT_RULES, type SplitOptions, splitHistories, splitLog } from "../../src/data/split.ts";
import { Vocabulary } from "../../src/data/vocabulary.ts";
import { DataError, UsageError } from "../../src/errors.ts";
import { type Event, plain, twin } from "./split-twin.ts";
import { errorOf, logOf } from "./support.ts";

const split = (logs: (readonly Event[] | undefined)[], options: SplitOptions) =>
  splitLog(logOf(logs[0]!), options, { valid: logs[1] && logOf(logs[1]), test: logs[2] && logOf(logs[2]) });

const event = (first: number, last: number): fc.Arbitrary<Event> =>
  fc.tuple(
    fc.constantFrom("u", "v", "w", "x", "y"),
    fc.constantFrom("a", "b", "c", "d", "e"),
    fc.integer({ min: first, max: last }),
  );
const events = (maxLength: number, first = 0, last = 9) => fc.array(event(first, last), { minLength: 1, maxLength });
const anyTargets = fc.constantFrom("last" as const, "future" as const, "prefixes" as const);
const anyFilter = {
  kCore: fc.integer({ min: 0, max: 3 }),
  minLength: fc.integer({ min: 0, max: 3 }),
  duplicates: fc.constantFrom("keep" as const, "first" as const, "last" as const, "consecutive" as const),
};

describe("splitLog equals a brute-force twin", () => {
  /** Compares on random logs, and insists that both parts were asked for often enough to mean something. */
  function compare(rules: string[], logs: fc.Arbitrary<(Event[] | undefined)[]>, expectTest = true): void {
    const met = { valid: 0, test: 0, unknown: 0, blind: 0, unasked: 0 };
    const options = fc.record({
      split: fc.constantFrom(...rules),
      targets: anyTargets,
      sessionGap: fc.constantFrom(0, 0, 2),
      ...anyFilter,
    });
    fc.assert(
      fc.property(logs, options, (given, options) => {
        const want = twin(given, options);
        if (!want) {
          expect(() => split(given, options)).toThrow(DataError);
          return;
        }
        expect(plain(split(given, options).split)).toEqual(want);
        met.valid += want.valid.length;
        met.test += want.test.length;
        met.unknown += want.test.concat(want.valid).filter(({ target }) => target === null).length;
        met.blind += want.test.concat(want.valid).filter(({ history }) => history.length === 0).length;
        met.unasked += want.unasked.valid + want.unasked.test;
      }),
      { numRuns: 600 },
    );
    expect(met.valid).toBeGreaterThan(rules[0] === "none" ? -1 : 30);
    if (expectTest) expect(met.test).toBeGreaterThan(100);
    if (rules.some((rule) => rule.startsWith("temporal")))
      expect(Math.min(met.unknown, met.blind, met.unasked)).toBeGreaterThan(10);
  }

  test("for leave-one-out", () =>
    compare(
      ["leave-one-out"],
      events(40).map((log) => [log]),
    ));

  test("for temporal, one or two cuts, ties at the cut included", () =>
    compare(
      ["temporal", "temporal:0.5,0.75", "temporal:.6", "temporal:0.7,0.7"],
      events(40).map((log) => [log]),
    ));

  test("with a test file, whose users are new or known and whose times may go back", () =>
    compare(
      ["leave-one-out", "temporal", "temporal:0.5"],
      fc.tuple(events(30), fc.constant(undefined), events(12, 3, 12)),
    ));

  test("with validation and test files", () =>
    compare(["none"], fc.tuple(events(30), events(12, 3, 12), events(12, 3, 12))));

  test("with a validation file alone, which leaves no test", () =>
    compare(["none"], fc.tuple(events(30), events(12, 3, 12), fc.constant(undefined)), false));
});

test("leave-one-out and none give what filtering first and splitting then gives, the same objects where nothing is cut", () => {
  fc.assert(
    fc.property(events(30), fc.constantFrom("leave-one-out", "none"), anyTargets, (log, rule, targets) => {
      const options = { kCore: 1, split: rule, targets };
      const { histories, report } = buildHistories(logOf(log), options);
      const got = splitLog(logOf(log), options);
      expect(plain(got.split)).toEqual(plain(splitHistories(histories, rule, targets)));
      expect(got.report).toEqual(report);
      expect(got.split.everything()).toBe(got.split.histories);
    }),
  );
});

test("where one event is held out, last, future and prefixes ask the same", () => {
  fc.assert(
    fc.property(events(40), (log) => {
      const asked = (targets: string) => plain(split([log], { split: "leave-one-out", targets }).split);
      expect(asked("future")).toEqual(asked("last"));
      expect(asked("prefixes")).toEqual(asked("last"));
    }),
  );
});

/** What training and selection see: numbers, not ids, as the network does. */
function trainingPart({ split }: ReturnType<typeof splitLog>) {
  const { histories, trainLength } = split;
  const users = trainLength.filter((length) => length > 0).length;
  return {
    items: [...histories.items],
    users: [...histories.userIds].slice(0, users),
    rows: Array.from({ length: users }, (_, u) => [
      ...histories.item.subarray(histories.offsets[u], histories.offsets[u] + trainLength[u]),
    ]),
  };
}

function validationPart({ split: { histories, valid } }: ReturnType<typeof splitLog>) {
  return Array.from(valid.user, (u, row) => [
    u,
    histories.userIds.idOf(u),
    [...histories.item.subarray(histories.offsets[u], histories.offsets[u] + valid.prefix[row])],
    valid.target[row],
  ]);
}

/** Puts later events among earlier ones, anywhere in the file; each kind keeps its order. */
function interleave(places: readonly number[], earlier: readonly Event[], later: readonly Event[]): Event[] {
  const file = [...earlier];
  later.forEach((each, at) => {
    file.splice(
      Math.max(0, ...later.slice(0, at).map((other) => file.indexOf(other) + 1), (places[at] ?? 0) % (file.length + 1)),
      0,
      each,
    );
  });
  return file;
}

describe("nothing after a cut reaches what comes before it", () => {
  const places = fc.array(fc.nat(), { maxLength: 30 });
  const filter = fc.record({ targets: anyTargets, sessionGap: fc.constantFrom(0, 2), ...anyFilter });
  const runSafe = <Result>(run: () => Result) => {
    try {
      return run();
    } catch (error) {
      if (error instanceof DataError) return error.code;
      throw error;
    }
  };

  test("temporal: changing, moving, adding or deleting later events leaves training part, vocabulary and numbering as they were", () => {
    fc.assert(
      fc.property(
        events(25, 0, 9),
        events(15, 10, 19),
        events(15, 10, 19),
        places,
        places,
        filter,
        (past, one, two, p1, p2, options) => {
          const run = (future: Event[], at: number[]) => {
            const share = past.length / (past.length + future.length);
            const log = interleave(at, past, future);
            return runSafe(() => trainingPart(split([log], { split: `temporal:${share.toFixed(17)},1`, ...options })));
          };
          expect(run(two, p2)).toEqual(run(one, p1));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("temporal: whatever the test holds, the validation asks the same of the same users", () => {
    fc.assert(
      fc.property(
        events(25, 0, 9),
        events(10, 10, 19),
        events(15, 20, 29),
        events(15, 20, 29),
        places,
        filter,
        (past, middle, one, two, at, options) => {
          const run = (future: Event[]) => {
            const total = past.length + middle.length + future.length;
            const shares = [past.length / total, (past.length + middle.length) / total].map((share) =>
              share.toFixed(17),
            );
            const log = interleave(at, interleave(at, past, middle), future);
            return runSafe(() => validationPart(split([log], { split: `temporal:${shares}`, ...options })));
          };
          expect(run(two)).toEqual(run(one));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("files: training knows neither of them, validation not the test", () => {
    fc.assert(
      fc.property(events(25), events(15), events(15), events(15), filter, (log, valid, one, two, options) => {
        const run = (logs: (Event[] | undefined)[]) => runSafe(() => split(logs, { split: "none", ...options }));
        const [first, second, alone] = [run([log, valid, one]), run([log, valid, two]), run([log, one, undefined])];
        if (typeof first === "string" || typeof second === "string" || typeof alone === "string") {
          expect(second).toEqual(first);
          return;
        }
        expect(trainingPart(second)).toEqual(trainingPart(first));
        expect(trainingPart(alone)).toEqual(trainingPart(first));
        expect(validationPart(second)).toEqual(validationPart(first));
      }),
      { numRuns: 300 },
    );
  });

  test("leave-one-out: changing the test item to another one that training knows changes nothing in training or validation", () => {
    const log: Event[] = [..."abcde"].map((item, time) => ["all", item, time]);
    for (const user of ["u", "v"]) for (const item of "abc") log.push([user, item, log.length]);
    const moved = log.with(-1, ["v", "e", log.length - 1]);
    const [before, after] = [log, moved].map((each) => split([each], { split: "leave-one-out", targets: "last" }));
    expect(trainingPart(after)).toEqual(trainingPart(before));
    expect(validationPart(after)).toEqual(validationPart(before));
    expect([...after.split.test.target]).not.toEqual([...before.split.test.target]);
  });

  test("ratio: what held-out users do changes nothing for those who train", () => {
    fc.assert(
      fc.property(
        events(40),
        fc.array(event(0, 9), { minLength: 40, maxLength: 40 }),
        filter,
        (log, other, { targets, ...options }) => {
          const rule = {
            split: "ratio:0.6,0.8",
            targets: targets === "future" ? "last" : targets,
            ...options,
            sessionGap: 0,
          };
          const whole = runSafe(() => split([log], { ...rule, kCore: 0, minLength: 0 }));
          if (typeof whole === "string") return;
          const { userIds } = whole.split.histories;
          const heldOut = new Set([...userIds].filter((_, u) => whole.split.trainLength[u] === 0));
          const changed = log.map(
            (each, at): Event => (heldOut.has(each[0]) ? [each[0], other[at][1], other[at][2]] : each),
          );
          const run = (events: Event[]) => runSafe(() => trainingPart(split([events], rule)));
          expect(run(changed)).toEqual(run(log));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("ratio", () => {
  const users = Array.from({ length: 200 }, (_, u) => `user-${u}`);
  const log: Event[] = users.flatMap((user) => [..."abcd"].map((item, time): Event => [user, item, time]));
  const partsOf = (given: Event[], rule = "ratio") => {
    const { split: cut } = split([given], { split: rule, targets: "prefixes" });
    const { userIds } = cut.histories;
    const named = (list: Uint32Array) => [...new Set([...list].map((user) => userIds.idOf(user)))].sort();
    const training = [...userIds].filter((_, user) => cut.trainLength[user] > 0).sort();
    return { training, valid: named(cut.valid.user), test: named(cut.test.user) };
  };

  test("every user is in one part, in the shares asked for, and every prefix of a held-out user is asked", () => {
    const { training, valid, test } = partsOf(log);
    expect([training.length, valid.length, test.length]).toEqual([160, 20, 20]);
    expect([...training, ...valid, ...test].sort()).toEqual([...users].sort());
    const { split: cut } = split([log], { split: "ratio", targets: "prefixes" });
    expect([cut.valid.user.length, cut.test.user.length]).toEqual([60, 60]);
    expect([...cut.test.prefix.slice(0, 3)]).toEqual([1, 2, 3]);
    expect(cut.unasked).toEqual({ valid: 20, test: 20 });
  });

  test("who is held out does not depend on the order of the log, and is no run of neighbours", () => {
    expect(partsOf(log.toReversed())).toEqual(partsOf(log));
    const numbers = partsOf(log).test.map((user) => Number(user.slice(5)));
    expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(100);
  });

  test("one share leaves no validation; with a test file it leaves no test", () => {
    const one = partsOf(log, "ratio:0.75");
    expect([one.training.length, one.valid.length, one.test.length]).toEqual([150, 0, 50]);
    const { split: cut } = split(
      [
        log,
        undefined,
        [
          ["new", "a", 1],
          ["new", "b", 2],
        ],
      ],
      { split: "ratio:0.75", targets: "last" },
    );
    expect([cut.valid.user.length, cut.test.user.length]).toEqual([50, 1]);
  });

  test("future targets are refused, as nothing comes before", async () => {
    const error = await errorOf(() => split([log], { split: "ratio", targets: "future" }));
    expect([error.code, error.exitCode]).toEqual(["SPLIT_TARGETS", 2]);
  });
});

describe("temporal by hand", () => {
  // Time order: a b c d | x e | y a; "u" goes on through all parts, "n" comes late, "x" and "y" are new items.
  const log: Event[] = [
    ["u", "a", 1],
    ["v", "b", 2],
    ["u", "c", 3],
    ["v", "d", 4],
    ["u", "x", 5],
    ["u", "d", 6],
    ["n", "y", 7],
    ["n", "a", 8],
  ];
  const run = (targets: string) => plain(split([log], { split: "temporal:0.5,0.75", targets }).split);

  test("targets outside the vocabulary are misses, the test history includes the validation", () => {
    expect(run("prefixes")).toEqual({
      items: ["a", "b", "c", "d"],
      training: { u: ["a", "c"], v: ["b", "d"] },
      valid: [
        { user: "u", history: ["a", "c"], target: null },
        { user: "u", history: ["a", "c"], target: "d" },
      ],
      test: [{ user: "n", history: [], target: "a" }],
      unasked: { valid: 0, test: 1 },
    });
    expect(run("last").valid).toEqual([{ user: "u", history: ["a", "c"], target: "d" }]);
    expect(run("future")).toMatchObject({ test: [], unasked: { test: 1 } });
  });

  test("the lines of the report count misses and what is not asked", () => {
    const { split: cut } = split([log], { split: "temporal:0.5,0.75", targets: "prefixes" });
    expect(formatSplit(cut)).toEqual([
      "split: temporal:0.5,0.75, 2 validation and 1 test cases (targets: prefixes)",
      "validation: 1 targets outside the vocabulary, which are misses",
      "test: 1 cases with no known item before them, which are misses",
      "test: 1 events with nothing before them, which are not asked about",
    ]);
  });

  test("users that the filters took out of training keep their history and are asked", () => {
    const { split: cut, report } = split([log], { split: "temporal:0.625,1", targets: "last", minLength: 3 });
    // Only u has three events before the cut; nothing of v is in the vocabulary, and u's d is not either.
    expect(plain(cut)).toMatchObject({ items: ["a", "c", "x"], training: { u: ["a", "c", "x"] } });
    expect(plain(cut).valid).toEqual([
      { user: "n", history: [], target: "a" },
      { user: "u", history: ["a", "c", "x"], target: null },
    ]);
    expect(report).toEqual({
      before: { users: 2, items: 5, events: 5 },
      rules: [{ rule: "minimum length 3", users: 1, items: 2, events: 2 }],
      after: { users: 1, items: 3, events: 3 },
    });
  });

  test("future asks for each item once, side by side with one prefix", () => {
    const more: Event[] = [...log.slice(0, 4), ["u", "d", 5], ["u", "a", 6], ["u", "d", 7], ["u", "z", 8]];
    const { split: cut } = split([more], { split: "temporal:0.5", targets: "future" });
    expect(plain(cut).test.map(({ target }) => target)).toEqual(["d", "a", null]);
    expect([...cut.test.prefix]).toEqual([2, 2, 2]);
  });

  test("everything is all events filtered anew, with the vocabulary of all", () => {
    const { split: cut } = split([log], { split: "temporal:0.5,0.75", targets: "last", minLength: 2 });
    expect([...cut.everything().items]).toEqual(["a", "b", "c", "d", "x", "y"]);
    expect(cut.everything().item.length).toBe(8);
    const files = split([log.slice(0, 4), undefined, log.slice(4)], { split: "none", targets: "last" });
    expect([...files.split.everything().items]).toEqual(["a", "b", "c", "d", "x", "y"]);
    const { offsets, item, items } = files.split.everything();
    expect([...item.subarray(0, offsets[1])].map((index) => items.idOf(index))).toEqual(["a", "c", "x", "d"]);
  });

  test("a given vocabulary is the vocabulary, and filters do not act", () => {
    const vocabulary = Vocabulary.from(["y", "d", "never"]);
    const options = { split: "temporal:0,0", targets: "prefixes", kCore: 50 };
    const { split: cut } = splitLog(logOf(log), options, {}, vocabulary);
    expect(cut.histories.items).toBe(vocabulary);
    expect(plain(cut)).toMatchObject({ training: {}, valid: [] });
    expect(plain(cut).test.filter(({ target }) => target !== null)).toEqual([
      { user: "u", history: [], target: "d" },
      { user: "v", history: [], target: "d" },
    ]);
  });
});

test("a known user's history goes on in the files, in the order of files whatever the times say", () => {
  const logs: Event[][] = [
    [
      ["u", "a", 100],
      ["u", "b", 200],
      ["v", "c", 100],
      ["v", "d", 200],
    ],
    [
      ["u", "c", 10],
      ["n", "a", 5],
    ],
    [
      ["u", "d", 1],
      ["v", "a", 2],
      ["n", "q", 6],
    ],
  ];
  expect(plain(split(logs, { split: "none", targets: "last" }).split)).toEqual({
    items: ["a", "b", "c", "d"],
    training: { u: ["a", "b"], v: ["c", "d"] },
    valid: [{ user: "u", history: ["a", "b"], target: "c" }],
    test: [
      { user: "n", history: ["a"], target: null },
      { user: "u", history: ["a", "b", "c"], target: "d" },
      { user: "v", history: ["c", "d"], target: "a" },
    ],
    unasked: { valid: 1, test: 0 },
  });
});

test("what cannot be followed is a usage error with the value and an example", async () => {
  const log: Event[] = [["u", "a", 1]];
  for (const [rule, targets, code] of [
    ["temporal:", "last", "SPLIT_ARGUMENT"],
    ["temporal:0.9,0.8", "last", "SPLIT_ARGUMENT"],
    ["temporal:1.1", "last", "SPLIT_ARGUMENT"],
    ["temporal:-0.5", "last", "SPLIT_ARGUMENT"],
    ["temporal:0.5,", "last", "SPLIT_ARGUMENT"],
    ["temporal:80%", "last", "SPLIT_ARGUMENT"],
    ["temporal:1e-1", "last", "SPLIT_ARGUMENT"],
    ["ratio:0.1,0.2,0.3", "last", "SPLIT_ARGUMENT"],
    ["none:1", "last", "SPLIT_ARGUMENT"],
    ["Temporal", "last", "SPLIT_UNKNOWN"],
    ["__proto__", "last", "SPLIT_UNKNOWN"],
    ["temporal", "next", "TARGETS_UNKNOWN"],
    ["temporal", "toString", "TARGETS_UNKNOWN"],
  ]) {
    const error = await errorOf(() => split([log], { split: rule, targets }));
    expect(error).toBeInstanceOf(UsageError);
    expect([rule, error.code]).toEqual([rule, code]);
    expect(error.message).toMatch(/expected .*\. /);
  }
  expect(
    (await errorOf(() => split([log, undefined, log], { split: "temporal:0.8,0.9", targets: "last" }))).message,
  ).toBe('split temporal: got "0.8,0.9", expected one share from 0 to 1, such as temporal:0.9. Correct the value.');
  expect((await errorOf(() => split([log, log], { split: "temporal", targets: "last" }))).code).toBe("SPLIT_AND_VALID");
  expect((await errorOf(() => split([log], { split: "temporal:0", targets: "last" }))).message).toBe(
    "training part: got 0 events, expected at least 1. Check the data and the split.",
  );
  const { histories } = buildHistories(logOf(log));
  expect((await errorOf(() => splitHistories(histories, "temporal"))).code).toBe("SPLIT_NEEDS_LOG");
  expect(SPLIT_RULES).toEqual(["leave-one-out", "none", "temporal", "ratio"]);
});
