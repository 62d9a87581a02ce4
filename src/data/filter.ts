// What is dropped from a log before anything is learned from it, and the report of it.

import { DataError, UsageError } from "../errors.ts";
import type { EventLog } from "./log.ts";
import type { UserOrder } from "./order.ts";
import { formatCount, quote } from "./words.ts";

const badCount = (option: string, got: unknown) =>
  new UsageError(
    "FILTER_INVALID",
    `${option}: got ${quote(got)}, expected a whole number, 0 or more. Correct the value.`,
  );
const unknownDuplicates = (got: unknown) =>
  new UsageError(
    "FILTER_INVALID",
    `duplicates: got ${quote(got)}, expected one of ${DUPLICATES.join(", ")}. Correct the value.`,
  );
const nothingLeft = (report: FilterReport, subject: string, next: string) =>
  new DataError(
    "DATA_NOTHING_LEFT",
    report.before.events === 0
      ? `${subject}: got 0 events, expected at least 1. ${next}`
      : `filters: got 0 of ${formatCount(report.before.events)} events (${formatFilterReport(report).join("; ")}), ` +
          "expected at least 1. Lower the k-core or the minimum length.",
  );

const DUPLICATES = ["keep", "first", "last", "consecutive"] as const;

/** What is dropped. */
export interface FilterOptions {
  /** Keeps only users and items with at least this many events, counted until nothing changes; 0 (default) is off. */
  kCore?: number;
  /** Keeps only users with at least this many events; 1 (default) is off. With `kCore`, both hold at the end. */
  minLength?: number;
  /**
   * What happens to an item that a user met before: `keep` (default); `first` or `last` keeps that one event;
   * `consecutive` makes one event (the first) of each run of the same item.
   */
  duplicates?: (typeof DUPLICATES)[number];
}

/** Users, items and events, as counts. */
export interface Counts {
  users: number;
  items: number;
  events: number;
}

/** What each rule removed; a user or item is counted for the rule that took its last event. */
export interface FilterReport {
  before: Counts;
  /** The rules in force, in the order in which they act, such as `duplicates first`, `k-core 5`, `minimum length 3`. */
  rules: (Counts & { rule: string })[];
  after: Counts;
}

/** An event stays. */
export const KEPT = 0;
/** An event is a duplicate. */
export const DUPLICATE = 1;
/** An event is of a rare item or a short user. */
export const RARE = 2;

/**
 * Finds the events to drop. Duplicates go first; then k-core and minimum length, together, until nothing changes. Events are
 * counted, so two visits to one item count twice unless duplicates are dropped.
 * @param part of each event, ascending inside a user. Counted, reported and dropped as rare are then only events of part 0;
 * duplicates are dropped everywhere, `last` ones inside each part, so that no part depends on a later one
 * @returns {@link KEPT}, {@link DUPLICATE} or {@link RARE} for each event, u8[events]
 * @throws UsageError `FILTER_INVALID` for a value out of range
 */
export function filterEvents(
  log: EventLog,
  byUser: UserOrder,
  options: FilterOptions,
  part?: Uint8Array,
): { removed: Uint8Array; report: FilterReport } {
  const { kCore = 0, minLength = 1, duplicates = "keep" } = options;
  if (!Number.isSafeInteger(kCore) || kCore < 0) throw badCount("k-core", kCore);
  if (!Number.isSafeInteger(minLength) || minLength < 0) throw badCount("minimum length", minLength);
  if (!DUPLICATES.includes(duplicates)) throw unknownDuplicates(duplicates);
  const filter = new Filter(log, part);
  if (duplicates !== "keep") filter.dropDuplicates(byUser, duplicates);
  if (kCore > 1 || minLength > 1) filter.dropRare(kCore, minLength);
  return { removed: filter.removed, report: filter.report() };
}

/**
 * Insists that filters leave something.
 * @param subject how messages call what was filtered
 * @param next what to do where there was nothing to filter
 * @throws DataError `DATA_NOTHING_LEFT` when no event is left
 */
export function requireEvents(report: FilterReport, subject: string, next: string): void {
  if (report.after.events === 0) throw nothingLeft(report, subject, next);
}

/** Describes a filter report in human lines, one a rule. */
export function formatFilterReport(report: FilterReport): string[] {
  return report.rules.map(
    ({ rule, users, items, events }) =>
      `${rule}: removed ${formatCount(events)} events, ${formatCount(users)} users, ${formatCount(items)} items`,
  );
}

class Filter {
  readonly removed: Uint8Array;
  private readonly userEvents: Uint32Array;
  private readonly itemEvents: Uint32Array;
  private readonly before: Counts = { users: 0, items: 0, events: 0 };
  private readonly rules: FilterReport["rules"] = [];

  constructor(
    private readonly log: EventLog,
    private readonly part: Uint8Array | undefined,
  ) {
    this.removed = new Uint8Array(log.length);
    this.userEvents = new Uint32Array(log.users.size);
    this.itemEvents = new Uint32Array(log.items.size);
    for (let event = 0; event < log.length; event++) {
      if (!this.counts(event)) continue;
      this.before.events++;
      if (this.userEvents[log.user[event]]++ === 0) this.before.users++;
      if (this.itemEvents[log.item[event]]++ === 0) this.before.items++;
    }
  }

  dropDuplicates({ offsets, order }: UserOrder, keep: "first" | "last" | "consecutive"): void {
    const { item } = this.log;
    const rule = this.rule(`duplicates ${keep}`);
    // seenIn[i] is the last history, counted from 1, that item i was seen in: one array serves all without being cleared.
    const seenIn = new Uint32Array(keep === "consecutive" ? 0 : this.log.items.size);
    let history = 0;
    for (let u = 0; u + 1 < offsets.length; u++) {
      history++;
      const length = offsets[u + 1] - offsets[u];
      for (let step = 0; step < length; step++) {
        const place = keep === "last" ? offsets[u + 1] - 1 - step : offsets[u] + step;
        const event = order[place];
        if (keep === "last" && step > 0 && this.part?.[event] !== this.part?.[order[place + 1]]) history++;
        if (keep === "consecutive") {
          if (step > 0 && item[event] === item[order[place - 1]]) this.remove(event, rule, DUPLICATE);
        } else if (seenIn[item[event]] === history) {
          this.remove(event, rule, DUPLICATE);
        } else {
          seenIn[item[event]] = history;
        }
      }
    }
  }

  dropRare(kCore: number, minLength: number): void {
    const { user, item } = this.log;
    const core = kCore > 1 ? this.rule(`k-core ${kCore}`) : undefined;
    const short = minLength > 1 ? this.rule(`minimum length ${minLength}`) : undefined;
    const left = new Uint32Array(this.before.events);
    let count = 0;
    for (let event = 0; event < this.log.length; event++) if (this.counts(event)) left[count++] = event;
    count = this.compact(left, count);
    for (let changed = true; changed; ) {
      const start = count;
      // 1. Rare items. Taking an event of one rare item changes no other item's count, so the pass needs no copy.
      if (core) {
        for (let at = 0; at < count; at++) {
          if (this.itemEvents[item[left[at]]] < kCore) this.remove(left[at], core, RARE);
        }
        count = this.compact(left, count);
      }
      // 2. Short users, judged by their length before the pass, so that one rule answers for all of a user's events.
      const lengths = this.userEvents.slice();
      for (let at = 0; at < count; at++) {
        const length = lengths[user[left[at]]];
        if (core && length < kCore) this.remove(left[at], core, RARE);
        else if (short && length < minLength) this.remove(left[at], short, RARE);
      }
      count = this.compact(left, count);
      changed = core !== undefined && count < start;
    }
  }

  report(): FilterReport {
    const after = { ...this.before };
    for (const rule of this.rules) {
      after.users -= rule.users;
      after.items -= rule.items;
      after.events -= rule.events;
    }
    return { before: this.before, rules: this.rules, after };
  }

  private counts(event: number): boolean {
    return this.part === undefined || this.part[event] === 0;
  }

  private rule(name: string): Counts {
    const rule = { rule: name, users: 0, items: 0, events: 0 };
    this.rules.push(rule);
    return rule;
  }

  private remove(event: number, rule: Counts, why: number): void {
    this.removed[event] = why;
    if (!this.counts(event)) return;
    rule.events++;
    if (--this.userEvents[this.log.user[event]] === 0) rule.users++;
    if (--this.itemEvents[this.log.item[event]] === 0) rule.items++;
  }

  private compact(events: Uint32Array, count: number): number {
    let kept = 0;
    for (let at = 0; at < count; at++) {
      if (this.removed[events[at]] === KEPT) events[kept++] = events[at];
    }
    return kept;
  }
}
