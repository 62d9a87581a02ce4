// Counts on real logs, against the READMEs beside them. The folder is named by ATTUNE_DATA and never part of the project.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildHistories } from "../../../src/data/histories.ts";
import { readLog } from "../../../src/data/read/index.ts";
import { splitHistories, splitLog } from "../../../src/data/split.ts";

const folder = process.env.ATTUNE_DATA ?? "";
const present = folder !== "" && existsSync(folder);
if (!present) console.info("ATTUNE_DATA names no folder: the tests on real data are left out.");

const ML_100K = "ml-100k/u.data.gz";

interface Expected {
  file: string;
  counts: [users: number, items: number, events: number];
  sparsity: string;
  lengths: [min: number, median: number, max: number];
  columns: string;
}

const LOGS: Expected[] = [
  {
    file: ML_100K,
    counts: [943, 1682, 100_000],
    sparsity: "93.6953",
    lengths: [20, 65, 737],
    columns: "columns: user=1, item=2, rating=3, time=4 (guessed from the values; --columns overrides)",
  },
  {
    file: "beauty/Beauty.txt.gz",
    counts: [22_363, 12_101, 198_502],
    sparsity: "99.9266",
    lengths: [5, 6, 204],
    columns: "format: sequences, a line is user item item … (guessed from the first lines; --format overrides)",
  },
  {
    file: "yoochoose-100k/yoochoose-clicks-100k_train_full.txt.gz",
    counts: [17_794, 2933, 70_278],
    sparsity: "99.8653",
    lengths: [2, 3, 58],
    columns: "columns: user=SessionId, item=ItemId, time=Time (guessed from the names; --columns overrides)",
  },
  {
    file: "online-retail/interactions.derived.tsv.gz",
    counts: [4339, 3665, 397_924],
    sparsity: "97.4977",
    lengths: [1, 41, 7847],
    columns: "columns: user=user, item=item, time=timestamp (guessed from the names; --columns overrides)",
  },
  {
    file: "ml-latest-small/ratings.csv.gz",
    counts: [610, 9724, 100_836],
    sparsity: "98.3000",
    lengths: [20, 70.5, 2698],
    columns:
      "columns: user=userId, item=movieId, rating=rating, time=timestamp (guessed from the names; --columns overrides)",
  },
];

describe("real logs are read without flags, with the counts of their READMEs", () => {
  for (const { file, counts, sparsity, lengths, columns } of present ? LOGS : []) {
    test(file, async () => {
      const { quality, guesses } = await readLog(join(folder, file));
      expect([quality.users, quality.items, quality.events]).toEqual(counts);
      expect((quality.sparsity * 100).toFixed(4)).toBe(sparsity);
      expect([quality.lengths.min, quality.lengths.median, quality.lengths.max]).toEqual(lengths);
      expect(guesses).toContain(columns);
      expect(quality.badRows).toEqual([]);
    });
  }

  if (present) {
    test("MovieLens 100K has 50,561 ties, and 943 users and 1,349 items in its 5-core", async () => {
      const { log, quality } = await readLog(join(folder, ML_100K));
      expect(quality.ties).toBe(50_561);
      const { histories } = buildHistories(log, { kCore: 5 });
      expect([histories.userIds.size, histories.items.size]).toEqual([943, 1349]);
      const { test, valid } = splitHistories(histories, "leave-one-out");
      expect([test.user.length, valid.user.length]).toEqual([943, 943]);
    });

    test("Online Retail without repeats has 266,802 events", async () => {
      const { log } = await readLog(join(folder, "online-retail/interactions.derived.tsv.gz"));
      expect(buildHistories(log, { duplicates: "first" }).report.after.events).toBe(266_802);
    });

    test("the sessions of yoochoose repeat an item in a row 13,625 times", async () => {
      const { log } = await readLog(join(folder, "yoochoose-100k/yoochoose-clicks-100k_train_full.txt.gz"));
      const { report } = buildHistories(log, { duplicates: "consecutive" });
      expect(report.before.events - report.after.events).toBe(13_625);
    });

    const yoochoose = async (name: string) =>
      (await readLog(join(folder, `yoochoose-100k/yoochoose-clicks-100k_${name}.txt.gz`))).log;

    test("every prefix of a yoochoose test session is a case: 13,568 clicks less 3,416 first ones", async () => {
      const [log, test] = [await yoochoose("train_full"), await yoochoose("test")];
      const { split } = splitLog(log, { split: "none", targets: "prefixes" }, { test });
      expect([split.test.user.length, split.valid.user.length]).toEqual([10_152, 0]);
      expect(split.unasked).toEqual({ valid: 0, test: 3416 });
      // Every test item occurs in train_full, and no session is in both.
      expect(Math.min(...split.test.target, ...split.test.prefix)).toBeGreaterThanOrEqual(0);
      expect(split.test.prefix.filter((prefix) => prefix === 0).length).toBe(0);
      expect([split.histories.userIds.size, split.histories.items.size]).toEqual([21_210, 2933]);
      expect(split.trainLength.reduce((sum, length) => sum + length, 0)).toBe(70_278);
      expect(split.trainLength.filter((length) => length > 0).length).toBe(17_794);
      expect(split.everything().item.length).toBe(83_846);
    });

    test("the tuning files of yoochoose validate on whole sessions", async () => {
      const [log, valid] = [await yoochoose("train_tr"), await yoochoose("train_valid")];
      const { split } = splitLog(log, { split: "none", targets: "prefixes" }, { valid });
      expect([split.valid.user.length, split.test.user.length]).toEqual([16_539 - 4084, 0]);
      expect(split.trainLength.reduce((sum, length) => sum + length, 0)).toBe(53_254);
    });

    test("Online Retail by time: every event after the cuts is asked about or the first of a customer", async () => {
      const { log } = await readLog(join(folder, "online-retail/interactions.derived.tsv.gz"));
      const { split, report } = splitLog(log, { split: "temporal", targets: "prefixes", kCore: 5 });
      const cuts = [Math.round(0.8 * log.length), Math.round(0.9 * log.length), log.length];
      expect(report.before.events).toBe(cuts[0]);
      expect(split.trainLength.reduce((sum, length) => sum + length, 0)).toBe(report.after.events);
      expect(split.histories.items.size).toBe(report.after.items);
      expect(split.valid.user.length + split.unasked.valid).toBe(cuts[1] - cuts[0]);
      expect(split.test.user.length + split.unasked.test).toBe(cuts[2] - cuts[1]);
      // What training may see is older than what is asked about.
      const { histories, trainLength } = split;
      let newest = 0;
      for (let user = 0; user < trainLength.length; user++) {
        if (trainLength[user] > 0)
          newest = Math.max(newest, histories.time[histories.offsets[user] + trainLength[user] - 1]);
      }
      const oldest = [...log.time].sort((a, b) => a - b)[cuts[0]];
      expect(newest).toBeLessThanOrEqual(oldest);
      expect(split.test.target.some((target) => target < 0)).toBe(true);
      const last = splitLog(log, { split: "temporal", targets: "last", kCore: 5 }).split;
      expect(last.test.user.length + last.unasked.test).toBe(new Set(afterCut(log.user, log.time, cuts[1])).size);
    });

    test("a gap of half an hour cuts Online Retail into sessions that no pause of it is in", async () => {
      const { log } = await readLog(join(folder, "online-retail/interactions.derived.tsv.gz"));
      const { split, sessions } = splitLog(log, { split: "none", targets: "last", sessionGap: 1800 });
      expect(sessions?.users).toBe(4339);
      expect(split.histories.userIds.size).toBe(sessions?.sessions);
      const { offsets, time } = split.histories;
      let pauses = 0;
      for (let user = 0; user + 1 < offsets.length; user++) {
        for (let at = offsets[user] + 1; at < offsets[user + 1]; at++) if (time[at] - time[at - 1] > 1800) pauses++;
      }
      expect(pauses).toBe(0);
      // An invoice is one moment, so there are no more sessions than invoices.
      expect(sessions?.sessions).toBeGreaterThan(4339);
      expect(sessions?.sessions).toBeLessThanOrEqual(18_536);
    });

    test("a Parquet file is named for what it is", async () => {
      await expect(readLog(join(folder, "online-retail/online_retail.parquet"))).rejects.toThrow(
        /online_retail\.parquet: got a Parquet file, expected one of /,
      );
    });
  }

  test("the table above covers every log with a README", () => {
    expect(LOGS.map(({ file }) => file.split("/")[0]).sort()).toEqual([
      "beauty",
      "ml-100k",
      "ml-latest-small",
      "online-retail",
      "yoochoose-100k",
    ]);
  });
});

/** The users of the events after a cut, in time order with ties in file order. */
function afterCut(user: Uint32Array, time: Float64Array, cut: number): number[] {
  const order = [...time.keys()].sort((a, b) => time[a] - time[b] || a - b);
  return order.slice(cut).map((event) => user[event]);
}
