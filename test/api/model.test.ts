import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load, type Model } from "../../src/api/model.ts";
import { train } from "../../src/api/train.ts";
import { decodeTensorFile, encodeTensorFile } from "../../src/format/safetensors.ts";
import { LATER_SETTINGS, SETTING_NAMES, SETTINGS } from "../../src/model/config.ts";
import { topK } from "../reference/topk.ts";
import { QUICK, shopRows } from "./shop.ts";

let folder: string;
let model: Model;
const histories = [
  ["i1", "i2", "i3"],
  ["i29"],
  ["i5", "i5", "i6", "i7", "i8", "i9", "i10"],
  ["i3", "nobody knows", "i4"],
];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "attune-model-"));
  model = await train(shopRows(), { ...QUICK, model: "attentive-gru", epochs: 3 });
});
afterAll(() => rm(folder, { recursive: true }));

describe("a model", () => {
  test("comes back from its file with the same answers, bit for bit, and the same bytes", async () => {
    const path = join(folder, "shop.safetensors");
    const sha256 = await model.save(path);
    const again = await load(path);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(again.recommendBatch(histories, { k: 30 })).toEqual(model.recommendBatch(histories, { k: 30 }));
    expect(again.config).toEqual(model.config);
    expect(again.facts).toEqual(model.facts);
    expect(Buffer.compare(again.toBytes(), await readFile(path))).toBe(0);
  });

  test("answers a batch with the bits of single requests, in any order", () => {
    const batch = model.recommendBatch(histories, { k: 7 });
    histories.forEach((history, index) => {
      expect(model.recommend(history, { k: 7 })).toEqual(batch[index]);
    });
    expect(model.recommendBatch([...histories].reverse(), { k: 7 }).reverse()).toEqual(batch);
  });

  test("lists exactly the best of the whole catalogue by its own scores", () => {
    const { network, items } = model.internals;
    const all = model.recommend(["i1", "i2"], { k: 1000, includeSeen: true });
    expect(all).toHaveLength(items.size);
    const scores = new Float32Array(items.size);
    for (const { id, score } of all) scores[items.indexOf(id)] = score;
    const want = topK(scores, 5, [items.indexOf("i1"), items.indexOf("i2")]);
    const got = model.recommend(["i1", "i2"], { k: 5 });
    expect(got.map(({ id }) => items.indexOf(id))).toEqual([...want.items]);
    // And a score is the plain f64 product of what was encoded and the item's embedding.
    const { y } = network.encode([[items.indexOf("i1"), items.indexOf("i2")]]);
    const { memory } = network.engine;
    const width = network.config.embedding;
    const table = memory.f32(network.parameters.get("embedding.weight").value, items.size * width);
    const encoded = memory.f32(y, width);
    for (let item = 0; item < items.size; item++) {
      let score = 0;
      for (let d = 0; d < width; d++) score += table[item * width + d] * encoded[d];
      expect(scores[item]).toBeCloseTo(score, 5);
    }
    network.releaseStep();
  });

  test("skips and reports what it does not know, and explains with shares of attention", () => {
    const answer = model.answer(["i3", "nobody knows", "i4"], { k: 2 });
    expect(answer.unknown).toEqual(["nobody knows"]);
    expect(answer.popular).toBe(false);
    expect(answer.items).toEqual(model.recommend(["i3", "i4"], { k: 2 }));
    expect(answer.explanation!.map(({ id }) => id)).toEqual(["i3", "i4"]);
    expect(answer.explanation!.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 6);
  });

  test("answers an empty or unknown history with the most popular items", () => {
    const answer = model.answer(["never", "heard"], { k: 3 });
    expect(answer.popular).toBe(true);
    expect(answer.explanation).toBeNull();
    const counts = new Map<unknown, number>();
    for (const { item } of shopRows()) counts.set(item, (counts.get(item) ?? 0) + 1);
    expect(answer.items[0].score).toBeCloseTo(Math.max(...counts.values()) / shopRows().length, 12);
    expect(counts.get(answer.items[0].id)).toBe(Math.max(...counts.values()));
    expect(model.recommend([], { k: 3 })).toEqual(answer.items);
  });

  test("refuses a k below 1 and a history that is no list of strings", () => {
    for (const k of [0, -1, 1.5, Number.NaN]) {
      expect(() => model.recommend(["i1"], { k })).toThrow(expect.objectContaining({ code: "K_INVALID" }));
    }
    for (const history of ["i1", [1], null]) {
      expect(() => model.recommend(history as never)).toThrow(expect.objectContaining({ code: "HISTORY_INVALID" }));
    }
  });

  test("takes a history far longer than any it was trained on", () => {
    const long = Array.from({ length: 5000 }, (_, i) => `i${i % 30}`);
    expect(model.recommend(long, { k: 3, includeSeen: true })).toHaveLength(3);
  });

  test("says that it was disposed", async () => {
    const short = await train(shopRows(20), { ...QUICK, epochs: 1, refit: false });
    short.dispose();
    expect(() => short.recommend(["i1"])).toThrow(expect.objectContaining({ code: "MODEL_DISPOSED" }));
  });

  test("lists seen items but the newest, where the log has no item twice running", async () => {
    const ids = Array.from({ length: 9 }, (_, i) => `i${i}`);
    const rows = ids.flatMap((user, u) => ids.map((_, i) => ({ user, item: ids[(u + i) % ids.length], time: i })));
    const model = await train(rows, { ...QUICK, epochs: 1, seen: "include", refit: false });
    expect(model.config.rivals).toBe("others");
    const listed = (options: object) =>
      model
        .recommend(["i3", "i4"], { k: 100, ...options })
        .map(({ id }) => id)
        .sort();
    expect(listed({})).toEqual(ids.filter((id) => id !== "i4"));
    expect(listed({ candidates: ["i3", "i4", "i5"] })).toEqual(["i3", "i5"]);
    expect(listed({ includeSeen: false })).toEqual(ids.filter((id) => id !== "i3" && id !== "i4"));
  });

  test("keeps hostile ids as they are", async () => {
    const ids = [
      "__proto__",
      "constructor",
      "toString",
      "a,b",
      "line\nbreak",
      "🎁",
      "=1+1",
      " ",
      "\u0000",
      "\ufeffbom",
    ];
    const rows = ids.flatMap((_, user) =>
      ids.map((_, i) => ({ user: ids[user], item: ids[(user + i) % ids.length], time: i })),
    );
    const odd = await train(rows, { ...QUICK, epochs: 1, seen: "include", rivals: "all", refit: false });
    const path = join(folder, "odd.safetensors");
    await odd.save(path);
    const again = await load(path);
    const listed = again.recommend(["__proto__"], { k: 100 }).map(({ id }) => id);
    expect(listed.sort()).toEqual([...ids].sort());
  });
});

describe("load", () => {
  test("names what is wrong with a path", async () => {
    await expect(load(join(folder, "missing"))).rejects.toMatchObject({ code: "MODEL_FILE_MISSING" });
    await expect(load(folder)).rejects.toMatchObject({ code: "MODEL_FILE_UNREADABLE" });
    const text = join(folder, "text");
    await writeFile(text, "user,item,time\n1,2,3\n");
    await expect(load(text)).rejects.toMatchObject({ exitCode: 4 });
  });

  test("reads a model from before a setting that came later as one of its default, and misses every other setting", async () => {
    const model = await train(shopRows(20, 5), { ...QUICK, embedding: 2, hidden: 2, epochs: 1, refit: false });
    const { metadata, tensors } = decodeTensorFile(model.toBytes(), "model");
    const stored = JSON.parse(metadata.get("config")!);
    for (const name of SETTING_NAMES) {
      const { [name]: _, ...older } = stored;
      const bytes = encodeTensorFile({
        metadata: new Map([...metadata, ["config", JSON.stringify(older)]]),
        tensors: [...tensors.values()],
      });
      const path = join(folder, "older");
      await writeFile(path, bytes);
      if (!LATER_SETTINGS.has(name)) {
        await expect(load(path), name).rejects.toMatchObject({ code: "MODEL_CONFIG" });
        continue;
      }
      const again = await load(path);
      expect(again.config[name]).toBe(SETTINGS[name].default);
      expect(again.recommend(["t0"], { k: 3 })).toEqual(model.recommend(["t0"], { k: 3 }));
    }
  });

  test("refuses every truncation and every flipped bit of a model file", async () => {
    const small = await train(shopRows(20, 5), { ...QUICK, embedding: 2, hidden: 2, epochs: 1, refit: false });
    const { decodeModel } = await import("../../src/format/model-file.ts");
    const bytes = small.toBytes();
    const expectRefused = (damaged: Uint8Array, what: string) => {
      let error: unknown;
      try {
        decodeModel(damaged, "small");
      } catch (caught) {
        error = caught;
      }
      expect(error, what).toMatchObject({ exitCode: 4, code: expect.stringMatching(/^MODEL_/) });
    };
    for (let length = 0; length < bytes.length; length++) expectRefused(bytes.slice(0, length), `${length} bytes`);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] ^= 1 << (at % 8);
      expectRefused(damaged, `bit ${at % 8} of byte ${at}`);
    }
  });
});
