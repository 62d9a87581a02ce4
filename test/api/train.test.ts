import { beforeAll, describe, expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { evaluate } from "../../src/api/evaluate.ts";
import { readSource } from "../../src/api/source.ts";
import { configOf, train } from "../../src/api/train.ts";
import { PRESETS } from "../../src/model/presets/index.ts";
import type { Progress } from "../../src/train/fit.ts";
import { QUICK, shopRows } from "./shop.ts";

const rows = shopRows();

describe("train", () => {
  test("learns the order of a simple log far better than popularity and no worse than its own bound", async () => {
    const model = await train(rows, { ...QUICK, model: "gru4rec", seen: "include", epochs: 40 });
    const [popular] = await compare(rows, { ...QUICK, models: ["popular"], seen: "include" });
    const { test: measured } = model.report;
    expect(measured!.metrics["hr@5"]).toBeGreaterThan(0.6);
    expect(popular.test["hr@5"]).toBeLessThan(0.4);
  });

  test("twice with one seed gives the same bytes, for every preset; another seed gives others", async () => {
    for (const { name: model } of PRESETS) {
      const run = async (seed: number) =>
        (await train(rows, { ...QUICK, model, seed, epochs: 2, dropout: 0.2 })).toBytes();
      const first = await run(1);
      expect(Buffer.compare(first, await run(1)), model).toBe(0);
      expect(Buffer.compare(first, await run(2)), model).not.toBe(0);
    }
  });

  test("with one of two widths takes the other from it where a preset needs both equal, and nowhere else", () => {
    for (const model of [undefined, "attune", "sasrec"]) {
      expect(configOf(model, { embedding: "16" })).toMatchObject({ embedding: 16, hidden: 16 });
      expect(configOf(model, { hidden: 8 })).toMatchObject({ embedding: 8, hidden: 8 });
      expect(() => configOf(model, { embedding: 16, hidden: 8 })).toThrow(/the same value/);
    }
    expect(configOf("attentive-gru", { embedding: 16 })).toMatchObject({ embedding: 16, hidden: 64 });
  });

  test("with sampled prefixes also gives the same bytes twice", async () => {
    const run = async () => (await train(rows, { ...QUICK, normalize: "sequence", epochs: 2 })).toBytes();
    expect(Buffer.compare(await run(), await run())).toBe(0);
  });

  test("keeps the weights of the best epoch", async () => {
    const closed: number[] = [];
    const onProgress = (progress: Progress) => {
      if (progress.closed) closed.push(progress.closed.validation!["ndcg@10"]);
    };
    const model = await train(rows, { ...QUICK, epochs: 20, patience: 3, refit: false, onProgress });
    const { bestEpoch, epochs, validation } = model.report;
    expect(closed.length).toBe(epochs);
    expect(closed[bestEpoch - 1]).toBe(Math.max(...closed));
    expect(validation!.metrics["ndcg@10"]).toBe(closed[bestEpoch - 1]);
    expect(epochs - bestEpoch).toBeLessThanOrEqual(3);
  });

  test("stops by patience, counted from the best epoch", async () => {
    // Without learning the first epoch stays the best.
    const model = await train(rows, { ...QUICK, learningRate: 0, epochs: 50, patience: 4, refit: false });
    expect(model.report).toMatchObject({ epochs: 5, bestEpoch: 1 });
  });

  test("refits on everything for the chosen number of epochs, and reports the test of the weights before", async () => {
    const kept = await train(rows, { ...QUICK, refit: false });
    const shipped = await train(rows, { ...QUICK });
    expect(shipped.report.test).toEqual(kept.report.test);
    expect(shipped.facts).toEqual({ epochs: kept.report.bestEpoch, refitted: true });
    expect(kept.facts).toEqual({ epochs: kept.report.bestEpoch, refitted: false });
    expect(Buffer.compare(shipped.toBytes(), kept.toBytes())).not.toBe(0);
  });

  test("never sees held-out events: changing every test event changes neither the weights nor the validation", async () => {
    // A first user fixes the numbering of the items; everybody else's last event is handed round.
    const catalogue = Array.from({ length: 30 }, (_, time) => ({ user: "all", item: `i${time}`, time }));
    const plain = [...catalogue, ...rows];
    const last = new Map<unknown, number>();
    plain.forEach(({ user }, index) => {
      if (user !== "all") last.set(user, index);
    });
    const indices = [...last.values()];
    const moved = plain.map((row) => ({ ...row }));
    indices.forEach((index, i) => {
      moved[index].item = plain[indices[(i + 1) % indices.length]].item;
    });
    const before = await train(plain, { ...QUICK, refit: false });
    const after = await train(moved, { ...QUICK, refit: false });
    expect(Buffer.compare(after.toBytes(), before.toBytes())).toBe(0);
    expect(after.report.validation).toEqual(before.report.validation);
    expect(after.report.test).not.toEqual(before.report.test);
  });

  test("ends at an abort with the signal's reason, and at a time budget with a usable model", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const options = { ...QUICK, epochs: 1000, signal: controller.signal, onProgress: () => controller.abort(reason) };
    await expect(train(rows, options)).rejects.toBe(reason);
    const model = await train(rows, { ...QUICK, epochs: 100_000, patience: 100_000, timeBudget: 0.3 });
    expect(model.report.epochs).toBeLessThan(100_000);
    expect(model.recommend(["i1"], { k: 3 })).toHaveLength(3);
  });

  test("refuses what it cannot use, with a code", async () => {
    await expect(train(rows, { model: "gru5rec" })).rejects.toMatchObject({ code: "PRESET_UNKNOWN" });
    await expect(train(rows, { dropuot: 0.1 } as object)).rejects.toMatchObject({ code: "SETTING_UNKNOWN" });
    await expect(train(rows, { dropout: 1 })).rejects.toMatchObject({ code: "SETTING_VALUE" });
    await expect(train(rows, { split: "half" })).rejects.toMatchObject({ code: "SPLIT_UNKNOWN" });
    await expect(train([], {})).rejects.toMatchObject({ exitCode: 3 });
    const single = [{ user: "a", item: "x", time: 1 }];
    await expect(train(single, {})).rejects.toMatchObject({ code: "NOTHING_TO_LEARN" });
    await expect(train("no/such/file.csv")).rejects.toMatchObject({ code: "DATA_FILE_MISSING" });
  });

  test("compare refuses a model named twice and a split that leaves nothing to test", async () => {
    await expect(compare(rows, { models: ["popular", "popular"] })).rejects.toMatchObject({ code: "MODEL_TWICE" });
    await expect(compare(rows, { models: ["popular"], split: "none" })).rejects.toMatchObject({
      code: "NOTHING_TO_TEST",
    });
  });

  test("one user with a long history is enough", async () => {
    const one = Array.from({ length: 60 }, (_, time) => ({ user: "me", item: `file ${time % 5}`, time }));
    const model = await train(one, {
      ...QUICK,
      epochs: 60,
      learningRate: 0.05,
      patience: 60,
      seen: "include",
      window: 7,
    });
    expect(model.recommend(["file 0", "file 1", "file 2"], { k: 1 })[0].id).toBe("file 3");
  });
});

describe("evaluate", () => {
  let model: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    model = await train(rows, { ...QUICK, refit: false });
  });

  test("by the model's own split gives the very numbers that training reported", async () => {
    const report = await evaluate(model, rows);
    expect(report.metrics).toEqual(model.report.test!.metrics);
    expect(report.includeSeen).toEqual(model.report.test!.includeSeen);
    expect(report.trainedOnTargets).toBe(false);
  });

  test("of a model whose embeddings are all zero finds nothing: ties count against the target", async () => {
    const zero = await train(rows, { ...QUICK, epochs: 1, refit: false });
    const { network } = zero.internals;
    const { value, size } = network.parameters.get("embedding.weight");
    network.engine.memory.f32(value, size).fill(0);
    network.prepare();
    const { metrics, includeSeen } = await evaluate(zero, rows);
    expect(metrics["hr@10"]).toBe(0);
    expect(includeSeen["hr@20"]).toBe(0);
  });

  test("counts items the model does not know as misses, and drops them from histories", async () => {
    const renamed = rows.map((row, index) => (index % 7 === 0 ? { ...row, item: `new ${row.item}` } : row));
    const report = await evaluate(model, renamed);
    expect(report.cases).toBe(80);
    expect(report.metrics["hr@10"]).toBeLessThan(model.report.test!.metrics["hr@10"]);
    expect(report.metrics["hr@10"]).toBeGreaterThan(0);
  });
});

const dataFolder = process.env.ATTUNE_DATA;
if (dataFolder) {
  test("MovieLens-100K: five epochs of gru4rec beat popularity on the test", async () => {
    const path = `${dataFolder}/ml-100k/u.data.gz`;
    const { quality } = await readSource(path);
    expect(quality).toMatchObject({ users: 943, items: 1682, events: 100_000 });
    const settings = { kCore: 5, epochs: 5, batch: 16, learningRate: 0.005 };
    const results = await compare(path, { ...settings, models: ["popular", "gru4rec"] });
    expect(results[1].test["ndcg@10"]).toBeGreaterThan(results[0].test["ndcg@10"]);
  }, 180_000);
} else console.log("ATTUNE_DATA is not set: tests on real data are not registered");
