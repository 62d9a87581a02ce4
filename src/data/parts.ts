// The parts of a log, and the rules that cut it before it is filtered: a part is a number for each event.

import { UsageError } from "../errors.ts";
import type { EventLog } from "./log.ts";
import { quote } from "./words.ts";

/** Events that training may see. */
export const TRAIN = 0;
/** Events that choose the epoch and the settings. */
export const VALID = 1;
/** Events that are looked at once, at the end. */
export const TEST = 2;

const badShares = (name: string, argument: string, defaults: readonly number[]) =>
  new UsageError(
    "SPLIT_ARGUMENT",
    `split ${name}: got ${quote(argument)}, expected ${
      defaults.length === 2 ? "two shares from 0 to 1, not falling, or one" : "one share from 0 to 1"
    }, such as ${name}:${defaults.join(",")}. Correct the value.`,
  );

/** Writes the part of each of the first `part.length` events, by shares of what comes before each cut. */
export type LogCut = (log: EventLog, shares: readonly number[], parts: readonly number[], part: Uint8Array) => void;

/**
 * Reads the shares of `name:0.8,0.9`: where parts end, as shares of the whole. The last part takes the rest.
 * @param argument what follows the colon, or undefined for the defaults
 * @param defaults as many as there are held-out parts; one share less is allowed, and leaves out the validation
 * @throws UsageError `SPLIT_ARGUMENT`
 */
export function parseShares(name: string, argument: string | undefined, defaults: readonly number[]): number[] {
  if (argument === undefined) return [...defaults];
  const texts = argument.split(",");
  const shares = texts.map((text) => (/^\s*(\d+\.?\d*|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN));
  const sound = shares.every((share, at) => share >= (shares[at - 1] ?? 0) && share <= 1);
  if (!sound || shares.length > defaults.length) throw badShares(name, argument, defaults);
  return shares;
}

/**
 * Cuts by time: the oldest events first, equal times in file order. A cut after a share of n events comes after the nearest whole
 * number of them. A user may have events on both sides.
 */
export const cutByTime: LogCut = ({ time }, shares, parts, part) => {
  const count = part.length;
  const sorted = time.slice(0, count).sort();
  for (const [at, share] of shares.entries()) {
    const before = nearest(share * count);
    if (before === count) break;
    // The event after the cut tells its time; of the events of that time, the first in the file come before the cut.
    const border = sorted[before];
    let first = before;
    while (first > 0 && sorted[first - 1] === border) first--;
    let atBorder = before - first;
    for (let event = 0; event < count; event++) {
      if (time[event] < border || (time[event] === border && atBorder-- > 0)) continue;
      part[event] = parts[at];
    }
  }
};

/**
 * Cuts by users: in the order of a hash of their ids (32-bit FNV-1a of the UTF-16 code units, finished as in MurmurHash3; equal
 * hashes by id), the first ones train. Who comes where depends on the ids alone, not on the order of the log or on what anybody did.
 */
export const cutByUser: LogCut = ({ users, user }, shares, parts, part) => {
  const present = new Uint8Array(users.size);
  for (let event = 0; event < part.length; event++) present[user[event]] = 1;
  const ids = [...users];
  const hashes = Uint32Array.from(ids, hashOf);
  const order = Uint32Array.from(ids.keys())
    .filter((index) => present[index] === 1)
    .sort((a, b) => hashes[a] - hashes[b] || (ids[a] < ids[b] ? -1 : 1));
  const partOf = new Uint8Array(users.size);
  for (const [at, share] of shares.entries()) {
    for (let place = nearest(share * order.length); place < order.length; place++) partOf[order[place]] = parts[at];
  }
  for (let event = 0; event < part.length; event++) part[event] = partOf[user[event]];
};

/** Returns the whole number that is nearest to one from 0; of two, the greater. */
function nearest(value: number): number {
  const below = Math.floor(value);
  return value - below < 0.5 ? below : below + 1;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // Short ids differ in few bits of it; the finisher of MurmurHash3 spreads them.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
