// From a log to histories: filters first, then ids numbered anew, then one row of items per user.

import { type FilterOptions, type FilterReport, filterEvents, requireEvents } from "./filter.ts";
import type { EventLog } from "./log.ts";
import { orderByUser, type UserOrder } from "./order.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";

export { type Counts, type FilterOptions, type FilterReport, formatFilterReport } from "./filter.ts";

/** Histories as models and metrics see them: numbers alone, which another thread can be sent. */
export type HistoryRows = Pick<Histories, "offsets" | "item" | "rating"> & {
  readonly items: { readonly size: number };
};

/** Histories of all users in rows: events `offsets[u] … offsets[u + 1] - 1` are those of user u, oldest first. */
export interface Histories {
  /** User ids, numbered by first appearance in the filtered log (file order). */
  readonly userIds: Ids;
  /** Item ids, numbered by first appearance in the filtered log (file order). */
  readonly items: Ids;
  /** First event of each user, u32[users + 1]. */
  readonly offsets: Uint32Array;
  /** Item index of each event, u32[events]. */
  readonly item: Uint32Array;
  /** Time of each event in seconds, f64[events]; never falls inside a user, unless a held-out file starts over there. */
  readonly time: Float64Array;
  /** Rating of each event, f32[events], where the log has ratings. */
  readonly rating?: Float32Array;
}

/**
 * Filters a log and turns it into histories. Duplicates go first; then k-core and minimum length, together, until
 * nothing changes. Events are counted, so two visits to one item count twice unless duplicates are dropped.
 * @param byUser the log's events in the order of the histories
 * @returns the histories, and what each rule removed
 * @throws UsageError `FILTER_INVALID` for a value out of range
 * @throws DataError `DATA_NOTHING_LEFT` when no event is left
 */
export function buildHistories(
  log: EventLog,
  options: FilterOptions = {},
  byUser: UserOrder = orderByUser(log),
): { histories: Histories; report: FilterReport } {
  const { removed, report } = filterEvents(log, byUser, options);
  requireEvents(report, "log", "Check the source of the data.");
  return { histories: toRows(log, byUser, removed, report), report };
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

function renumber(ids: Ids, column: Uint32Array, removed: Uint8Array): { ids: Ids; index: Uint32Array } {
  const index = new Uint32Array(ids.size).fill(NONE);
  const kept = new Vocabulary();
  for (let event = 0; event < column.length; event++) {
    const old = column[event];
    if (removed[event] === 0 && index[old] === NONE) index[old] = kept.add(ids.idOf(old));
  }
  return { ids: kept, index };
}
