// What training may see of histories, and how often each item is in it.

import type { Histories, HistoryRows } from "./histories.ts";

/** The part of the data that training may see. */
export interface TrainingPart<H extends HistoryRows = Histories> {
  histories: H;
  /** Leading events of each user that training may see. */
  trainLength: ArrayLike<number>;
}

/** Counts the events of each item in the training part. f64[V] */
export function popularity({ histories, trainLength }: TrainingPart<HistoryRows>): Float64Array {
  const counts = new Float64Array(histories.items.size);
  eachTrainingHistory({ histories, trainLength }, (items) => {
    for (const item of items) counts[item]++;
  });
  return counts;
}

/** Calls `use` with the training items of every user, oldest first. */
export function eachTrainingHistory(
  { histories, trainLength }: TrainingPart<HistoryRows>,
  use: (items: Uint32Array) => void,
): void {
  for (let user = 0; user + 1 < histories.offsets.length; user++) {
    const start = histories.offsets[user];
    use(histories.item.subarray(start, start + trainLength[user]));
  }
}
