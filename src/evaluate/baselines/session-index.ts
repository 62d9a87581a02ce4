// From items to the training sessions that have them, most recent first.

import type { TrainingPart } from "./baseline.ts";
import { eventsByItem } from "./window.ts";

/** Training sessions (a user's training history each), numbered from the most recent, and where each item is in them. */
export class SessionIndex {
  /** Number of sessions with at least one event. */
  readonly sessions: number;
  /** First event of each session, u32[sessions] */
  readonly start: Uint32Array;
  /** One past the last training event of each session, u32[sessions] */
  readonly end: Uint32Array;
  /** Number of distinct items of each session, f64[sessions] */
  readonly distinct: Float64Array;
  /** Number of sessions with each item, f64[V] */
  readonly sessionsWith: Float64Array;
  /** Where the sessions of each item begin, u32[V + 1] */
  readonly first: Uint32Array;
  /** The most recent sessions of each item, ascending. */
  readonly session: Uint32Array;
  /** Last event of the item in that session. */
  readonly lastEvent: Uint32Array;

  /** @param sample how many sessions of an item are kept, the most recent */
  constructor(part: TrainingPart, sample: number) {
    const { offsets, time, items } = part.histories;
    const lastTime = (user: number) => time[offsets[user] + part.trainLength[user] - 1];
    // Of equally recent sessions the one that comes later in the log is taken for the more recent.
    const users = Uint32Array.from(offsets.keys())
      .filter((user) => user + 1 < offsets.length && part.trainLength[user] > 0)
      .sort((a, b) => lastTime(b) - lastTime(a) || b - a);
    this.sessions = users.length;
    this.start = users.map((user) => offsets[user]);
    this.end = users.map((user) => offsets[user] + part.trainLength[user]);
    this.distinct = new Float64Array(users.length);
    this.sessionsWith = new Float64Array(items.size);
    this.first = new Uint32Array(items.size + 1);
    const sessionOf = new Uint32Array(offsets.length);
    users.forEach((user, session) => {
      sessionOf[user] = session;
    });

    const events = eventsByItem(part);
    const session = new Uint32Array(events.event.length);
    const lastEvent = new Uint32Array(events.event.length);
    let count = 0;
    for (let item = 0; item < items.size; item++) {
      // A user's events of an item stand together, so the last of each run is the last of the session.
      const lasts: number[] = [];
      for (let slot = events.first[item]; slot < events.first[item + 1]; slot++) {
        if (slot + 1 === events.first[item + 1] || events.user[slot + 1] !== events.user[slot]) lasts.push(slot);
      }
      for (const slot of lasts) this.distinct[sessionOf[events.user[slot]]]++;
      this.sessionsWith[item] = lasts.length;
      lasts.sort((a, b) => sessionOf[events.user[a]] - sessionOf[events.user[b]]);
      for (const slot of lasts.slice(0, sample)) {
        session[count] = sessionOf[events.user[slot]];
        lastEvent[count++] = events.event[slot];
      }
      this.first[item + 1] = count;
    }
    this.session = session.slice(0, count);
    this.lastEvent = lastEvent.slice(0, count);
  }
}
