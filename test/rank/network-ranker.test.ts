import { beforeAll, describe, expect, test } from "vitest";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { findPreset } from "../../src/model/presets/index.ts";
import { forceIntegerCopy } from "../../src/rank/integer-copy.ts";
import { NetworkRanker } from "../../src/rank/network-ranker.ts";
import { distinctItems, type Query } from "../../src/rank/ranker.ts";
import type { TrainingEngine } from "../../src/wasm/engine.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { randomOf } from "../reference/random.ts";
import { topK } from "../reference/topk.ts";

const ITEMS = 700;
let engine: TrainingEngine;
beforeAll(async () => {
  engine = await createTrainingEngine();
});

function makeNetwork(task: "next" | "rating" | "click", rivals: "all" | "others" = "all"): Network {
  const settings = { ...findPreset("gru4rec").settings, embedding: 12, hidden: 10, initStd: 1, task, rivals };
  const network = new Network(engine, resolveConfig(settings, { preset: "gru4rec" }), ITEMS, true);
  network.initialize(engine);
  network.keepPlanned();
  if (task !== "next") {
    const random = randomOf(5);
    const biases = network.parameters.get("head.item_bias");
    engine.memory.f32(biases.value, biases.size).set(random.vector(ITEMS, 2));
    network.setBias(0.5);
  }
  return network;
}

function makeQueries(count: number): Query[] {
  const random = randomOf(count);
  return Array.from({ length: count }, () => {
    const history = Int32Array.from({ length: random.integer(1, 20) }, () => random.integer(0, ITEMS - 1));
    return { history, excluded: random.choose([distinctItems(history), new Int32Array(0)]) };
  });
}

/** Encodes and scores one query after the other, and sorts. */
function bruteForce(network: Network, queries: readonly Query[], k: number, barred: readonly number[] = []) {
  const { memory, kernels } = engine;
  return queries.map(({ history, excluded }) => {
    network.releaseStep();
    const { y } = network.encode([history]);
    const scores = memory.planF32(network.scorer.stride);
    network.score(1, y, scores);
    const { items, scores: best } = topK(memory.f32(scores, ITEMS), k, [...excluded, ...barred]);
    if (network.head?.task === "click") {
      const at = memory.planF32(best.length);
      memory.f32(at, best.length).set(best);
      kernels.sigmoidF32(0, best.length, at, at);
      best.splice(0, best.length, ...memory.f32(at, best.length));
    }
    network.releaseStep();
    return { items, scores: best };
  });
}

const told = (lists: ReturnType<NetworkRanker["topK"]>) =>
  lists.map(({ items, scores }) => ({ items: [...items], scores: [...scores] }));
const flagsOf = (barred: readonly number[]) => {
  const flags = new Uint8Array(ITEMS);
  for (const item of barred) flags[item] = 1;
  return flags;
};

describe.each(["next", "rating", "click"] as const)("a network for the task %s", (task) => {
  test("lists what brute force lists: with few and many queries, one at a time, and after its weights changed", () => {
    const network = makeNetwork(task);
    const ranker = new NetworkRanker(network);
    for (const count of [3, 100, 300, 1]) {
      const queries = makeQueries(count);
      expect(told(ranker.topK(queries, 9)), `${count} queries`).toEqual(bruteForce(network, queries, 9));
    }
    const { value, size } = network.parameters.get("embedding.weight");
    const table = engine.memory.f32(value, size);
    for (const [i, number] of table.entries()) table[i] = -2 * number;
    network.prepare();
    const queries = makeQueries(70);
    expect(told(ranker.topK(queries, 9)), "other weights").toEqual(bruteForce(network, queries, 9));
  });

  test("keeps to what is barred for all, whether little or nearly everything is", () => {
    const network = makeNetwork(task);
    const ranker = new NetworkRanker(network);
    const queries = makeQueries(80);
    const random = randomOf(3);
    for (const share of [0.01, 0.5, 0.8, 0.95, 1]) {
      const barred = Array.from({ length: ITEMS }, (_, item) => item).filter(() => random.unit() < share);
      for (const k of [1, 20, ITEMS]) {
        const got = told(ranker.topK(queries, k, flagsOf(barred)));
        expect(got, `${barred.length} barred, K=${k}`).toEqual(bruteForce(network, queries, k, barred));
      }
    }
  });
});

test("the newest item is in no list and has the last rank where the loss never compared it", () => {
  const candidates = flagsOf(Array.from({ length: ITEMS }, (_, item) => item).slice(5));
  const answersOf = (rivals: "all" | "others", restrict: (query: Query) => Query) => {
    const ranker = new NetworkRanker(makeNetwork("next", rivals));
    return [3, 300].map((count) => {
      const asked = makeQueries(count).map(restrict);
      const targets = asked.map(({ history }) => (newestOf(history) + 1) % ITEMS);
      const ranks = ranker.ranks(asked, targets);
      const [few, all] = [9, ITEMS].map((k) => told(ranker.topK(asked, k)));
      const lists = [few, all, told(ranker.topK(asked, 9, candidates))];
      return { lists, all: [...ranks.all], allowed: [...ranks.allowed] };
    });
  };
  const newestOf = (history: ArrayLike<number>) => history[history.length - 1];
  const without = ({ history, excluded }: Query): Query => ({
    history,
    excluded: Int32Array.from(new Set([...excluded, newestOf(history)])),
  });
  const [want, got] = [answersOf("all", without), answersOf("others", (query) => query)];
  expect(got.map(({ lists, allowed }) => ({ lists, allowed }))).toEqual(
    want.map(({ lists, allowed }) => ({ lists, allowed })),
  );
  const onlyNewest = ({ history }: Query): Query => ({ history, excluded: Int32Array.of(newestOf(history)) });
  expect(got.map(({ all }) => all)).toEqual(answersOf("all", onlyNewest).map(({ allowed }) => allowed));
  const ranker = new NetworkRanker(makeNetwork("next", "others"));
  const queries = makeQueries(20);
  const { all, allowed } = ranker.ranks(
    queries,
    queries.map(({ history }) => newestOf(history)),
  );
  for (const rank of [...all, ...allowed]) expect(rank).toBe(ITEMS);
});

test("the integer copy is made once for many queries, and its memory is used again when weights change", () => {
  const network = makeNetwork("next");
  const first = forceIntegerCopy(network, () => 0)!;
  expect(forceIntegerCopy(network, () => 0)).toBe(first);
  const mark = engine.memory.mark();
  network.prepare();
  const second = forceIntegerCopy(network, () => 0)!;
  expect(second).not.toBe(first);
  expect(second.panels).toBe(first.panels);
  expect(engine.memory.mark()).toBe(mark);
});

test("weights that are not finite are scored whole", () => {
  const network = makeNetwork("next");
  const { value } = network.parameters.get("embedding.weight");
  engine.memory.f32(value, 1)[0] = Number.POSITIVE_INFINITY;
  network.prepare();
  expect(forceIntegerCopy(network, () => 0)).toBeUndefined();
  const queries = makeQueries(66).filter(({ history }) => !Array.from(history).includes(0));
  expect(told(new NetworkRanker(network).topK(queries, 5))).toEqual(bruteForce(network, queries, 5));
});
