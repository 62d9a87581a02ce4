// From a log to training, validation and test: what training may see, and what the held-out parts ask for.

import { UsageError } from "../errors.ts";
import { askCases, type Cases, checkTargets, type PartedHistories, type Targets } from "./cases.ts";
import { filterEvents, KEPT, RARE, requireEvents } from "./filter.ts";
import { buildHistories, type FilterOptions, type FilterReport, type Histories } from "./histories.ts";
import { joinLogs } from "./join.ts";
import type { EventLog } from "./log.ts";
import { orderByUser, type UserOrder } from "./order.ts";
import { cutByTime, cutByUser, type LogCut, parseShares, TEST, TRAIN, VALID } from "./parts.ts";
import { cutSessions } from "./sessions.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";
import { formatCount, quote } from "./words.ts";

export type { Cases, Targets } from "./cases.ts";
export { TARGETS } from "./cases.ts";

const unknownRule = (rule: string) =>
  new UsageError(
    "SPLIT_UNKNOWN",
    `split: got ${quote(rule)}, expected one of ${SPLIT_RULES.join(", ")}. Correct the value.`,
  );
const noArgument = (name: string, argument: string) =>
  new UsageError("SPLIT_ARGUMENT", `split ${name}: got the argument ${quote(argument)}, expected none. Write ${name}.`);
const needsLog = (name: string) =>
  new UsageError(
    "SPLIT_NEEDS_LOG",
    `split ${name}: got histories, expected a log, as it is cut before it is filtered.`,
  );
const nothingBefore = (name: string) =>
  new UsageError(
    "SPLIT_TARGETS",
    `split ${name}: got the targets future, expected last or prefixes, as nothing comes before the part of a held-out user. ` +
      "Choose one of them.",
  );
const twoValidations = (rule: string) =>
  new UsageError(
    "SPLIT_AND_VALID",
    `split: got ${quote(rule)} beside a validation file, expected none, as all of the data trains then. Leave one of them out.`,
  );

/** Histories, cut. Events at or after `trainLength[u]` of user u never reach training. */
export interface Split {
  /** The rule as it was asked for. */
  readonly rule: string;
  /** What is predicted in a held-out part. */
  readonly targets: Targets;
  /**
   * Known events of everybody who trains or is asked about. Users who train come first, then those of the validation, then those
   * of the test; a user may have events, the first of a prefix, and still not train.
   */
  readonly histories: Histories;
  /** Leading events of each user that training may see, u32[users]. */
  readonly trainLength: Uint32Array;
  /** Cases that choose the epoch and the settings. */
  readonly valid: Cases;
  /** Cases that are looked at once, at the end. */
  readonly test: Cases;
  /** Held-out events or, unless every prefix predicts, users that are no case because nothing comes before them. */
  readonly unasked: { readonly valid: number; readonly test: number };
  /** Builds what a shipped model is trained on: all events, filtered anew; the vocabulary may be larger. */
  everything(): Histories;
}

/** Names of the split rules. */
export const SPLIT_RULES: readonly string[] = ["leave-one-out", "none", "temporal", "ratio"];

/** Rules that cut the log before it is filtered. */
const LOG_CUTS: ReadonlyMap<string, { cut: LogCut; shares: readonly number[] }> = new Map([
  ["temporal", { cut: cutByTime, shares: [0.8, 0.9] }],
  ["ratio", { cut: cutByUser, shares: [0.8, 0.9] }],
]);

/** How a log is split; the settings of the same names. */
export interface SplitOptions extends FilterOptions {
  split: string;
  targets: string;
  /** Longest pause inside a session, in seconds; 0 (default) leaves histories whole. */
  sessionGap?: number;
}

/** What is held out in sources of its own. */
export interface HeldOutLogs {
  valid?: EventLog;
  test?: EventLog;
}

/** A log that was split. */
export interface SplitResult {
  split: Split;
  /** What the filters removed; of the training part alone where the rule cuts before it filters. */
  report: FilterReport;
  /** Users, and the sessions that became of them; undefined where histories are left whole. */
  sessions: { users: number; sessions: number } | undefined;
}

/**
 * Cuts a log into training, validation and test.
 *
 * - `leave-one-out`: a user's last event is the test, the one before it the validation; users with fewer than 3 events only train.
 *   The log is filtered first, and every item of the filtered log is ranked.
 * - `temporal:a,b`: the oldest share `a` of the events trains, those up to the share `b` validate, the rest is the test; equal times
 *   in file order.
 * - `ratio:a,b`: the same by users, in the order of a hash of their ids. With sessions, by sessions.
 * - `none`: everything trains.
 *
 * `temporal` and `ratio` cut first: k-core, minimum length, vocabulary and numbering come from the training part alone, so nothing
 * after the first cut changes what training sees. An item outside the vocabulary leaves histories and is a miss as a target. With
 * one share there is no validation.
 *
 * `heldOut` logs are parts of their own. Their users may be new or known; a known user's history goes on with them. With a
 * validation log, all of `log` trains and the rule has to be `none`; with a test log alone, the rule holds out the validation only.
 * @param vocabulary the items there are, where they are given: then k-core and minimum length do not act on a log that is cut
 * before it is filtered
 * @throws UsageError `SPLIT_UNKNOWN`, `SPLIT_ARGUMENT`, `SPLIT_TARGETS`, `SPLIT_AND_VALID`, `TARGETS_UNKNOWN`, `FILTER_INVALID`
 * @throws DataError `DATA_NOTHING_LEFT` when nothing is left to train on
 */
export function splitLog(
  log: EventLog,
  options: SplitOptions,
  heldOut: HeldOutLogs = {},
  vocabulary?: Ids,
): SplitResult {
  const targets = checkTargets(options.targets);
  const { name, argument } = readRule(options.split);
  if (heldOut.valid && name !== "none") throw twoValidations(options.split);
  if (name === "ratio" && targets === "future") throw nothingBefore(name);
  const fromFile = heldOut.valid !== undefined || heldOut.test !== undefined;
  const joined = fromFile ? joinLogs([log, heldOut.valid, heldOut.test]) : { log, from: undefined };
  let all = joined.log;
  let byUser = orderByUser(all, joined.from);
  let sessions: SplitResult["sessions"];
  if (options.sessionGap) {
    all = cutSessions(all, byUser, options.sessionGap);
    byUser = orderByUser(all, joined.from);
    sessions = { users: joined.log.users.size, sessions: all.users.size };
  }

  const cut = LOG_CUTS.get(name);
  if (!cut && !fromFile) {
    const { histories, report } = buildHistories(all, options, byUser);
    return { split: splitHistories(histories, options.split, targets), report, sessions };
  }
  const part = joined.from ?? new Uint8Array(all.length);
  const inLog = part.subarray(0, log.length);
  if (cut) {
    const parts = heldOut.test ? [VALID] : [VALID, TEST];
    const shares = parseShares(name, argument, cut.shares.slice(-parts.length));
    cut.cut(all, shares, parts.slice(-shares.length), inLog);
  }
  const { parted, report } = partHistories(all, byUser, part, options, vocabulary);
  if (name === "leave-one-out") holdOutLast(parted, heldOut.test ? [VALID] : [VALID, TEST]);
  const everything = () => buildHistories(all, options, byUser).histories;
  return { split: { rule: options.split, targets, ...askCases(parted, targets), everything }, report, sessions };
}

/**
 * Cuts histories that were filtered already, by `leave-one-out` or `none`.
 * @param rule `name` or `name:argument`
 * @throws UsageError `SPLIT_UNKNOWN` for an unknown rule, `SPLIT_ARGUMENT` for an argument that the rule does not take,
 * `SPLIT_NEEDS_LOG` for a rule that cuts before it filters
 */
export function splitHistories(histories: Histories, rule: string, targets: Targets = "last"): Split {
  const { name } = readRule(rule);
  if (LOG_CUTS.has(name)) throw needsLog(name);
  const { offsets, item } = histories;
  const parted = {
    ...histories,
    item: new Int32Array(item.buffer, item.byteOffset, item.length),
    part: new Uint8Array(item.length),
    trains: new Uint8Array(offsets.length - 1).fill(1),
  };
  if (name === "leave-one-out") holdOutLast(parted, [VALID, TEST]);
  return { rule, targets, ...askCases(parted, targets), histories, everything: () => histories };
}

/** Describes the held-out parts of a split in human lines. */
export function formatSplit({ rule, targets, valid, test, unasked }: Split): string[] {
  const lines = [
    `split: ${rule}, ${formatCount(valid.user.length)} validation and ${formatCount(test.user.length)} test cases` +
      (targets === "last" ? "" : ` (targets: ${targets})`),
  ];
  for (const [name, cases, left] of [
    ["validation", valid, unasked.valid],
    ["test", test, unasked.test],
  ] as const) {
    const unknown = cases.target.reduce((sum, target) => sum + (target < 0 ? 1 : 0), 0);
    const blind = cases.prefix.reduce((sum, prefix, at) => sum + (prefix === 0 && cases.target[at] >= 0 ? 1 : 0), 0);
    if (unknown > 0) lines.push(`${name}: ${formatCount(unknown)} targets outside the vocabulary, which are misses`);
    if (blind > 0) lines.push(`${name}: ${formatCount(blind)} cases with no known item before them, which are misses`);
    if (left > 0) {
      const what = targets === "prefixes" ? "events" : "users";
      lines.push(`${name}: ${formatCount(left)} ${what} with nothing before them, which are not asked about`);
    }
  }
  return lines;
}

function readRule(rule: string): { name: string; argument: string | undefined } {
  const colon = rule.indexOf(":");
  const name = colon < 0 ? rule : rule.slice(0, colon);
  const argument = colon < 0 ? undefined : rule.slice(colon + 1);
  if (!SPLIT_RULES.includes(name)) throw unknownRule(rule);
  if (argument !== undefined && !LOG_CUTS.has(name)) throw noArgument(name, argument);
  return { name, argument };
}

/** Gives the last events of every user who trains to held-out parts, one each, where one is left to train on. */
function holdOutLast({ offsets, part, trains }: PartedHistories, parts: readonly number[]): void {
  for (let u = 0; u + 1 < offsets.length; u++) {
    if (trains[u] === 0) continue;
    let end = offsets[u];
    while (end < offsets[u + 1] && part[end] === TRAIN) end++;
    if (end - offsets[u] <= parts.length) continue;
    for (const [at, number] of parts.entries()) part[end - parts.length + at] = number;
  }
}

const NONE = -1;

/** Filters the training part of a log, numbers users and items part by part, and puts every event into its user's row. */
function partHistories(
  log: EventLog,
  byUser: UserOrder,
  part: Uint8Array,
  options: FilterOptions,
  vocabulary: Ids | undefined,
): { parted: PartedHistories; report: FilterReport } {
  const { removed, report } = filterEvents(
    log,
    byUser,
    vocabulary ? { duplicates: options.duplicates } : options,
    part,
  );
  if (!vocabulary) requireEvents(report, "training part", "Check the data and the split.");
  const itemOf = new Int32Array(log.items.size).fill(NONE);
  const learned = new Vocabulary();
  const items = vocabulary ?? learned;
  for (let event = 0; event < log.length; event++) {
    const item = log.item[event];
    if (itemOf[item] !== NONE) continue;
    if (vocabulary) itemOf[item] = vocabulary.indexOf(log.items.idOf(item));
    else if (part[event] === TRAIN && removed[event] === KEPT) itemOf[item] = learned.add(log.items.idOf(item));
  }
  // Those who train come first, so that their numbers depend on the training part alone; validation before test likewise.
  const userOf = new Int32Array(log.users.size).fill(NONE);
  const userIds = new Vocabulary();
  let trained = 0;
  for (const number of [TRAIN, VALID, TEST]) {
    for (let event = 0; event < log.length; event++) {
      const user = log.user[event];
      if (part[event] !== number || removed[event] !== KEPT || userOf[user] !== NONE) continue;
      userOf[user] = userIds.add(log.users.idOf(user));
    }
    if (number === TRAIN) trained = userIds.size;
  }
  // Rare events are history of those who do not train. Of the others, their items are outside the vocabulary.
  const stays = (event: number, user: number) =>
    removed[event] === KEPT || (removed[event] === RARE && user >= trained);

  const users = userIds.size;
  const offsets = new Uint32Array(users + 1);
  for (let event = 0; event < log.length; event++) {
    const user = userOf[log.user[event]];
    if (user !== NONE && stays(event, user)) offsets[user + 1]++;
  }
  for (let u = 0; u < users; u++) offsets[u + 1] += offsets[u];
  const events = offsets[users];
  const item = new Int32Array(events);
  const time = new Float64Array(events);
  const partOf = new Uint8Array(events);
  for (let u = 0; u < log.users.size; u++) {
    const user = userOf[u];
    if (user === NONE) continue;
    let place = offsets[user];
    for (let at = byUser.offsets[u]; at < byUser.offsets[u + 1]; at++) {
      const event = byUser.order[at];
      if (!stays(event, user)) continue;
      const known = itemOf[log.item[event]];
      // A number for each unknown item, so that they can be told apart.
      item[place] = known === NONE ? -1 - log.item[event] : known;
      time[place] = log.time[event];
      partOf[place] = part[event];
      place++;
    }
  }
  const trains = new Uint8Array(users).fill(1, 0, trained);
  return { parted: { userIds, items, offsets, item, time, part: partOf, trains }, report };
}
