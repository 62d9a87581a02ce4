import { expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { evaluate } from "../../src/api/evaluate.ts";
import { train } from "../../src/api/train.ts";
import type { Row } from "../../src/data/rows.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { PRESETS } from "../../src/model/presets/index.ts";
import { randomOf } from "../reference/random.ts";
import { QUICK, shopRows } from "./shop.ts";

/** Users who walk up or down a ring of items: what comes next takes two events to know. */
function walkers(users: number, items: number): Row[] {
  const random = randomOf(23);
  const rows: Row[] = [];
  for (let user = 0; user < users; user++) {
    let item = random.integer(0, items - 1);
    const direction = random.choose([1, items - 1]);
    for (let time = 0; time < 10; time++) {
      rows.push({ user: `u${user}`, item: `i${item}`, time });
      item = (item + (random.unit() < 0.9 ? direction : random.integer(1, items - 1))) % items;
    }
  }
  return rows;
}

test("with 12 negatives for 120 items a model learns what popularity and first-order chains cannot know", async () => {
  const rows = walkers(300, 120);
  const settings = { ...QUICK, seen: "include", loss: "sampled", negatives: 12, epochs: 40, patience: 40 } as const;
  const model = await train(rows, { ...settings, model: "gru4rec", embedding: 24, hidden: 24, dropout: 0.1 });
  const baselines = await compare(rows, { models: ["popular", "markov"], seen: "include" });
  const [popular, markov] = baselines.map(({ test: measured }) => measured["mrr@10"]);
  expect(popular).toBeLessThan(0.1);
  expect(markov).toBeLessThan(0.7);
  const { test: measured } = model.report;
  expect(measured!.metrics["mrr@10"]).toBeGreaterThan(0.75);
  // What was measured while training, from the weights of the epoch's end, is what the model that is read back measures.
  const kept = await train(rows, { ...settings, model: "gru4rec", epochs: 3, refit: false });
  const again = await evaluate(kept, rows);
  expect(again.metrics).toEqual(kept.report.test!.metrics);
});

test("every preset, split and target trains with sampled negatives, and its file says so", async () => {
  const rows = shopRows();
  const settings = { ...QUICK, loss: "sampled", negatives: 6, epochs: 1 } as const;
  for (const { name: model } of PRESETS) {
    const trained = await train(rows, { ...settings, model });
    expect(trained.report.config).toMatchObject({ loss: "sampled", negatives: 6 });
    expect(trained.report.test!.metrics["ndcg@10"]).toBeGreaterThan(0);
  }
  const splits: Partial<ModelConfig>[] = [
    { split: "temporal", targets: "future" },
    { split: "ratio", targets: "prefixes" },
    { split: "none" },
  ];
  for (const split of splits) {
    const { report } = await train(rows, { ...settings, ...split, model: "gru4rec" });
    expect(report.bestEpoch, JSON.stringify(split)).toBe(1);
  }
});

test("small catalogues are trained on the whole of them, and say so; heads refuse sampled negatives", async () => {
  const open = await train(shopRows(), { ...QUICK, model: "gru4rec", epochs: 1 });
  const full = await train(shopRows(), { ...QUICK, model: "gru4rec", epochs: 1, loss: "full" });
  expect(open.report.config.loss).toBe("full");
  expect(Buffer.compare(open.toBytes(), full.toBytes())).toBe(0);
  await expect(train(shopRows(), { loss: "sampled", task: "rating" })).rejects.toMatchObject({
    code: "SETTING_COMBINATION",
  });
  await expect(train(shopRows(), { negatives: 0 })).rejects.toMatchObject({ code: "SETTING_VALUE" });
});

test("supplied item embeddings that are frozen stay as they are where negatives are sampled", async () => {
  const items = new Set(shopRows().map(({ item }) => String(item)));
  const random = randomOf(4);
  const vectors = new Map([...items].slice(0, 20).map((id) => [id, random.vector(12).map(Math.fround)]));
  const trained = await train(shopRows(), {
    ...{ ...QUICK, model: "gru4rec", epochs: 2, loss: "sampled", negatives: 8, weightDecay: 0.1 },
    itemVectors: vectors,
    itemTuning: "frozen",
  });
  const { network, items: known } = trained.internals;
  const { value } = network.parameters.get("embedding.weight");
  const rowOf = (id: string) => [...network.engine.memory.f32(value + 4 * 12 * known.indexOf(id), 12)];
  for (const [id, vector] of vectors) expect(rowOf(id), id).toEqual(vector);
});
