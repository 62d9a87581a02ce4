/** Small synthetic logs with a strong order, and the settings of models that learn from them in a moment. */

import { randomOf } from "../reference/random.ts";

/** Settings of a tiny model. */
export const TINY: readonly string[] = ["--set", "embedding=8", "hidden=8", "batch=16", "learningRate=0.02"];

/** What a log is made of. */
export interface LogShape {
  users?: number;
  items?: number;
  /** Events of each user. */
  events?: number;
  seed?: number;
}

/** One event. */
export interface Event {
  user: string;
  item: string;
  /** Seconds since 1970, one after the other. */
  time: number;
}

/** Makes events: item i + 1 follows item i nine times of ten, a random one else. Users take turns. */
export function makeEvents({ users = 60, items = 20, events = 8, seed = 1 }: LogShape = {}): Event[] {
  const random = randomOf(seed);
  const at = Array.from({ length: users }, () => random.integer(0, items - 1));
  return Array.from({ length: users * events }, (_, index) => {
    const user = index % users;
    const event = { user: `u${user}`, item: `i${at[user]}`, time: 1_700_000_000 + index };
    at[user] = random.unit() < 0.9 ? (at[user] + 1) % items : random.integer(0, items - 1);
    return event;
  });
}

/** Writes events as CSV or TSV, with a header. */
export function toTable(events: readonly Event[], delimiter = ","): string {
  const lines = events.map(({ user, item, time }) => [user, item, String(time)].map(quoted).join(delimiter));
  return `${["user", "item", "time"].join(delimiter)}\n${lines.join("\n")}\n`;
}

/** Writes events as sequences: `user item item …`, a line a user. */
export function toSequences(events: readonly Event[]): string {
  const histories = new Map<string, string[]>();
  for (const { user, item } of events) histories.set(user, [...(histories.get(user) ?? []), item]);
  return Array.from(histories, ([user, items]) => `${[user, ...items].join(" ")}\n`).join("");
}

function quoted(field: string): string {
  return /[",\n\r\t]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Makes events with ratings from 1 to 5: each item has a quality, and is worth a star more right after its predecessor. */
export function makeRatings(shape: LogShape = {}): (Event & { rating: number })[] {
  const random = randomOf(shape.seed ?? 1);
  const before = new Map<string, number>();
  return makeEvents({ events: 12, ...shape }).map((event) => {
    const item = Number(event.item.slice(1));
    const follows = before.get(event.user) === item - 1;
    before.set(event.user, item);
    return { ...event, rating: 1 + ((item * 7) % 3) + (follows ? 2 : 0) + (random.unit() < 0.1 ? 1 : 0) };
  });
}
