// From histories whose events have parts to questions: what is given, and what is to be predicted.

import { UsageError } from "../errors.ts";
import type { Histories } from "./histories.ts";
import { TEST, TRAIN, VALID } from "./parts.ts";
import type { Ids } from "./vocabulary.ts";
import { quote } from "./words.ts";

const unknownTargets = (got: unknown) =>
  new UsageError(
    "TARGETS_UNKNOWN",
    `targets: got ${quote(got)}, expected one of ${TARGETS.join(", ")}. Correct the value.`,
  );

/** Questions to a model, one per row c: given the first `prefix[c]` events of user `user[c]`, predict item `target[c]`. */
export interface Cases {
  /** User index, u32[cases]. */
  readonly user: Uint32Array;
  /** Leading events of the user's history that are given, u32[cases]; 0 where all that came before is outside the vocabulary. */
  readonly prefix: Uint32Array;
  /** Item index to predict, i32[cases]; -1 is an item outside the vocabulary, always a miss. */
  readonly target: Int32Array;
}

/**
 * What is predicted in a user's held-out part:
 *
 * - `last`: its last event, from everything before that event. One case a user.
 * - `future`: every item of the part, each once, from everything before the part. One case an item, those of a user side by side
 *   with one prefix: HR, NDCG and MRR are means over these (user, item) pairs, each ranked among all items, the user's other
 *   targets included; recall is the mean over users.
 * - `prefixes`: every event, from everything before it. One case an event, so long parts weigh more.
 *
 * Where the part is one event, as in `leave-one-out`, all three are the same. An event that nothing comes before is no case.
 */
export type Targets = (typeof TARGETS)[number];

/** The rules of what is predicted; the first is the default. */
export const TARGETS = ["last", "future", "prefixes"] as const;

/** Histories of which each event belongs to a part; events whose item is outside the vocabulary are still among them. */
export interface PartedHistories {
  readonly userIds: Ids;
  readonly items: Ids;
  /** First event of each user, u32[users + 1]. */
  readonly offsets: Uint32Array;
  /** Item index of each event, or -1 and less for items outside the vocabulary, a number for each; i32[events]. */
  readonly item: Int32Array;
  /** f64[events]. */
  readonly time: Float64Array;
  /** Part of each event, never falling inside a user; u8[events]. */
  readonly part: Uint8Array;
  /** Whether training sees the user's events of its part; u8[users]. */
  readonly trains: Uint8Array;
}

/** Histories without parts, and what is trained and asked. */
export interface CutHistories {
  readonly histories: Histories;
  readonly trainLength: Uint32Array;
  readonly valid: Cases;
  readonly test: Cases;
  /** Held-out events or, unless every prefix predicts, users that are no case because nothing comes before them. */
  readonly unasked: { readonly valid: number; readonly test: number };
}

/**
 * Checks the name of a rule of targets.
 * @throws UsageError `TARGETS_UNKNOWN`
 */
export function checkTargets(targets: string): Targets {
  const known = TARGETS.find((name) => name === targets);
  if (known === undefined) throw unknownTargets(targets);
  return known;
}

/** Drops what is outside the vocabulary, and asks for the held-out parts. */
export function askCases(parted: PartedHistories, targets: Targets): CutHistories {
  const { userIds, items, offsets, item, time, part, trains } = parted;
  const users = offsets.length - 1;
  const isWhole = !item.some((index) => index < 0);
  const rows = new Uint32Array(users + 1);
  const keptItem = isWhole ? new Uint32Array(item.buffer, item.byteOffset, item.length) : new Uint32Array(item.length);
  const keptTime = isWhole ? time : new Float64Array(item.length);
  const trainLength = new Uint32Array(users);
  const valid = new CaseList(count(part, VALID), targets);
  const test = new CaseList(count(part, TEST), targets);
  // Known items up to each event of a user: what a prefix of the user's history shrinks to.
  let known = new Uint32Array(0);
  for (let u = 0; u < users; u++) {
    const start = offsets[u];
    const length = offsets[u + 1] - start;
    if (known.length <= length) known = new Uint32Array(2 * length + 1);
    let kept = rows[u];
    for (let at = 0; at < length; at++) {
      known[at] = kept - rows[u];
      if (item[start + at] < 0) continue;
      if (!isWhole) {
        keptItem[kept] = item[start + at];
        keptTime[kept] = time[start + at];
      }
      if (part[start + at] === TRAIN && trains[u] === 1) trainLength[u]++;
      kept++;
    }
    rows[u + 1] = kept;
    let at = 0;
    while (at < length && part[start + at] === TRAIN) at++;
    for (const [number, list] of [
      [VALID, valid],
      [TEST, test],
    ] as const) {
      const first = at;
      while (at < length && part[start + at] === number) at++;
      if (at > first) list.add(u, item.subarray(start, start + length), known, first, at);
    }
  }
  return {
    histories: {
      userIds,
      items,
      offsets: rows,
      item: keptItem.subarray(0, rows[users]),
      time: keptTime.subarray(0, rows[users]),
    },
    trainLength,
    valid: valid.build(),
    test: test.build(),
    unasked: { valid: valid.unasked, test: test.unasked },
  };
}

function count(part: Uint8Array, wanted: number): number {
  let events = 0;
  for (const number of part) if (number === wanted) events++;
  return events;
}

/** Collects the cases of one part. */
class CaseList {
  unasked = 0;
  private readonly user: Uint32Array;
  private readonly prefix: Uint32Array;
  private readonly target: Int32Array;
  private length = 0;

  /** @param most held-out events, which no rule asks for twice */
  constructor(
    most: number,
    private readonly targets: Targets,
  ) {
    this.user = new Uint32Array(most);
    this.prefix = new Uint32Array(most);
    this.target = new Int32Array(most);
  }

  /** Asks for a user's events `first … end - 1`. @param known number of known items before each event */
  add(user: number, items: Int32Array, known: Uint32Array, first: number, end: number): void {
    if (this.targets === "future") {
      if (first === 0) this.unasked++;
      else for (const item of new Set(items.subarray(first, end))) this.push(user, known[first], item);
      return;
    }
    for (let at = this.targets === "last" ? end - 1 : first; at < end; at++) {
      if (at === 0) this.unasked++;
      else this.push(user, known[at], items[at]);
    }
  }

  build(): Cases {
    const { user, prefix, target, length } = this;
    return { user: user.slice(0, length), prefix: prefix.slice(0, length), target: target.slice(0, length) };
  }

  private push(user: number, prefix: number, item: number): void {
    this.user[this.length] = user;
    this.prefix[this.length] = prefix;
    this.target[this.length] = Math.max(-1, item);
    this.length++;
  }
}
