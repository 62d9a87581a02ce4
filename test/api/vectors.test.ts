// Vectors trained elsewhere, in training and in what comes out of it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { evaluate } from "../../src/api/evaluate.ts";
import { load, type Model } from "../../src/api/model.ts";
import { type TrainOptions, train } from "../../src/api/train.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { randomOf } from "../reference/random.ts";
import { QUICK, shopRows } from "./shop.ts";

const rows = shopRows();
const { embedding: _, hidden: __, ...REST } = QUICK;
const WIDTH = 12;
const SETTINGS = { ...QUICK, epochs: 2, weightDecay: 0.1, dropout: 0.2 } as const;

function vectorsFor(ids: string[], seed: number): Map<string, number[]> {
  const random = randomOf(seed);
  return new Map(ids.map((id) => [id, [...Float32Array.from(random.vector(WIDTH, 0.5))]]));
}
const numbered = (prefix: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `${prefix}${from + index}`);

// Half of the users and two thirds of the items of the log, and some of neither.
const interestVectors = vectorsFor([...numbered("u", 0, 40), "guest"], 1);
const itemVectors = vectorsFor([...numbered("i", 0, 20), "elsewhere"], 2);

/** The row of an id in a table of a model. */
function rowOf(model: Model, table: "attention.users" | "embedding.weight", id: string): number[] {
  const { network, items, users } = model.internals;
  const index = (table === "attention.users" ? users! : items).indexOf(id);
  const { value, size } = network.parameters.get(table);
  return [...network.engine.memory.f32(value, size).slice(index * WIDTH, (index + 1) * WIDTH)];
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "attune-supplied-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("supplied interests", () => {
  let model: Awaited<ReturnType<typeof train>>;
  beforeAll(async () => {
    model = await train(rows, { ...SETTINGS, interestVectors });
  });

  test("are bit for bit in the model after training and refit, for users of the log and others", () => {
    expect(model.config).toMatchObject({ interest: "user", interestDigest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect([...model.internals.users!].sort()).toEqual([...interestVectors.keys()].sort());
    for (const [id, vector] of interestVectors) expect(rowOf(model, "attention.users", id), id).toEqual(vector);
  });

  test("serve whom they are for; all others, also those of the log, are served by the mean", () => {
    const history = ["i1", "i2", "i3"];
    const nobody = model.recommend(history);
    expect(model.recommend(history, { user: "u3" })).not.toEqual(nobody);
    expect(model.recommend(history, { user: "guest" })).not.toEqual(nobody);
    expect(model.recommend(history, { user: "u50" })).toEqual(nobody);
    expect(model.answer(history, { user: "u50" }).userKnown).toBe(false);
  });

  test("come back from the file, which measures as in training", async () => {
    for (const normalize of ["causal", "sequence"] as const) {
      const kept = await train(rows, { ...SETTINGS, normalize, interestVectors, refit: false });
      const path = join(folder, "interests.safetensors");
      await kept.save(path);
      const again = await load(path);
      expect(again.config).toEqual(kept.config);
      expect((await evaluate(again, rows)).metrics).toEqual(kept.report.test!.metrics);
    }
  });

  test("give the same model in any order, and another one for other numbers", async () => {
    const backwards = await train(rows, { ...SETTINGS, interestVectors: [...interestVectors].reverse() });
    expect(Buffer.compare(backwards.toBytes(), model.toBytes())).toBe(0);
    const other = await train(rows, { ...SETTINGS, interestVectors: vectorsFor([...interestVectors.keys()], 3) });
    expect(other.config.interestDigest).not.toBe(model.config.interestDigest);
  });
});

describe("supplied item embeddings", () => {
  const learned = async (options: TrainOptions) => train(rows, { ...SETTINGS, ...options });

  test("that are frozen are bit for bit in the model, and the others are trained", async () => {
    const model = await learned({ itemVectors, itemTuning: "frozen" });
    const untrained = await learned({ itemVectors, itemTuning: "frozen", learningRate: 0 });
    for (let item = 0; item < 30; item++) {
      const id = `i${item}`;
      const row = rowOf(model, "embedding.weight", id);
      if (item < 20) expect(row, id).toEqual(itemVectors.get(id));
      else expect(row, id).not.toEqual(rowOf(untrained, "embedding.weight", id));
    }
  });

  test("that are tuned are where training starts, and items without one start as ever", async () => {
    const still = { learningRate: 0, refit: false };
    const [start, plain, tuned] = await Promise.all([
      learned({ itemVectors, ...still }),
      learned(still),
      learned({ itemVectors }),
    ]);
    expect(start.config).toMatchObject({ itemTuning: "tuned", itemDigest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    for (let item = 0; item < 30; item++) {
      const id = `i${item}`;
      const row = rowOf(start, "embedding.weight", id);
      expect(row, id).toEqual(item < 20 ? itemVectors.get(id) : rowOf(plain, "embedding.weight", id));
      expect(rowOf(tuned, "embedding.weight", id), id).not.toEqual(row);
    }
  });

  test("go with supplied interests, from files as from memory, twice to the same bytes", async () => {
    const interests = join(folder, "interests.csv");
    const items = join(folder, "items.jsonl");
    await writeFile(interests, [...interestVectors].map(([id, vector]) => [id, ...vector].join(",")).join("\n"));
    const lines = [...itemVectors].map(([id, vector]) => JSON.stringify({ id, vector }));
    await writeFile(items, lines.join("\n"));
    const fromFiles = await learned({ interestVectors: interests, itemVectors: items, itemTuning: "frozen" });
    const fromMemory = await learned({ interestVectors, itemVectors, itemTuning: "frozen" });
    expect(Buffer.compare(fromFiles.toBytes(), fromMemory.toBytes())).toBe(0);
  });

  test("freeze nothing of a model that is trained without them", async () => {
    const plain = await learned({});
    expect(plain.config).toMatchObject({ interestDigest: "none", itemDigest: "none", itemTuning: "tuned" });
    expect(rowOf(plain, "embedding.weight", "i0")).not.toEqual(
      rowOf(await learned({ seed: 8 }), "embedding.weight", "i0"),
    );
  });
});

describe("the settings", () => {
  test("take the width of the vectors where none is asked for", async () => {
    const options = { ...REST, epochs: 1, refit: false };
    expect((await train(rows, { ...options, itemVectors })).config).toMatchObject({ embedding: 12, hidden: 12 });
    const plain = { ...options, model: "attentive-gru", itemVectors };
    expect((await train(rows, plain)).config).toMatchObject({ embedding: 12, hidden: 12 });
    const wide = await train(rows, { ...plain, hidden: 20 });
    expect(wide.config).toMatchObject({ embedding: 12, hidden: 20 });
  });

  test("of a model with vectors ask for the very same vectors again", async () => {
    const { config, toBytes } = await train(rows, { ...SETTINGS, itemVectors }).then((model) => ({
      config: model.config,
      toBytes: () => model.toBytes(),
    }));
    const { preset, ...settings } = config;
    const again = await train(rows, { ...settings, model: preset, itemVectors });
    expect(Buffer.compare(again.toBytes(), toBytes())).toBe(0);
    const refused = (options: TrainOptions) => expect(train(rows, { ...settings, model: preset, ...options })).rejects;
    await refused({}).toMatchObject({ code: "VECTORS_MISSING", exitCode: 2 });
    await refused({ itemVectors: interestVectors }).toMatchObject({ code: "VECTORS_DIFFER", exitCode: 2 });
    await expect(compare(rows, { ...settings, models: ["attentive-gru"] })).rejects.toMatchObject({
      code: "VECTORS_MISSING",
    });
  });

  test("that do not go with vectors are refused, with a code", async () => {
    const refused = (options: TrainOptions) => expect(train(rows, { ...SETTINGS, ...options })).rejects;
    await refused({ itemVectors, embedding: 8, hidden: 8 }).toMatchObject({ code: "VECTORS_EMBEDDING", exitCode: 2 });
    await refused({ interestVectors, interest: "last" }).toMatchObject({ code: "SETTING_COMBINATION" });
    await refused({ interestVectors, model: "sasrec" }).toMatchObject({ code: "SETTING_COMBINATION" });
    await refused({ itemTuning: "frozen" }).toMatchObject({ code: "SETTING_COMBINATION" });
    await refused({ itemDigest: "abc" }).toMatchObject({ code: "SETTING_VALUE" });
    await refused({ itemVectors: new Map([["x", vectorsFor(["x"], 1).get("x")!]]) }).toMatchObject({
      code: "VECTORS_UNMATCHED",
      exitCode: 3,
    });
    await refused({ itemVectors: [] }).toMatchObject({ code: "VECTORS_EMPTY", exitCode: 3 });
    await refused({ itemVectors: join(folder, "none.csv") }).toMatchObject({ code: "DATA_FILE_MISSING" });
    expect(() => resolveConfig({ itemDigest: "A".repeat(64) })).toThrow(/itemDigest: .*64 hexadecimal/);
  });
});
