// A small log with an order worth learning: every user walks along one of a few fixed chains of items.

import type { Row } from "../../src/data/rows.ts";
import { randomOf } from "../reference/random.ts";

/** Settings that train in well under a second. */
export const QUICK = { embedding: 12, hidden: 12, batch: 16, epochs: 12, learningRate: 0.02, seed: 7 } as const;

/** Makes rows: `users` histories of 6 to 10 items over `items` items. */
export function shopRows(users = 80, items = 30): Row[] {
  const random = randomOf(11);
  const rows: Row[] = [];
  for (let user = 0; user < users; user++) {
    let item = random.integer(0, items - 1);
    const length = random.integer(6, 10);
    for (let time = 0; time < length; time++) {
      rows.push({ user: `u${user}`, item: `i${item}`, time });
      item = (item + (random.unit() < 0.8 ? 1 : random.integer(1, items - 1))) % items;
    }
  }
  return rows;
}
