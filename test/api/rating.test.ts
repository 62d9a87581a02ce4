import { expect, test } from "vitest";
import { evaluate } from "../../src/api/evaluate.ts";
import { load } from "../../src/api/model.ts";
import { train } from "../../src/api/train.ts";
import { makeFolder } from "../cli/command.ts";
import { makeRatings } from "../cli/logs.ts";

const TINY = { model: "gru4rec", embedding: 8, hidden: 8, batch: 16, learningRate: 0.02, epochs: 6 } as const;

test("a rating model beats the three means, predicts, ranks by rating and survives its file bit by bit", async () => {
  const rows = makeRatings();
  const model = await train(rows, { ...TINY, task: "rating", refit: false });
  const { metrics, baselines } = model.report.test!;
  expect(Object.keys(metrics)).toEqual(["rmse", "mae"]);
  expect(Object.keys(baselines!)).toEqual(["globalMean", "userMean", "itemMean"]);
  for (const [name, { rmse }] of Object.entries(baselines!)) expect(metrics.rmse, name).toBeLessThan(rmse);
  expect((await evaluate(model, rows)).metrics).toEqual(metrics);

  const best = model.recommend(["i3", "i4"], { k: 20, includeSeen: true });
  for (const { id, score } of best) expect(model.predict(["i3", "i4"], id)).toBeCloseTo(score, 5);
  expect(best.map(({ score }) => score)).toEqual(best.map(({ score }) => score).sort((a, b) => b - a));
  expect(model.predict(["nobody"], "i1")).toBe(model.predict([], "i1"));

  const path = `${makeFolder()}/rating.safetensors`;
  await model.save(path);
  const again = await load(path);
  expect(again.config).toEqual(model.config);
  expect(again.predict(["i3", "i4"], "i7")).toBe(model.predict(["i3", "i4"], "i7"));
  expect(Buffer.from(again.toBytes()).equals(Buffer.from(model.toBytes()))).toBe(true);
});

test("evaluating skips and counts items the model never saw", async () => {
  const rows = makeRatings();
  const model = await train(rows, { ...TINY, epochs: 1, task: "rating", refit: false });
  const last = rows.findLastIndex(({ user }) => user === "u0");
  const moved = rows.map((row, i) => (i === last ? { ...row, item: "new" } : row));
  expect(await evaluate(model, moved)).toMatchObject({ skipped: 1, cases: 59 });
});

test("the task needs a rating in every row; other tasks do not look at them", async () => {
  const rows = makeRatings().map((row, i) => (i === 7 ? { ...row, rating: Number.NaN } : row));
  await expect(train(rows, { ...TINY, task: "rating" })).rejects.toMatchObject({ code: "DATA_ROW_RATING" });
  await train(rows, { ...TINY, epochs: 1 });
  const plain = await train(rows, { ...TINY, epochs: 1 });
  expect(() => plain.predict(["i1"], "i2")).toThrow(expect.objectContaining({ code: "TASK_HAS_NO_PREDICTION" }));
});

const dataFolder = process.env.ATTUNE_DATA;
if (dataFolder) {
  test("MovieLens-100K: a few epochs beat global, user and item means in RMSE", async () => {
    const path = `${dataFolder}/ml-100k/u.data.gz`;
    const settings = { model: "gru4rec", embedding: 32, hidden: 32, epochs: 4, refit: false } as const;
    const { test: report } = (await train(path, { ...settings, task: "rating" })).report;
    for (const { rmse } of Object.values(report!.baselines!)) expect(report!.metrics.rmse).toBeLessThan(rmse);
  }, 180_000);
} else console.log("ATTUNE_DATA is not set: tests on real data are not registered");
