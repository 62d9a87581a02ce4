// A shop that does not exist, and the rules its visitors follow. All of them are numbers in one object, so that one program can
// draw visits from it (generate.ts) and another can compute the best possible recommendation (oracle.ts).
//
// A visit is a hidden interest and the items it leads to:
//
//   interest   one of C categories. Before each item but the first it moves with probability `drift`; where to depends on the
//              visitor, who is one of a few types, each with favourite categories. Neither type nor interest is in the log.
//   item       1. if the last item that was not an everyday one calls for another (camera → lens): with probability `follow`
//                 one of those it calls for;
//              2. else with probability `everyday` one from the everyday shelf, which says nothing about the interest;
//              3. else one of the category of interest, by popularity: the r-th most popular has a share ∝ 1/r (Zipf).
//              An item that the visitor has seen is put back and the item drawn anew, from 1; so nobody sees one twice.

import { Random } from "./random.ts";

/** Items on the everyday shelf have this category. */
export const EVERYDAY = -1;

/** A shop and the rules of its visitors. Items, categories and types are numbered from 0. */
export interface Shop {
  /** Name of each item; all differ. */
  names: string[];
  /** Category of each item, or EVERYDAY. */
  category: Int32Array;
  /** Popularity of each item inside its category or shelf; sums to 1 over each. */
  popularity: Float64Array;
  /** Names of the categories. */
  categories: string[];
  /** For each type of visitor, where the interest starts and moves to: a share for each category, which sum to 1. */
  tastes: Float64Array[];
  /** For each item, what it calls for, with shares that sum to 1; empty for most. */
  followers: { item: number; share: number }[][];
  /** Probability that the interest moves before an item. */
  drift: number;
  /** Probability of what an item calls for, where it calls for something. */
  follow: number;
  /** Probability of an everyday item otherwise. */
  everyday: number;
}

/** Things of each category; the first calls for the second, the second for the third. */
const THINGS: Record<string, string[]> = {
  photo: ["camera", "lens", "tripod", "photo album", "film roll", "camera strap"],
  camping: ["tent", "sleeping bag", "camp stove", "lantern", "hammock", "rucksack"],
  running: ["running shoes", "sports watch", "heart strap", "rain jacket", "water belt", "headband"],
  garden: ["raised bed", "potting soil", "tomato seeds", "watering can", "bird house", "garden gnome"],
  kitchen: ["pasta machine", "durum flour", "drying rack", "apron", "cast-iron pan", "pepper mill"],
  coffee: ["espresso maker", "coffee grinder", "coffee beans", "milk jug", "mug", "biscotti tin"],
  music: ["ukulele", "tuner", "songbook", "harmonica", "metronome", "music stand"],
  painting: ["easel", "canvas", "oil paints", "sketch pad", "brush set", "varnish"],
  cycling: ["bicycle", "bike lock", "bike light", "panniers", "bell", "tyre levers"],
  baby: ["pram", "cot", "mobile", "baby monitor", "bib set", "rattle"],
  games: ["game board", "dice tower", "card sleeves", "jigsaw", "chess set", "puzzle mat"],
  sewing: ["sewing machine", "fabric", "thread box", "button jar", "pin cushion", "pattern book"],
};
const EVERYDAY_THINGS = [
  "batteries",
  "socks",
  "light bulb",
  "sticky tape",
  "soap",
  "tea towel",
  "notebook",
  "umbrella",
];
const MODELS = 5;
const TYPES = 8;
const FAVOURITES = [0.5, 0.3, 0.2];
/** How much of a move goes to the favourites; the rest goes to any category alike. */
const LOYALTY = 0.9;

/** Returns the items of a category, or of the everyday shelf, in order. */
export function itemsOn({ category }: Shop, shelf: number): number[] {
  return [...category.keys()].filter((item) => category[item] === shelf);
}

/** Opens the shop of the demo: 12 categories of 30 items and 40 everyday ones, with popularity and tastes drawn by a seed. */
export function openShop(seed: number): Shop {
  const random = new Random(seed);
  const categories = Object.keys(THINGS);
  const names: string[] = [];
  const category: number[] = [];
  const popularity: number[] = [];
  const followers: Shop["followers"] = [];
  const fill = (things: string[], shelf: number, chained: boolean) => {
    const first = names.length;
    const places = random.shuffle(Array.from({ length: things.length * MODELS }, (_, place) => place));
    const shares = zipf(places.length);
    for (const [kind, thing] of things.entries()) {
      for (let model = 0; model < MODELS; model++) {
        popularity.push(shares[places[names.length - first]]);
        names.push(`${thing} ${model + 1}`);
        category.push(shelf);
        const next = (shift: number) => first + (kind + 1) * MODELS + ((model + shift) % MODELS);
        const calls = chained && kind < 2;
        followers.push(calls ? [0.7, 0.3].map((share, shift) => ({ item: next(shift), share })) : []);
      }
    }
  };
  for (const [index, name] of categories.entries()) fill(THINGS[name], index, true);
  fill(EVERYDAY_THINGS, EVERYDAY, false);
  const tastes = Array.from({ length: TYPES }, () => {
    const taste = new Float64Array(categories.length).fill((1 - LOYALTY) / categories.length);
    const liked = random.shuffle([...categories.keys()]);
    for (const [place, share] of FAVOURITES.entries()) taste[liked[place]] += LOYALTY * share;
    return taste;
  });
  return {
    names,
    category: Int32Array.from(category),
    popularity: Float64Array.from(popularity),
    categories,
    tastes,
    followers,
    drift: 0.12,
    follow: 0.6,
    everyday: 0.3,
  };
}

/** Returns shares ∝ 1/rank of `count` items, most popular first. */
export function zipf(count: number): Float64Array {
  const shares = Float64Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  let total = 0;
  for (const share of shares) total += share;
  return shares.map((share) => share / total);
}
