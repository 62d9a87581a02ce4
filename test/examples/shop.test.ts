// The demo's shop: its log has the structure it states, and its oracle is the best possible ranker of that log.

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { drawVisits, rowsOf, type Visit } from "../../examples/shop/generate.ts";
import { expectedMetrics, Oracle, rankItems } from "../../examples/shop/oracle.ts";
import { progressLine } from "../../examples/shop/progress.ts";
import { Random } from "../../examples/shop/random.ts";
import { EVERYDAY, itemsOn, openShop, type Shop, zipf } from "../../examples/shop/shop.ts";
import { bar, beside, count, percent, table } from "../../examples/shop/text.ts";

const SIZE = { users: 3000, shortest: 8, longest: 36, seed: 1 };
const shop = openShop(1);
const visits = drawVisits(shop, SIZE);

/** Fails unless a measured share agrees with its probability within 4 standard errors (1 in 16,000 by chance). */
function expectShare(what: string, hits: number, trials: number, probability: number): void {
  const error = Math.sqrt((probability * (1 - probability)) / trials);
  const got = hits / trials;
  const text = `${what}: got ${got} of ${trials}, want ${probability} ± ${4 * error}`;
  expect(Math.abs(got - probability), text).toBeLessThanOrEqual(4 * error);
}

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

/** Two categories of two items, two everyday items, two types of visitor; the first item calls for two others. */
const tiny: Shop = {
  names: ["tea", "kettle", "map", "compass", "soap", "socks"],
  category: Int32Array.of(0, 0, 1, 1, EVERYDAY, EVERYDAY),
  popularity: Float64Array.of(0.7, 0.3, 0.6, 0.4, 0.8, 0.2),
  categories: ["tea", "travel"],
  tastes: [Float64Array.of(0.9, 0.1), Float64Array.of(0.25, 0.75)],
  followers: [
    [
      { item: 1, share: 0.75 },
      { item: 2, share: 0.25 },
    ],
    [],
    [],
    [],
    [],
    [],
  ],
  drift: 0.3,
  follow: 0.5,
  everyday: 0.2,
};

/** All outcomes of one draw, written out: item and probability. */
function outcomes(of: Shop, interest: number, history: number[]): [number, number][] {
  const anchor = history.findLast((item) => of.category[item] !== EVERYDAY);
  const called = anchor === undefined ? [] : of.followers[anchor];
  const heard = called.length > 0 ? of.follow : 0;
  const list: [number, number][] = called.map(({ item, share }) => [item, heard * share]);
  for (const [item, shelf] of of.category.entries()) {
    if (shelf === EVERYDAY) list.push([item, (1 - heard) * of.everyday * of.popularity[item]]);
    if (shelf === interest) list.push([item, (1 - heard) * (1 - of.everyday) * of.popularity[item]]);
  }
  return list;
}

/** Probability of a whole sequence of items: the sum over every type and every path of hidden interests. */
function sequenceChance(of: Shop, items: number[]): number {
  const paths = (taste: Float64Array, interest: number, step: number): number => {
    if (step === items.length) return 1;
    const history = items.slice(0, step);
    const fresh = outcomes(of, interest, history).filter(([item]) => !history.includes(item));
    const chance = sum(fresh.filter(([item]) => item === items[step]).map(([, p]) => p)) / sum(fresh.map(([, p]) => p));
    if (!(chance > 0)) return 0;
    const onward = of.categories.map((_, c) => {
      const move = of.drift * taste[c] + (c === interest ? 1 - of.drift : 0);
      return move * paths(taste, c, step + 1);
    });
    return chance * (step + 1 === items.length ? 1 : sum(onward));
  };
  return sum(of.tastes.map((taste) => sum(taste.map((share, c) => share * paths(taste, c, 0))) / of.tastes.length));
}

/** Every sequence of `length` different items of the tiny shop. */
function sequences(length: number): number[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((head) =>
    tiny.names.flatMap((_, item) => (head.includes(item) ? [] : [[...head, item]])),
  );
}

test("mulberry32 with seed 1 gives the numbers of its reference program, and pick follows its shares", () => {
  const random = new Random(1);
  const first = Array.from({ length: 3 }, () => random.unit() * 2 ** 32);
  expect(first).toEqual([2_693_262_067, 11_749_833, 2_265_367_787]);
  const hits = [0, 0, 0];
  for (let i = 0; i < 20_000; i++) hits[random.pick([0.2, 0, 0.8])]++;
  expect(hits[1]).toBe(0);
  expectShare("index 0", hits[0], 20_000, 0.2);
  expect(new Random(5).pick([1 - 2 ** -53, 0])).toBe(0);
});

test("a seed always gives the same log, to the byte, and another seed another", () => {
  const digest = (seed: number) => {
    const other = openShop(seed);
    const text = JSON.stringify([...rowsOf(other, drawVisits(other, { ...SIZE, seed }))]);
    return createHash("sha256").update(text).digest("hex").slice(0, 16);
  };
  expect(digest(1)).toBe("d4362f9e2745b808");
  expect(digest(2)).not.toBe(digest(1));
});

test("shares of the shop sum to 1, names differ, and rows tell user, item and rising times", () => {
  for (const shelf of [EVERYDAY, ...shop.categories.keys()]) {
    expect(sum(itemsOn(shop, shelf).map((item) => shop.popularity[item]))).toBeCloseTo(1, 12);
  }
  for (const taste of shop.tastes) expect(sum(taste)).toBeCloseTo(1, 12);
  for (const list of shop.followers)
    if (list.length > 0) expect(sum(list.map(({ share }) => share))).toBeCloseTo(1, 12);
  expect(new Set(shop.names).size).toBe(shop.names.length);
  const rows = [...rowsOf(shop, visits.slice(0, 2))];
  expect(rows.map(({ user, item }) => `${user}: ${item}`)).toEqual(
    visits.slice(0, 2).flatMap(({ user, items }) => items.map((item) => `${user}: ${shop.names[item]}`)),
  );
  const own = rows.filter(({ user }) => user === "visitor 1").map(({ time }) => time as number);
  expect(own).toEqual([...own].sort((a, b) => a - b));
});

test("nobody sees an item twice, and visits have all lengths asked for", () => {
  for (const { items } of visits) expect(new Set(items).size).toBe(items.length);
  const lengths = visits.map(({ items }) => items.length);
  expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([8, 36]);
});

test("popularity inside a category is Zipf's: first items have shares 1/rank, and a fifth of the items over half the events", () => {
  const { length } = itemsOn(shop, 0);
  const shares = zipf(length);
  for (let rank = 1; rank < length; rank++) expect(shares[rank] * (rank + 1)).toBeCloseTo(shares[0], 12);
  const firsts = visits.map(({ items }) => items[0]);
  const shelves = firsts.filter((item) => shop.category[item] !== EVERYDAY);
  expectShare("everyday items", firsts.length - shelves.length, firsts.length, shop.everyday);
  for (const rank of [0, 1, 2, 9]) {
    const hits = shelves.filter((item) => Math.abs(shop.popularity[item] - shares[rank]) < 1e-12).length;
    expectShare(`rank ${rank + 1}`, hits, shelves.length, shares[rank]);
  }
  const counts = new Array<number>(shop.names.length).fill(0);
  for (const { items } of visits) for (const item of items) counts[item]++;
  counts.sort((a, b) => b - a);
  expect(sum(counts.slice(0, counts.length / 5)) / sum(counts)).toBeGreaterThan(0.5);
});

test("interests drift at the stated rate, and what is not everyday or called for is of the interest", () => {
  const moves = visits.flatMap(({ interests }) => interests.slice(1).map((c, step) => Number(c !== interests[step])));
  // A move may lead back to where it was.
  const real = sum(shop.tastes.map((taste) => 1 - sum(taste.map((share) => share * share)))) / shop.tastes.length;
  expectShare("moves", sum(moves), moves.length, shop.drift * real);
  for (const { items, interests } of visits) {
    let called: number[] = [];
    for (const [step, item] of items.entries()) {
      const shelf = shop.category[item];
      if (shelf === EVERYDAY) continue;
      if (!called.includes(item)) expect(shelf).toBe(interests[step]);
      called = shop.followers[item].map((follower) => follower.item);
    }
  }
});

test("an item that calls for another is followed by it with the stated probability, also past an everyday item", () => {
  const heard = (from: Visit[], at: number) => {
    const calling = from.filter(({ items }) => shop.followers[items[0]].length > 0);
    const hits = calling.filter(({ items }) => shop.followers[items[0]].some(({ item }) => item === items[at])).length;
    return { hits, trials: calling.length };
  };
  // Without a call the same items come now and then, and the seen first item is drawn anew: a little more than `follow`.
  const direct = heard(visits, 1);
  expect(direct.trials).toBeGreaterThan(500);
  expect(direct.hits / direct.trials).toBeGreaterThan(shop.follow - 0.05);
  expect(direct.hits / direct.trials).toBeLessThan(shop.follow + 0.12);
  const past = heard(
    visits.filter(({ items }) => shop.category[items[1]] === EVERYDAY),
    2,
  );
  expect(past.trials).toBeGreaterThan(50);
  expect(past.hits / past.trials).toBeGreaterThan(shop.follow - 0.15);
});

test("visits that might run out of items are refused", () => {
  expect(() => drawVisits(tiny, { users: 1, shortest: 5, longest: 5, seed: 1 })).toThrow(
    "longest: got 5, expected at most 4, the items of the smallest category and the everyday shelf.",
  );
});

test("the oracle's probabilities sum to 1 over the items not seen yet", () => {
  const oracle = new Oracle(shop);
  for (const [user, { items }] of visits.slice(0, 100).entries()) {
    for (const length of [0, 1, items.length >> 1, items.length - 1]) {
      const chances = oracle.predict(items.slice(0, length));
      expect(sum(chances), `visitor ${user + 1} after ${length} items`).toBeCloseTo(1, 12);
      for (const item of items.slice(0, length)) expect(chances[item]).toBe(0);
    }
  }
});

test("the oracle equals an enumeration of all hidden paths, for every history of up to 3 items of a tiny shop", () => {
  const oracle = new Oracle(tiny);
  let histories = 0;
  for (const length of [0, 1, 2, 3]) {
    for (const history of sequences(length)) {
      const before = sequenceChance(tiny, history);
      if (before === 0) continue;
      histories++;
      const chances = oracle.predict(history);
      for (const item of tiny.names.keys()) {
        const want = history.includes(item) ? 0 : sequenceChance(tiny, [...history, item]) / before;
        expect(chances[item], `item ${item} after ${history}`).toBeCloseTo(want, 12);
      }
    }
  }
  expect(histories).toBe(1 + 6 + 30 + 120);
});

test("no ranking has a higher expected HR or NDCG than the oracle's, and a swap across a cut-off has a lower one", () => {
  const history = [0, 4];
  const chances = Float64Array.from(tiny.names, (_, item) =>
    history.includes(item) ? 0 : sequenceChance(tiny, [...history, item]) / sequenceChance(tiny, history),
  );
  const ranking = rankItems(new Oracle(tiny).predict(history));
  for (const k of [1, 2, 3]) {
    const best = expectedMetrics(ranking, chances, k);
    for (const other of sequences(6)) {
      const { hr, ndcg } = expectedMetrics(other, chances, k);
      expect(hr, `HR@${k} of ${other}`).toBeLessThanOrEqual(best.hr + 1e-12);
      expect(ndcg, `NDCG@${k} of ${other}`).toBeLessThanOrEqual(best.ndcg + 1e-12);
    }
    const swapped = [...ranking];
    [swapped[k - 1], swapped[k]] = [ranking[k], ranking[k - 1]];
    expect(expectedMetrics(swapped, chances, k).hr).toBeLessThan(best.hr);
    expect(expectedMetrics(swapped, chances, k).ndcg).toBeLessThan(best.ndcg);
  }
});

test("expected metrics are the sums of what each rank earns", () => {
  const { hr, ndcg } = expectedMetrics([2, 0, 1], Float64Array.of(0.3, 0.2, 0.5), 2);
  expect(hr).toBeCloseTo(0.8, 12);
  expect(ndcg).toBeCloseTo(0.5 + 0.3 / Math.log2(3), 12);
  expect(rankItems(Float64Array.of(0.2, 0.5, 0.2, 0.1))).toEqual([1, 0, 2, 3]);
});

test("drawn visits of the tiny shop come as often as the enumeration says", () => {
  const drawn = drawVisits(tiny, { users: 40_000, shortest: 3, longest: 3, seed: 7 });
  const counts = new Map<string, number>();
  for (const { items } of drawn) counts.set(String(items), (counts.get(String(items)) ?? 0) + 1);
  for (const items of sequences(3)) {
    const chance = sequenceChance(tiny, items);
    if (chance > 0.002) expectShare(String(items), counts.get(String(items)) ?? 0, drawn.length, chance);
  }
});

test("on the demo's log the oracle hits as often as it expects to", () => {
  const oracle = new Oracle(shop);
  const some = visits.slice(0, 1000);
  let hits = 0;
  let expected = 0;
  for (const { items } of some) {
    const chances = oracle.predict(items.slice(0, -1));
    const ranking = rankItems(chances);
    if (ranking.indexOf(items[items.length - 1]) < 10) hits++;
    expected += expectedMetrics(ranking, chances, 10).hr;
  }
  expectShare("HR@10", hits, some.length, expected / some.length);
});

test("the oracle refuses histories that its shop cannot have led to", () => {
  const oracle = new Oracle(tiny);
  expect(() => oracle.predict([3, 3])).toThrow("history: got item 3 at step 1");
  const onlyTea = { ...tiny, tastes: [Float64Array.of(1, 0)], everyday: 0 };
  expect(() => new Oracle(onlyTea).predict([3])).toThrow("history: got item 3 at step 0");
});

test("a table lines up: first column left, the others right", () => {
  expect(
    table([
      ["", "HR@10", "gap"],
      ["popular", "0.165", "0 %"],
      ["oracle", "0.558", "100 %"],
    ]),
  ).toEqual(["          HR@10     gap", "─".repeat(23), "popular   0.165     0 %", "oracle    0.558   100 %"]);
});

test("bars show a share to an eighth of a character and stay in their width", () => {
  expect([0, 1 / 32, 0.5, 0.53125, 1, 2, -1].map((share) => bar(share, 4))).toEqual([
    "",
    "▏",
    "██",
    "██▏",
    "████",
    "████",
    "",
  ]);
});

test("blocks of different heights stand beside each other", () => {
  expect(beside(["a", "long"], ["x", "y", "z"])).toEqual(["a      x", "long   y", "       z"]);
  expect(beside(["a", "long"], ["x"])).toEqual(["a      x", "long"]);
  expect([percent(0.946), percent(1), count(65_595)]).toEqual(["95 %", "100 %", "65,595"]);
});

test("progress renews one line on a terminal, and writes a line every five epochs elsewhere", () => {
  const progress = {
    phase: "train" as const,
    epoch: 5,
    epochs: 100,
    users: 1500,
    usersTotal: 3000,
    loss: 4.5,
    interactionsPerSecond: 48_300,
    seconds: 7.4,
  };
  const closed = { ...progress, users: 3000, closed: { validation: { "ndcg@10": 0.25 }, best: true } };
  const written = (isTTY: boolean) => {
    let text = "";
    const line = progressLine({
      isTTY,
      write: (part: string) => {
        text += part;
      },
    } as unknown as NodeJS.WriteStream);
    line.show(progress);
    line.show({ ...closed, epoch: 4 });
    line.show(closed);
    line.clear();
    return text;
  };
  const best = "loss 4.50, best validation NDCG@10 0.250, 48,000 events/s, 7 s";
  expect(written(false)).toBe(`training: epoch 5, 100 %, ${best}\n`);
  expect(written(true)).toBe(
    `\r\x1b[Ktraining: epoch 5, 50 %, loss 4.50, 48,000 events/s, 7 s` +
      `\r\x1b[Ktraining: epoch 4, 100 %, ${best}` +
      `\r\x1b[Ktraining: epoch 5, 100 %, ${best}\r\x1b[K`,
  );
});
