// What a log is like: counts, order, repeats, lengths, popularity. Measured on the log as read, before any filter.

import { type BadRowCount, formatBadRows } from "./bad-rows.ts";
import type { EventLog } from "./log.ts";
import { orderByUser, type UserOrder } from "./order.ts";
import { formatDay } from "./time.ts";
import { formatCount } from "./words.ts";

/** History lengths in events; quantiles interpolate linearly between neighbours. */
export interface LengthQuantiles {
  min: number;
  p25: number;
  median: number;
  p75: number;
  p90: number;
  max: number;
  mean: number;
}

/** The quality of a log as it was read. */
export interface QualityReport {
  /** Data rows of the source, bad ones included; header and blank lines are none. */
  rows: number;
  /** Bad rows by cause, the most frequent cause first; empty if there are none. */
  badRows: BadRowCount[];
  users: number;
  items: number;
  events: number;
  /** First and last time in seconds since 1970; null where the source has no times or no events. */
  timeSpan: { first: number; last: number } | null;
  /** Adjacent pairs of a user's history with equal time: their order is the file's. */
  ties: number;
  /** Events whose user met the item before. */
  repeats: number;
  /** 1 - events / (users × items), as tables of data sets count it: repeats count, so it can fall below 0. 0 for an empty log. */
  sparsity: number;
  lengths: LengthQuantiles;
  /** Share of events on the most popular 1 % and 10 % of items (rounded up), and the Gini index of item counts, 0 to 1. */
  popularity: { top1: number; top10: number; gini: number };
}

/** What a reader knows beyond the log. */
export interface ReadFacts {
  /** Data rows, bad ones included; default: the number of events. */
  rows?: number;
  /** Bad rows by cause; default: none. */
  badRows?: BadRowCount[];
  /** Whether the times are real, not positions; default: true. */
  timed?: boolean;
}

/** Measures the quality of a log. An empty log gives zeros. */
export function measureQuality(log: EventLog, facts: ReadFacts = {}): QualityReport {
  const { rows = log.length, badRows = [], timed = true } = facts;
  const byUser = orderByUser(log);
  const repeats = countRepeats(log, byUser);
  const pairs = log.users.size * log.items.size;
  return {
    rows,
    badRows,
    users: log.users.size,
    items: log.items.size,
    events: log.length,
    timeSpan: timed && log.length > 0 ? timeSpan(log.time) : null,
    ties: timed ? countTies(log, byUser) : 0,
    repeats,
    sparsity: pairs === 0 ? 0 : 1 - log.length / pairs,
    lengths: lengthQuantiles(byUser.offsets),
    popularity: popularitySkew(log),
  };
}

/** Describes a quality report in human lines. */
export function formatQuality(report: QualityReport): string[] {
  const { lengths, popularity, timeSpan: span } = report;
  const bad = report.badRows.reduce((sum, { count }) => sum + count, 0);
  const lines = [
    `rows: ${formatCount(report.rows)}, ${bad === 0 ? "none" : formatCount(bad)} bad`,
    ...formatBadRows(report.badRows).map((cause) => `  ${cause}`),
    `users: ${formatCount(report.users)}, items: ${formatCount(report.items)}, events: ${formatCount(report.events)}, ` +
      `sparsity: ${(report.sparsity * 100).toFixed(4)} %`,
  ];
  if (span === null) {
    lines.push("time: none, events are in file order");
  } else {
    lines.push(
      `time: ${formatDay(span.first)} to ${formatDay(span.last)}, ` +
        `ties inside a user: ${formatCount(report.ties)} (kept in file order)`,
    );
  }
  lines.push(
    `repeats: ${formatCount(report.repeats)} (${percent(report.repeats, report.events)} of the events)`,
    `history length: min ${formatCount(lengths.min)}, 25 % ${formatCount(lengths.p25)}, median ${formatCount(lengths.median)}, ` +
      `75 % ${formatCount(lengths.p75)}, 90 % ${formatCount(lengths.p90)}, max ${formatCount(lengths.max)}, mean ${lengths.mean.toFixed(2)}`,
    `popularity: top 1 % of items ${percent(popularity.top1, 1)} of the events, ` +
      `top 10 % ${percent(popularity.top10, 1)}, Gini ${popularity.gini.toFixed(3)}`,
  );
  return lines;
}

function timeSpan(time: Float64Array): { first: number; last: number } {
  let first = time[0];
  let last = time[0];
  for (const t of time) {
    if (t < first) first = t;
    if (t > last) last = t;
  }
  return { first, last };
}

function countTies({ time }: EventLog, { offsets, order }: UserOrder): number {
  let ties = 0;
  for (let u = 0; u + 1 < offsets.length; u++) {
    for (let at = offsets[u] + 1; at < offsets[u + 1]; at++) {
      if (time[order[at]] === time[order[at - 1]]) ties++;
    }
  }
  return ties;
}

function countRepeats({ items, item }: EventLog, { offsets, order }: UserOrder): number {
  // seenBy[i] - 1 is the last user that was seen with item i: one array serves all users without being cleared.
  const seenBy = new Uint32Array(items.size);
  let repeats = 0;
  for (let u = 0; u + 1 < offsets.length; u++) {
    for (let at = offsets[u]; at < offsets[u + 1]; at++) {
      const i = item[order[at]];
      if (seenBy[i] === u + 1) repeats++;
      else seenBy[i] = u + 1;
    }
  }
  return repeats;
}

function lengthQuantiles(offsets: Uint32Array): LengthQuantiles {
  const lengths = new Uint32Array(offsets.length - 1);
  for (let u = 0; u < lengths.length; u++) lengths[u] = offsets[u + 1] - offsets[u];
  lengths.sort();
  return {
    min: quantile(lengths, 0),
    p25: quantile(lengths, 0.25),
    median: quantile(lengths, 0.5),
    p75: quantile(lengths, 0.75),
    p90: quantile(lengths, 0.9),
    max: quantile(lengths, 1),
    mean: lengths.length === 0 ? 0 : offsets[lengths.length] / lengths.length,
  };
}

function quantile(sorted: Uint32Array, share: number): number {
  if (sorted.length === 0) return 0;
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

function popularitySkew({ items, item, length }: EventLog): QualityReport["popularity"] {
  if (length === 0) return { top1: 0, top10: 0, gini: 0 };
  const counts = new Uint32Array(items.size);
  for (const i of item) counts[i]++;
  counts.sort();
  let weighted = 0;
  for (let rank = 0; rank < counts.length; rank++) weighted += (rank + 1) * counts[rank];
  return {
    top1: topShare(counts, Math.ceil(counts.length / 100), length),
    top10: topShare(counts, Math.ceil(counts.length / 10), length),
    gini: (2 * weighted) / (counts.length * length) - (counts.length + 1) / counts.length,
  };
}

function topShare(ascending: Uint32Array, count: number, total: number): number {
  let events = 0;
  for (let at = ascending.length - count; at < ascending.length; at++) events += ascending[at];
  return events / total;
}

function percent(part: number, whole: number): string {
  return `${(whole === 0 ? 0 : (100 * part) / whole).toFixed(1)} %`;
}
