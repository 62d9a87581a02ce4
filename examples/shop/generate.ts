// Draws a log of visits from a shop, by the rules that shop.ts states.

import type { Row } from "../../src/index.ts";
import { Random } from "./random.ts";
import { EVERYDAY, itemsOn, type Shop } from "./shop.ts";

const tooLong = (longest: number, room: number) =>
  new RangeError(
    `longest: got ${longest}, expected at most ${room}, the items of the smallest category and the everyday shelf. ` +
      "Draw shorter visits, or a user might run out of items.",
  );

/** How much to draw. */
export interface LogOptions {
  users: number;
  /** Events of a user: any number from `shortest` to `longest` is as likely. */
  shortest: number;
  longest: number;
  seed: number;
}

/** One user's events, with what the log does not tell. */
export interface Visit {
  user: string;
  /** Items, oldest first; all differ. */
  items: number[];
  /** Hidden interest behind each item: a category. */
  interests: number[];
}

/**
 * Draws the visits of all users; one shop and one set of options always give the same.
 * @throws RangeError when a user might run out of items
 */
export function drawVisits(shop: Shop, { users, shortest, longest, seed }: LogOptions): Visit[] {
  const smallest = Math.min(...shop.categories.map((_, c) => itemsOn(shop, c).length));
  const room = (shop.everyday < 1 ? smallest : 0) + (shop.everyday > 0 ? itemsOn(shop, EVERYDAY).length : 0);
  if (longest > room) throw tooLong(longest, room);
  const random = new Random(seed);
  const drawer = new ItemDrawer(shop, random);
  return Array.from({ length: users }, (_, index) => {
    const length = shortest + random.below(longest - shortest + 1);
    return { user: `visitor ${index + 1}`, ...drawVisit(shop, length, random, drawer) };
  });
}

/** Turns visits into the rows that `train` takes: a user a minute, who looks at something every seven minutes. */
export function* rowsOf(shop: Shop, visits: readonly Visit[]): Generator<Row> {
  const opening = Date.UTC(2026, 0, 5, 9) / 1000;
  for (const [index, { user, items }] of visits.entries()) {
    for (const [step, item] of items.entries()) {
      yield { user, item: shop.names[item], time: opening + index * 60 + step * 420 };
    }
  }
}

function drawVisit(shop: Shop, length: number, random: Random, drawer: ItemDrawer): Omit<Visit, "user"> {
  const taste = shop.tastes[random.below(shop.tastes.length)];
  const seen = new Set<number>();
  const interests: number[] = [];
  let interest = random.pick(taste);
  let anchor = -1;
  while (seen.size < length) {
    if (seen.size > 0 && random.unit() < shop.drift) interest = random.pick(taste);
    let item = drawer.draw(interest, anchor);
    while (seen.has(item)) item = drawer.draw(interest, anchor);
    seen.add(item);
    interests.push(interest);
    if (shop.category[item] !== EVERYDAY) anchor = item;
  }
  return { items: [...seen], interests };
}

/** Draws single items, seen or not. */
class ItemDrawer {
  readonly #shelves: Map<number, { items: number[]; shares: number[] }>;
  readonly #calls: number[][];

  constructor(
    readonly shop: Shop,
    readonly random: Random,
  ) {
    const { categories, followers, popularity } = shop;
    const shelf = (name: number) => {
      const items = itemsOn(shop, name);
      return { items, shares: items.map((item) => popularity[item]) };
    };
    this.#shelves = new Map([EVERYDAY, ...categories.keys()].map((name) => [name, shelf(name)]));
    this.#calls = followers.map((list) => list.map(({ share }) => share));
  }

  /** @param anchor the last item that was not an everyday one, or −1 */
  draw(interest: number, anchor: number): number {
    const { shop, random } = this;
    if (anchor >= 0 && shop.followers[anchor].length > 0 && random.unit() < shop.follow) {
      return shop.followers[anchor][random.pick(this.#calls[anchor])].item;
    }
    const { items, shares } = this.#shelves.get(random.unit() < shop.everyday ? EVERYDAY : interest)!;
    return items[random.pick(shares)];
  }
}
