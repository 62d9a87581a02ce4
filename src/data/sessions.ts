// Sessions: a user's history cut where nothing happened for long.

import type { EventLog } from "./log.ts";
import type { UserOrder } from "./order.ts";
import { Vocabulary } from "./vocabulary.ts";

/**
 * Cuts each user's history where the pause between two events is longer than `gap`; every session becomes a user of its own. Which
 * session an event is in depends on what came before it alone.
 *
 * Sessions are called `user#1`, `user#2`, …, oldest first. All users get a number, so two of them never share a name: the text
 * before the last `#` is the user's id.
 * @param order the log's events by user, oldest first
 * @param gap longest pause inside a session, in the unit of the log's times (seconds), above 0
 */
export function cutSessions(log: EventLog, { offsets, order }: UserOrder, gap: number): EventLog {
  const { time } = log;
  const session = new Uint32Array(log.length);
  for (let u = 0; u + 1 < offsets.length; u++) {
    let number = 1;
    for (let place = offsets[u]; place < offsets[u + 1]; place++) {
      if (place > offsets[u] && time[order[place]] - time[order[place - 1]] > gap) number++;
      session[order[place]] = number;
    }
  }
  const users = new Vocabulary();
  const user = Uint32Array.from(session, (number, event) => users.add(`${log.users.idOf(log.user[event])}#${number}`));
  return { ...log, users, user };
}
