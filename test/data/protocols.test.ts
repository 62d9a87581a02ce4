// Splits, targets, held-out sources and sessions from the library's own entries: what is trained, measured and shipped.

import { describe, expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { evaluate } from "../../src/api/evaluate.ts";
import type { Model } from "../../src/api/model.ts";
import { type TrainOptions, train } from "../../src/api/train.ts";
import type { Row } from "../../src/data/rows.ts";
import { QUICK, shopRows } from "../api/shop.ts";
import { errorOf, temporaryFiles } from "./support.ts";

const file = temporaryFiles();
const SMALL = { ...QUICK, model: "gru4rec", epochs: 3 } as const;

/** The shop's rows with one clock for all: a step of everybody is a day. */
const rows = shopRows().sort((a, b) => Number(a.time) - Number(b.time));
const cutAt = Math.round(0.8 * rows.length);
/** The same with items after the first cut that nobody has met before. */
const withNews = rows.map((row, at): Row => (at >= cutAt && at % 5 === 0 ? { ...row, item: `new ${at % 3}` } : row));

function weightsOf({ internals: { network } }: Model): Float32Array {
  return network.engine.memory.f32(network.parameters.values, network.parameters.floats).slice();
}

const SPLITS: Partial<TrainOptions>[] = [
  { split: "temporal", targets: "last" },
  { split: "temporal", targets: "future" },
  { split: "temporal:0.7,0.9", targets: "prefixes" },
  { split: "ratio", targets: "last" },
  { split: "ratio:0.5,0.75", targets: "prefixes" },
];

describe("a model that was not refitted", () => {
  test.each(SPLITS)("by %o has in evaluate the very numbers that its training reported", async (options) => {
    const model = await train(withNews, { ...SMALL, ...options, refit: false });
    const report = await evaluate(model, withNews);
    expect(report).toMatchObject({ ...options, trainedOnTargets: false });
    expect(report.cases).toBeGreaterThan(7);
    expect([report.cases, report.metrics, report.includeSeen]).toEqual([
      model.report.test!.cases,
      model.report.test!.metrics,
      model.report.test!.includeSeen,
    ]);
  });
});

test("a temporal split trains on the past alone: other later events give the same bytes and the same epochs", async () => {
  const options = { ...SMALL, epochs: 6, split: "temporal", targets: "prefixes", kCore: 2, refit: false } as const;
  const validTo = Math.round(0.9 * rows.length);
  const plain = await train(rows, options);
  const changed = rows.map((row, at) =>
    at >= validTo ? { ...row, user: `stranger ${at % 4}`, item: `new ${at % 7}` } : row,
  );
  const after = await train(changed, options);
  expect(Buffer.compare(after.toBytes(), plain.toBytes())).toBe(0);
  expect(after.report.validation).toEqual(plain.report.validation);
  expect(after.report.test).not.toEqual(plain.report.test);
});

test("the shipped model knows the items that only came after the cut; its report is of the weights before", async () => {
  const kept = await train(withNews, { ...SMALL, split: "temporal", refit: false });
  const shipped = await train(withNews, { ...SMALL, split: "temporal" });
  expect(kept.internals.items.indexOf("new 1")).toBe(-1);
  expect(shipped.internals.items.indexOf("new 1")).toBeGreaterThanOrEqual(0);
  expect([shipped.itemCount, shipped.report.items]).toEqual([
    new Set(withNews.map(({ item }) => item)).size,
    shipped.itemCount,
  ]);
  expect(shipped.report.test).toEqual(kept.report.test);
  expect(shipped.facts).toEqual({ epochs: kept.report.bestEpoch, refitted: true });
  expect(shipped.recommend(["new 1"], { k: 3 })).toHaveLength(3);
  // Trained on everything in the end: the same as not splitting at all, for as many epochs.
  const whole = await train(withNews, {
    ...SMALL,
    split: "none",
    epochs: kept.report.bestEpoch,
    batch: shipped.config.batch,
  });
  expect(weightsOf(whole)).toEqual(weightsOf(shipped));
});

describe("held-out sources", () => {
  const [past, middle, last] = [rows.slice(0, 400), rows.slice(400, 500), rows.slice(500)];
  const strangers = shopRows(10, 30).map((row) => ({ ...row, user: `new ${row.user}` }));

  test("choose and measure; all of the data trains, and a refit trains on them too", async () => {
    const options = { ...SMALL, targets: "prefixes", valid: middle, test: [...last, ...strangers] } as const;
    const model = await train(past, { ...options, refit: false });
    expect(model.config.split).toBe("none");
    const firsts = (from: Row[]) => new Set(from.map(({ user }) => user)).size;
    expect(model.report.validation!.cases).toBe(middle.length);
    expect(model.report.test!.cases).toBe(last.length + strangers.length - firsts(strangers));
    // The held-out sources chose the epoch, and nothing else.
    const whole = await train(past, { ...SMALL, split: "none", epochs: model.report.bestEpoch });
    expect(weightsOf(whole)).toEqual(weightsOf(model));
    const shipped = await train(past, options);
    expect(shipped.facts.refitted).toBe(true);
    expect(shipped.report.test).toEqual(model.report.test);
  });

  test("a test alone leaves the validation to the split", async () => {
    for (const split of ["leave-one-out", "temporal", "ratio"]) {
      const model = await train(past, { ...SMALL, split, test: last, refit: false });
      expect(model.report.validation!.cases, split).toBeGreaterThan(5);
      expect(model.report.test!.cases, split).toBe(new Set(last.map(({ user }) => user)).size);
    }
  });

  test("evaluate asks a source of its own after what its users did in the data", async () => {
    const model = await train(past, { ...SMALL, split: "none" });
    const report = await evaluate(model, past, { test: last, targets: "prefixes" });
    expect(report).toMatchObject({ cases: last.length, split: "none", targets: "prefixes", trainedOnTargets: false });
    const trained = await train(past, { ...SMALL, split: "none", test: last, targets: "prefixes", refit: false });
    expect(report.metrics).toEqual(trained.report.test!.metrics);
    // All users of a file are held out by shares of nothing.
    const sessions = await evaluate(model, strangers, { split: "ratio:0,0", targets: "prefixes" });
    expect(sessions.cases).toBe(strangers.length - 10);
  });

  test("compare measures baselines and models on the same cases", async () => {
    const compared = await compare(past, {
      ...QUICK,
      epochs: 2,
      models: ["popular", "markov", "gru4rec"],
      valid: middle,
      test: last,
      targets: "prefixes",
      onData: ({ split, heldOut }) => {
        expect([split.valid.user.length, split.test.user.length]).toEqual([middle.length, last.length]);
        expect(heldOut.map(({ name, quality }) => [name, quality.events])).toEqual([
          ["validation", middle.length],
          ["test", last.length],
        ]);
      },
    });
    for (const row of compared) expect(row.test["hr@20"], row.model).toBeGreaterThan(0);
  });

  test("may be files of other formats; what goes wrong in them names them", async () => {
    const log = file(
      "log.csv",
      `user,item,time\n${past.map(({ user, item, time }) => `${user},${item},${time}\n`).join("")}`,
    );
    const jsonl = file("test.jsonl", last.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const model = await train(log, { ...SMALL, test: jsonl, refit: false });
    expect(model.report.test!.cases).toBe(new Set(last.map(({ user }) => user)).size);
    const bad = file("bad.jsonl", '{"user":"u","item":"i"}\n{\n');
    const error = await errorOf(train(log, { ...SMALL, test: bad }));
    expect([error.code, error.message.includes("bad.jsonl")]).toEqual(["DATA_BAD_ROWS", true]);
    expect((await errorOf(train("-", { ...SMALL, test: "-" }))).code).toBe("INPUT_TWICE");
    expect((await errorOf(train(past, { ...SMALL, valid: middle, split: "temporal" }))).code).toBe("SPLIT_AND_VALID");
    const kept = await train(past, { ...SMALL, split: "none", epochs: 1 });
    expect((await errorOf(evaluate(kept, past, { test: last, split: "temporal" }))).code).toBe("SPLIT_AND_TEST");
    expect((await errorOf(evaluate(kept, past, { targets: "next" as "last" }))).code).toBe("TARGETS_UNKNOWN");
  });
});

describe("sessions", () => {
  test("are histories of their own, from the training to the report", async () => {
    const spread = rows.map((row) => ({ ...row, time: 100 * Number(row.time) + (Number(row.time) > 4 ? 5000 : 0) }));
    let seen: unknown;
    const model = await train(spread, {
      ...SMALL,
      sessionGap: 1000,
      refit: false,
      onData: ({ sessions }) => {
        seen = sessions;
      },
    });
    expect(seen).toEqual({ users: 80, sessions: 160 });
    expect([model.report.users, model.config.sessionGap]).toEqual([160, 1000]);
    expect((await evaluate(model, spread)).metrics).toEqual(model.report.test!.metrics);
  });

  test("need times", async () => {
    const path = file("histories.txt", "u a b c\nv a c d e\n");
    const error = await errorOf(train(path, { ...SMALL, sessionGap: 60 }));
    expect([error.code, error.message.includes("histories.txt: got no times")]).toEqual(["DATA_UNTIMED", true]);
  });
});
