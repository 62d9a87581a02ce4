// From a log to histories: filters first, then ids numbered anew, then one row of items per user.

import { DataError, UsageError } from "../errors.ts";
import type { EventLog } from "./log.ts";
import { orderByUser, type UserOrder } from "./order.ts";
import { Vocabulary } from "./vocabulary.ts";
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
const nothingLeft = (report: FilterReport) =>
  new DataError(
    "DATA_NOTHING_LEFT",
    report.before.events === 0
      ? "log: got 0 events, expected at least 1. Check the source of the data."
      : `filters: got 0 of ${formatCount(report.before.events)} events (${formatFilterReport(report).join("; ")}), ` +
          "expected at least 1. Lower the k-core or the minimum length.",
  );

const DUPLICATES = ["keep", "first", "last", "consecutive"] as const;

/** Histories of all users in rows: events `offsets[u] … offsets[u + 1] - 1` are those of user u, oldest first. */
export interface Histories {
  /** User ids, numbered by first appearance in the filtered log (file order). */
  readonly userIds: Vocabulary;
  /** Item ids, numbered by first appearance in the filtered log (file order). */
  readonly items: Vocabulary;
  /** First event of each user, u32[users + 1]. */
  readonly offsets: Uint32Array;
  /** Item index of each event, u32[events]. */
  readonly item: Uint32Array;
  /** Time of each event in seconds, f64[events]; never falls inside a user. */
  readonly time: Float64Array;
  /** Rating of each event, f32[events], where the log has ratings. */
  readonly rating?: Float32Array;
}

/** What {@link buildHistories} drops. */
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

/**
 * Filters a log and turns it into histories. Duplicates go first; then k-core and minimum length, together, until
 * nothing changes. Events are counted, so two visits to one item count twice unless duplicates are dropped.
 * @returns the histories, and what each rule removed
 * @throws UsageError `FILTER_INVALID` for a value out of range
 * @throws DataError `DATA_NOTHING_LEFT` when no event is left
 */
export function buildHistories(
  log: EventLog,
  options: FilterOptions = {},
): { histories: Histories; report: FilterReport } {
  const { kCore = 0, minLength = 1, duplicates = "keep" } = options;
  if (!Number.isSafeInteger(kCore) || kCore < 0) throw badCount("k-core", kCore);
  if (!Number.isSafeInteger(minLength) || minLength < 0) throw badCount("minimum length", minLength);
  if (!DUPLICATES.includes(duplicates)) throw unknownDuplicates(duplicates);

  const byUser = orderByUser(log);
  const filter = new Filter(log);
  if (duplicates !== "keep") filter.dropDuplicates(byUser, duplicates);
  if (kCore > 1 || minLength > 1) filter.dropRare(kCore, minLength);
  const report = filter.report();
  if (report.after.events === 0) throw nothingLeft(report);
  return { histories: toRows(log, byUser, filter.removed, report), report };
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
  private readonly before: Counts;
  private readonly rules: FilterReport["rules"] = [];

  constructor(private readonly log: EventLog) {
    this.removed = new Uint8Array(log.length);
    this.userEvents = new Uint32Array(log.users.size);
    this.itemEvents = new Uint32Array(log.items.size);
    for (let event = 0; event < log.length; event++) {
      this.userEvents[log.user[event]]++;
      this.itemEvents[log.item[event]]++;
    }
    this.before = { users: log.users.size, items: log.items.size, events: log.length };
  }

  dropDuplicates({ offsets, order }: UserOrder, keep: "first" | "last" | "consecutive"): void {
    const { item } = this.log;
    const rule = this.rule(`duplicates ${keep}`);
    // seenBy[i] - 1 is the last user that was seen with item i: one array serves all users without being cleared.
    const seenBy = new Uint32Array(keep === "consecutive" ? 0 : this.log.items.size);
    for (let u = 0; u + 1 < offsets.length; u++) {
      const length = offsets[u + 1] - offsets[u];
      for (let step = 0; step < length; step++) {
        const event = order[keep === "last" ? offsets[u + 1] - 1 - step : offsets[u] + step];
        if (keep === "consecutive") {
          if (step > 0 && item[event] === item[order[offsets[u] + step - 1]]) this.remove(event, rule);
        } else if (seenBy[item[event]] === u + 1) {
          this.remove(event, rule);
        } else {
          seenBy[item[event]] = u + 1;
        }
      }
    }
  }

  dropRare(kCore: number, minLength: number): void {
    const { user, item } = this.log;
    const core = kCore > 1 ? this.rule(`k-core ${kCore}`) : undefined;
    const short = minLength > 1 ? this.rule(`minimum length ${minLength}`) : undefined;
    const left = new Uint32Array(this.log.length);
    for (let event = 0; event < left.length; event++) left[event] = event;
    let count = this.compact(left, left.length);
    for (let changed = true; changed; ) {
      const start = count;
      // 1. Rare items. Taking an event of one rare item changes no other item's count, so the pass needs no copy.
      if (core) {
        for (let at = 0; at < count; at++) {
          if (this.itemEvents[item[left[at]]] < kCore) this.remove(left[at], core);
        }
        count = this.compact(left, count);
      }
      // 2. Short users, judged by their length before the pass, so that one rule answers for all of a user's events.
      const lengths = this.userEvents.slice();
      for (let at = 0; at < count; at++) {
        const length = lengths[user[left[at]]];
        if (core && length < kCore) this.remove(left[at], core);
        else if (short && length < minLength) this.remove(left[at], short);
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

  private rule(name: string): Counts {
    const rule = { rule: name, users: 0, items: 0, events: 0 };
    this.rules.push(rule);
    return rule;
  }

  private remove(event: number, rule: Counts): void {
    this.removed[event] = 1;
    rule.events++;
    if (--this.userEvents[this.log.user[event]] === 0) rule.users++;
    if (--this.itemEvents[this.log.item[event]] === 0) rule.items++;
  }

  private compact(events: Uint32Array, count: number): number {
    let kept = 0;
    for (let at = 0; at < count; at++) {
      if (this.removed[events[at]] === 0) events[kept++] = events[at];
    }
    return kept;
  }
}

const NONE = 0xffffffff;

function toRows(log: EventLog, { offsets, order }: UserOrder, removed: Uint8Array, { after }: FilterReport): Histories {
  // Nothing removed: the log numbered its ids by first appearance already.
  const whole = after.events === log.length;
  const users = whole ? undefined : renumber(log.users, log.user, removed);
  const items = whole ? undefined : renumber(log.items, log.item, removed);

  const rows = new Uint32Array(after.users + 1);
  for (let event = 0; event < log.length; event++) {
    if (removed[event] === 0) rows[(users ? users.index[log.user[event]] : log.user[event]) + 1]++;
  }
  for (let u = 0; u < after.users; u++) rows[u + 1] += rows[u];

  const item = new Uint32Array(after.events);
  const time = new Float64Array(after.events);
  const rating = log.rating && new Float32Array(after.events);
  for (let u = 0; u < log.users.size; u++) {
    const row = users ? users.index[u] : u;
    if (row === NONE) continue;
    let place = rows[row];
    for (let at = offsets[u]; at < offsets[u + 1]; at++) {
      const event = order[at];
      if (removed[event] !== 0) continue;
      item[place] = items ? items.index[log.item[event]] : log.item[event];
      time[place] = log.time[event];
      if (rating) rating[place] = log.rating![event];
      place++;
    }
  }
  const histories = { userIds: users?.ids ?? log.users, items: items?.ids ?? log.items, offsets: rows, item, time };
  return rating ? { ...histories, rating } : histories;
}

function renumber(ids: Vocabulary, column: Uint32Array, removed: Uint8Array): { ids: Vocabulary; index: Uint32Array } {
  const index = new Uint32Array(ids.size).fill(NONE);
  const kept = new Vocabulary();
  for (let event = 0; event < column.length; event++) {
    const old = column[event];
    if (removed[event] === 0 && index[old] === NONE) index[old] = kept.add(ids.idOf(old));
  }
  return { ids: kept, index };
}
