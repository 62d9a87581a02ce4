// compare() as a library: what a row says beyond the table of the command.

import { expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { train } from "../../src/api/train.ts";
import { QUICK, shopRows } from "./shop.ts";

test("a row has the epochs and the settings that train reports, those told from the data included", async () => {
  const settings = { ...QUICK, batch: 0, dropout: -1, epochs: 3, patience: 1 };
  const [row] = await compare(shopRows(), { ...settings, models: ["gru4rec"] });
  const { report } = await train(shopRows(), { ...settings, model: "gru4rec", refit: false });
  expect(row).toMatchObject({ epochs: report.epochs, bestEpoch: report.bestEpoch, config: report.config });
  expect(row.bestEpoch).toBeGreaterThan(0);
  expect(row.config).toMatchObject({ preset: "gru4rec", seed: QUICK.seed, dropout: 0.5, batch: 2 });
});

test("each seed's row names its own seed, and a baseline has neither settings nor epochs", async () => {
  const rows = await compare(shopRows(), { ...QUICK, epochs: 1, seeds: 2, models: ["popular", "lstm"] });
  expect(rows.map(({ config }) => config?.seed ?? null)).toEqual([null, 7, 8]);
  expect(rows[0]).toMatchObject({ seed: null, epochs: 0, bestEpoch: 0, parameters: 0 });
});

test("baselines and models are measured at cut-offs 5, 10 and 20, on validation and on test", async () => {
  const rows = await compare(shopRows(), { ...QUICK, epochs: 1, models: ["markov", "gru4rec"] });
  const names = [5, 10, 20].flatMap((k) => [`hr@${k}`, `ndcg@${k}`, `mrr@${k}`]);
  for (const { validation, test } of rows) {
    expect(Object.keys(validation)).toEqual(expect.arrayContaining(names));
    expect(Object.keys(test)).toEqual(expect.arrayContaining([...names, "recall@20"]));
  }
});
