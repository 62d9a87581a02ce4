import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { failureOf, jsonOf, makeFolder, succeed } from "./command.ts";
import { makeRatings, TINY } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "ratings.csv");
const rows = makeRatings();
const csv = (ratings: (string | number)[]) =>
  `user,item,stars,time\n${rows.map(({ user, item, time }, i) => `${user},${item},${ratings[i]},${time}`).join("\n")}\n`;
const ratings = rows.map(({ rating }) => rating);
writeFileSync(log, csv(ratings));

test("train --task rating and evaluate report RMSE and MAE beside the means of the training part", async () => {
  const model = join(folder, "rating.safetensors");
  const quick = ["train", log, "--task", "rating", "-o", model, "--no-refit", ...TINY, "--epochs", "4"];
  const report = await jsonOf(quick);
  expect(report).toMatchObject({ task: "rating", users: 60 });
  expect(report.test.rmse).toBeGreaterThan(0);
  expect(Object.keys(report.baselines.test)).toEqual(["globalMean", "userMean", "itemMean"]);
  const measured = await jsonOf(["evaluate", model, log]);
  expect(measured).toEqual({ cases: 60, skipped: 0, ...report.test, baselines: report.baselines.test });
  const { stdout } = await succeed(["evaluate", model, log]);
  expect(stdout).toMatch(/RMSE +MAE\nmodel +\S+ +\S+\nglobal mean/);
  const { items } = await jsonOf(["recommend", model, "--history", "i1,i2"]);
  expect(items[0].score).toBeGreaterThanOrEqual(items[1].score);
});

test("rows without a readable rating are bad rows, and a log without ratings is refused", async () => {
  const broken = join(folder, "broken.csv");
  writeFileSync(broken, csv(ratings.map((rating, i) => (i === 3 ? "NaN" : i === 9 ? "" : rating))));
  const failure = await failureOf(["train", broken, "--task", "rating", ...TINY], 3);
  expect(failure).toMatch(/unreadable rating: 2, at lines 5, 11/);
  const unrated = join(folder, "unrated.csv");
  writeFileSync(
    unrated,
    `user,item,time\n${rows.map(({ user, item, time }) => `${user},${item},${time}`).join("\n")}\n`,
  );
  expect(await failureOf(["train", unrated, "--task", "rating", ...TINY], 3)).toMatch(/rating/);
});
