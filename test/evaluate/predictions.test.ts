import { expect, test } from "vitest";
import { buildHistories } from "../../src/data/histories.ts";
import { logFromRows } from "../../src/data/rows.ts";
import { splitHistories } from "../../src/data/split.ts";
import {
  calibrationTable,
  clickMetrics,
  ratingMeans,
  ratingMetrics,
  wantedRatings,
} from "../../src/evaluate/predictions.ts";
import { forSeeds } from "../reference/random.ts";

test("RMSE and MAE of a table computed by hand; without ratings both are 0", () => {
  expect(ratingMetrics([1, 2, 5], [1, 4, 4])).toEqual({ rmse: Math.sqrt(5 / 3), mae: 1 });
  expect(ratingMetrics([], [])).toEqual({ rmse: 0, mae: 0 });
});

test("AUC, log-loss and calibration equal brute force on random data with ties", () => {
  forSeeds(20, (random) => {
    const count = random.integer(1, 40);
    const predicted = Array.from({ length: count }, () => random.integer(0, 10) / 10);
    const labels = Array.from({ length: count }, () => random.integer(0, 1));
    let right = 0;
    let pairs = 0;
    let loss = 0;
    for (let i = 0; i < count; i++) {
      const p = Math.min(1 - 1e-7, Math.max(1e-7, predicted[i]));
      loss -= Math.log(labels[i] ? p : 1 - p) / count;
      for (let j = 0; j < count; j++) {
        if (labels[i] <= labels[j]) continue;
        pairs++;
        right += predicted[i] > predicted[j] ? 1 : predicted[i] === predicted[j] ? 0.5 : 0;
      }
    }
    const got = clickMetrics(predicted, labels, Math.log2);
    expect(got.auc).toBeCloseTo(pairs ? right / pairs : 0.5, 12);
    expect(got.logLoss).toBeCloseTo(loss, 10);
    const [sum, clicks] = [predicted, labels].map((values) => values.reduce((a, b) => a + b, 0));
    expect(got.calibration).toBeCloseTo(clicks ? sum / clicks : 0, 12);
    const bins = calibrationTable(predicted, labels);
    expect(bins.reduce((total, bin) => total + bin.count, 0)).toBe(count);
    const error = bins.reduce(
      (total, { count: n, prediction, label }) => total + (n / count) * Math.abs(prediction - label),
      0,
    );
    expect(got.calibrationError).toBeCloseTo(error, 12);
  });
});

test("the means come from the training part only: changing a held-out rating changes none", async () => {
  const ratings = [5, 3, 1, 2, 4, 4, 2, 5];
  const rowsOf = (values: number[]) =>
    values.map((rating, i) => ({ user: i < 4 ? "ann" : "bob", item: `i${(i * 3) % 5}`, time: i + 1, rating }));
  const splitOf = async (values: number[]) =>
    splitHistories(buildHistories(await logFromRows(rowsOf(values), true)).histories, "leave-one-out");
  const split = await splitOf(ratings);
  const means = ratingMeans(split.histories, split.trainLength);
  expect(means.global).toBe((5 + 3 + 4 + 4) / 4);
  expect([...means.user]).toEqual([4, 4]);
  expect([...wantedRatings(split.histories, split.test)]).toEqual([2, 5]);
  const moved = await splitOf([5, 3, 1, 1, 4, 4, 2, 1]);
  expect(ratingMeans(moved.histories, moved.trainLength)).toEqual(means);
});
