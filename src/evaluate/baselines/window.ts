// What stands near an item in the training histories: the counts behind rules and similarities.

import type { TrainingPart } from "./baseline.ts";
import { SparseScores } from "./sparse.ts";

/** Training events, grouped by item: those of item i are `first[i] … first[i + 1] - 1`, users ascending, oldest first. */
export interface EventsByItem {
  /** u32[V + 1] */
  first: Uint32Array;
  /** Index into the events of the histories, u32[training events] */
  event: Uint32Array;
  /** User of that event, u32[training events] */
  user: Uint32Array;
}

/** Groups the training events by item. */
export function eventsByItem({ histories, trainLength }: TrainingPart): EventsByItem {
  const { offsets, item } = histories;
  const first = new Uint32Array(histories.items.size + 1);
  for (let user = 0; user + 1 < offsets.length; user++) {
    for (let event = offsets[user]; event < offsets[user] + trainLength[user]; event++) first[item[event] + 1]++;
  }
  for (let i = 1; i < first.length; i++) first[i] += first[i - 1];
  const next = first.slice();
  const grouped = {
    first,
    event: new Uint32Array(next[next.length - 1]),
    user: new Uint32Array(next[next.length - 1]),
  };
  for (let user = 0; user + 1 < offsets.length; user++) {
    for (let event = offsets[user]; event < offsets[user] + trainLength[user]; event++) {
      const slot = next[item[event]]++;
      grouped.event[slot] = event;
      grouped.user[slot] = user;
    }
  }
  return grouped;
}

/**
 * Sums, for one item after another, the weights of the events around its own, by their item. Takes time by the training events
 * and the width of the window, whatever the lengths of the histories.
 * @param before weights of the events 1, 2, … steps earlier
 * @param after weights of the events 1, 2, … steps later
 * @param use is given each item in order, with sums that hold until it returns
 */
export function eachNeighbourhood(
  part: TrainingPart,
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  use: (item: number, sums: SparseScores) => void,
): void {
  const { offsets, item, items } = part.histories;
  const { first, event, user } = eventsByItem(part);
  const sums = new SparseScores(items.size);
  for (let of = 0; of < items.size; of++) {
    sums.clear();
    for (let slot = first[of]; slot < first[of + 1]; slot++) {
      const here = event[slot];
      const start = offsets[user[slot]];
      const end = start + part.trainLength[user[slot]];
      const earliest = Math.max(start, here - before.length);
      const latest = Math.min(end - 1, here + after.length);
      for (let near = earliest; near < here; near++) sums.add(item[near], before[here - near - 1]);
      for (let near = here + 1; near <= latest; near++) sums.add(item[near], after[near - here - 1]);
    }
    use(of, sums);
  }
}
