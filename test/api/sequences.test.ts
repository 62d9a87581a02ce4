import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { load } from "../../src/api/model.ts";
import { loadSequences, trainSequences } from "../../src/api/sequences.ts";
import { train } from "../../src/api/train.ts";
import type { SequenceRow } from "../../src/data/sequence-rows.ts";
import { makeFolder } from "../cli/command.ts";
import { randomOf } from "../reference/random.ts";

const TINY = { model: "lstm", embedding: 6, hidden: 8, batch: 16, learningRate: 0.02, epochs: 8, dropout: 0 } as const;
const folder = makeFolder();

/** Sequences of 2 to 5 steps of 2 numbers; `sum` is that of the first ones. */
function makeSequences(count = 500) {
  const random = randomOf(5);
  return Array.from({ length: count }, () => {
    const features = Array.from({ length: random.integer(2, 5) }, () => [random.unit() - 0.5, random.unit()]);
    return { features, sum: features.reduce((sum, [value]) => sum + value, 0) };
  });
}

test("features alone: a click model tells the sign of a sum, and survives its file bit by bit", async () => {
  const rows: SequenceRow[] = makeSequences().map(({ features, sum }) => ({ features, label: sum > 0 ? 1 : 0 }));
  const model = await trainSequences(rows, TINY);
  expect(model.config).toMatchObject({ task: "click", features: 2 });
  expect(model.report!.test!.metrics.auc).toBeGreaterThan(0.95);
  const inputs = [
    { features: [[0.4, 0]] },
    {
      features: [
        [-0.4, 0],
        [-0.1, 1],
      ],
    },
  ];
  const [high, low] = model.predict(inputs);
  expect(high).toBeGreaterThan(0.7);
  expect(low).toBeLessThan(0.3);
  const names = model.parts.network.parameters.list.map(({ name, shape }) => `${name} [${shape.join(",")}]`);
  expect(names).toContain("feature_projection.weight [6,2]");
  expect(names).toContain("head.weight [1,8]");
  expect(names.some((name) => name.startsWith("embedding"))).toBe(false);

  const path = join(folder, "sequences.safetensors");
  await model.save(path);
  const again = await loadSequences(path);
  expect(again.predict(inputs)).toEqual(model.predict(inputs));
  expect(Buffer.from(again.toBytes()).equals(Buffer.from(model.toBytes()))).toBe(true);
  await expect(load(path)).rejects.toMatchObject({ code: "MODEL_KIND" });
});

test("features beside items, from JSONL: a number is learned that needs both", async () => {
  const rows = makeSequences().map(({ features, sum }, i) => {
    const items = features.map((_, step) => `i${(i + step) % 3}`);
    return { features, items, label: 3 + sum + (items[items.length - 1] === "i0" ? 1 : 0) };
  });
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  const model = await trainSequences(path, { ...TINY, task: "rating", epochs: 20, refit: false });
  const { metrics, baselines } = model.report!.test!;
  expect(metrics.rmse).toBeLessThan(baselines!.meanLabel.rmse / 2);
  const [known, beside] = model.predict([
    { features: [[0.1, 0.5]], items: ["i1"] },
    {
      features: [
        [9, 9],
        [0.1, 0.5],
      ],
      items: ["nobody", "i1"],
    },
  ]);
  expect(beside).toBe(known);
  expect(() => model.predict([{ features: [[0.1, 0.5]] }])).toThrow(
    expect.objectContaining({ code: "SEQUENCE_INVALID" }),
  );
});

test("bad sequences have their code", async () => {
  const codeOf = (rows: unknown[]) =>
    trainSequences(rows as SequenceRow[], TINY).catch((error: { code: string }) => error.code);
  const good = { features: [[1, 2]], label: 1 };
  expect(await codeOf([])).toBe("DATA_NO_ROWS");
  for (const bad of [
    null,
    { features: [], label: 1 },
    { features: [[1], [1, 2]], label: 1 },
    { features: [[Number.NaN, 1]], label: 1 },
    { features: [[1, 2]], label: 9 },
    { features: [[1, 2, 3]], label: 1 },
    { features: [[1, 2]], label: 1, items: ["a"] },
  ]) {
    expect(await codeOf([good, bad]), JSON.stringify(bad)).toBe("SEQUENCE_ROW");
  }
  const rows = [
    { user: "u", item: "i" },
    { user: "u", item: "j" },
  ];
  await expect(train(rows, { features: 2, task: "rating" })).rejects.toMatchObject({ code: "FEATURES_IN_LOG" });
});
