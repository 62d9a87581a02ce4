// The one place that says what a user's history is: that user's events by time, and file order where times are equal.

import type { EventLog } from "./log.ts";

/** Events of a log grouped by user: those of user u are `order[offsets[u]] … order[offsets[u + 1] - 1]`, oldest first. */
export interface UserOrder {
  /** First place of each user in `order`, u32[users + 1]. */
  readonly offsets: Uint32Array;
  /** Event numbers, u32[events]. */
  readonly order: Uint32Array;
}

/**
 * Groups the events of a log by user, oldest first; equal times keep file order.
 * @param part of each event, ascending along the log where several sources were joined: a later source continues an earlier one
 * whatever its times say
 */
export function orderByUser(log: EventLog, part?: Uint8Array): UserOrder {
  const { user, time, length } = log;
  const offsets = new Uint32Array(log.users.size + 1);
  for (let event = 0; event < length; event++) offsets[user[event] + 1]++;
  for (let u = 0; u < log.users.size; u++) offsets[u + 1] += offsets[u];

  const order = new Uint32Array(length);
  const next = offsets.slice(0, -1);
  for (let event = 0; event < length; event++) order[next[user[event]]++] = event;

  // Comparing event numbers last makes the order total, so that it does not rest on the stability of a sort.
  const partOf = part ? (event: number) => part[event] : () => 0;
  const older = (a: number, b: number) => partOf(a) - partOf(b) || time[a] - time[b] || a - b;
  for (let u = 0; u < log.users.size; u++) {
    const end = offsets[u + 1];
    let place = offsets[u] + 1;
    while (place < end && older(order[place - 1], order[place]) < 0) place++;
    if (place < end) order.subarray(offsets[u], end).sort(older);
  }
  return { offsets, order };
}
