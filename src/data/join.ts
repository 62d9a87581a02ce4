// Several sources as one log.

import type { EventLog } from "./log.ts";
import { Vocabulary } from "./vocabulary.ts";

/**
 * Joins logs into one, one after the other; equal ids are the same user or item.
 * @returns the log, and for each event the number of the log it comes from, u8[events]
 */
export function joinLogs(logs: readonly (EventLog | undefined)[]): { log: EventLog; from: Uint8Array } {
  const length = logs.reduce((sum, log) => sum + (log?.length ?? 0), 0);
  const users = new Vocabulary();
  const items = new Vocabulary();
  const user = new Uint32Array(length);
  const item = new Uint32Array(length);
  const time = new Float64Array(length);
  const from = new Uint8Array(length);
  let start = 0;
  for (const [number, log] of logs.entries()) {
    if (log === undefined) continue;
    const userOf = Uint32Array.from(log.users, (id) => users.add(id));
    const itemOf = Uint32Array.from(log.items, (id) => items.add(id));
    for (let event = 0; event < log.length; event++) {
      user[start + event] = userOf[log.user[event]];
      item[start + event] = itemOf[log.item[event]];
    }
    time.set(log.time, start);
    from.fill(number, start, start + log.length);
    start += log.length;
  }
  return { log: { users, items, user, item, time, length }, from };
}
