// splitLog, slowly and on plain arrays: ids instead of numbers, filters by searching everything each time.

import type { Cases, Split, SplitOptions, SplitResult } from "../../src/data/split.ts";

/** [user, item, time], in file order. */
export type Event = readonly [user: string, item: string, time: number];

/** A question in ids: null is an item outside the vocabulary. */
export interface Asked {
  user: string;
  history: string[];
  target: string | null;
}

/** What a split comes to, in ids. */
export interface PlainSplit {
  /** The vocabulary, in the order of its numbers. */
  items: string[];
  /** What each user trains on. */
  training: Record<string, string[]>;
  valid: Asked[];
  test: Asked[];
  unasked: { valid: number; test: number };
}

interface Entry {
  user: string;
  item: string;
  time: number;
  place: number;
  from: number;
  part: number;
}

/** Shows a split in ids; cases of a part by user, then as they are. */
export function plain({ histories, trainLength, valid, test, unasked }: Split): PlainSplit {
  const { userIds, items, offsets, item } = histories;
  const given = (user: number, length: number) =>
    [...item.subarray(offsets[user], offsets[user] + length)].map((index) => items.idOf(index));
  const training: Record<string, string[]> = {};
  for (let user = 0; user < userIds.size; user++) {
    if (trainLength[user] > 0) training[userIds.idOf(user)] = given(user, trainLength[user]);
  }
  const asked = (cases: Cases): Asked[] =>
    Array.from(cases.user, (user, row) => ({
      user: userIds.idOf(user),
      history: given(user, cases.prefix[row]),
      target: cases.target[row] < 0 ? null : items.idOf(cases.target[row]),
    }));
  return {
    items: [...items],
    training,
    valid: byUser(asked(valid)),
    test: byUser(asked(test)),
    unasked: { ...unasked },
  };
}

function byUser(cases: Asked[]): Asked[] {
  return cases.sort((a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0));
}

/** The twin; undefined where no training event is left. `ratio` is not in it: its order is a hash. */
export function twin(logs: (readonly Event[] | undefined)[], options: SplitOptions): PlainSplit | undefined {
  const { split, targets, sessionGap = 0, kCore = 0, minLength = 1, duplicates = "keep" } = options;
  let all: Entry[] = logs.flatMap((log, from) =>
    (log ?? []).map(([user, item, time], place) => ({ user, item, time, place, from, part: from })),
  );
  const historyOf = (user: string) =>
    all.filter((entry) => entry.user === user).sort((a, b) => a.from - b.from || a.time - b.time || a.place - b.place);
  const users = () => [...new Set(all.map(({ user }) => user))];

  if (sessionGap > 0) {
    for (const user of users()) {
      let number = 1;
      let before = Number.POSITIVE_INFINITY;
      for (const entry of historyOf(user)) {
        if (entry.time - before > sessionGap) number++;
        before = entry.time;
        entry.user = `${user}#${number}`;
      }
    }
  }

  const [name, argument] = split.split(":");
  const parts = logs[2] ? [1] : [1, 2];
  if (name === "temporal") {
    const shares = (argument ?? (logs[2] ? "0.9" : "0.8,0.9")).split(",").map(Number);
    const main = all.filter(({ from }) => from === 0).sort((a, b) => a.time - b.time || a.place - b.place);
    main.forEach((entry, rank) => {
      shares.forEach((share, at) => {
        if (rank >= Math.round(share * main.length)) entry.part = parts.slice(-shares.length)[at];
      });
    });
  }

  if (duplicates !== "keep") {
    const kept = new Set<Entry>();
    for (const user of users()) {
      const history = historyOf(user);
      history.forEach((entry, at) => {
        const before = history.slice(0, at);
        const after = history.slice(at + 1).filter(({ part }) => part === entry.part);
        const isRepeat =
          duplicates === "first"
            ? before.some(({ item }) => item === entry.item)
            : duplicates === "last"
              ? after.some(({ item }) => item === entry.item)
              : before.at(-1)?.item === entry.item;
        if (!isRepeat) kept.add(entry);
      });
    }
    all = all.filter((entry) => kept.has(entry));
  }

  let training = all.filter(({ part }) => part === 0);
  for (;;) {
    const next = training.findIndex(
      (entry) =>
        training.filter(({ user }) => user === entry.user).length < Math.max(kCore, minLength) ||
        training.filter(({ item }) => item === entry.item).length < kCore,
    );
    if (next < 0) break;
    training = training.toSpliced(next, 1);
  }
  if (training.length === 0) return undefined;
  const items = [...new Set(training.map(({ item }) => item))];
  const trains = new Set(training.map(({ user }) => user));

  const result: PlainSplit = { items, training: {}, valid: [], test: [], unasked: { valid: 0, test: 0 } };
  for (const user of users()) {
    const history = historyOf(user);
    if (name === "leave-one-out" && trains.has(user)) {
      const main = history.filter((entry) => entry.part === 0 && items.includes(entry.item));
      if (main.length > parts.length)
        parts.toReversed().forEach((part, back) => {
          main[main.length - 1 - back].part = part;
        });
    }
    const known = (entries: Entry[]) => entries.filter(({ item }) => items.includes(item)).map(({ item }) => item);
    const own = history.filter(({ part }) => part === 0);
    if (trains.has(user)) result.training[user] = known(own);
    for (const [key, part] of [
      ["valid", 1],
      ["test", 2],
    ] as const) {
      const first = history.findIndex((entry) => entry.part === part);
      if (first < 0) continue;
      const end = history.findLastIndex((entry) => entry.part === part) + 1;
      const ask = (before: number, at: number) => {
        if (before === 0) result.unasked[key]++;
        else {
          const { item } = history[at];
          result[key].push({
            user,
            history: known(history.slice(0, before)),
            target: items.includes(item) ? item : null,
          });
        }
      };
      if (targets === "last") ask(end - 1, end - 1);
      else if (targets === "prefixes") for (let at = first; at < end; at++) ask(at, at);
      else if (first === 0) result.unasked[key]++;
      else {
        const part = history.slice(first, end).map(({ item }) => item);
        part.forEach((item, at) => {
          if (part.indexOf(item) === at) ask(first, first + at);
        });
      }
    }
  }
  return { ...result, valid: byUser(result.valid), test: byUser(result.test) };
}

/** The split of a result in ids. */
export function plainResult({ split }: SplitResult): PlainSplit {
  return plain(split);
}
