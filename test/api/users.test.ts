// An interest per user, as a caller meets it: training, the file, requests of known and new users.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compare } from "../../src/api/compare.ts";
import { evaluate } from "../../src/api/evaluate.ts";
import { load, type Model } from "../../src/api/model.ts";
import { train } from "../../src/api/train.ts";
import { decodeModel, encodeModel } from "../../src/format/model-file.ts";
import { decodeTensorFile, encodeTensorFile, type Tensor } from "../../src/format/safetensors.ts";
import { QUICK, shopRows } from "./shop.ts";

const rows = shopRows();
const SETTINGS = { ...QUICK, interest: "user", epochs: 3 } as const;
const histories = [["i1", "i2", "i3"], ["i29"], ["i5", "i5", "i6", "i7"], ["i3", "nobody knows", "i4"], ["never"]];
const users = ["u0", "u1", null, "stranger", "u2"];
let folder: string;
let model: Model;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "attune-users-"));
  model = await train(rows, SETTINGS);
});
afterAll(() => rm(folder, { recursive: true }));

describe("a model with an interest per user", () => {
  test("gives users answers of their own, and strangers what nobody in particular gets", () => {
    const ask = (user?: string) => model.recommend(histories[0], { k: 5, user });
    expect(ask("u0")).not.toEqual(ask("u1"));
    expect(ask("stranger")).toEqual(ask());
    expect(model.answer(histories[0], { user: "u0" }).userKnown).toBe(true);
    expect(model.answer(histories[0], { user: "stranger" }).userKnown).toBe(false);
    expect(model.answer(histories[0])).not.toHaveProperty("userKnown");
    const weights = (user: string) => model.answer(histories[0], { user }).explanation!.map(({ weight }) => weight);
    expect(weights("u0")).not.toEqual(weights("u1"));
  });

  test("answers known and new users in one batch with the bits of single requests, in any order", () => {
    const batch = model.recommendBatch(histories, { k: 7, users });
    histories.forEach((history, index) => {
      expect(model.recommend(history, { k: 7, user: users[index] ?? undefined })).toEqual(batch[index]);
    });
    const backwards = { k: 7, users: [...users].reverse() };
    expect(model.recommendBatch([...histories].reverse(), backwards).reverse()).toEqual(batch);
  });

  test("has nothing but popular items for a known user without a history", () => {
    const answer = model.answer([], { user: "u0", k: 3 });
    expect(answer).toMatchObject({ popular: true, userKnown: true, items: model.recommend([], { k: 3 }) });
  });

  test("trains to the same bytes twice, and is measured with each user's interest", async () => {
    for (const normalize of ["causal", "sequence"] as const) {
      const settings = { ...SETTINGS, normalize, refit: false, learningRate: 0.05 };
      const first = await train(rows, settings);
      expect(Buffer.compare(first.toBytes(), (await train(rows, settings)).toBytes()), normalize).toBe(0);
      const report = await evaluate(first, rows);
      expect(report.metrics).toEqual(first.report.test!.metrics);
      const [row] = await compare(rows, { ...settings, refit: undefined, models: ["attune"] } as never);
      for (const name of Object.keys(report.metrics)) expect(row.test[name]).toBe(report.metrics[name]);
      // With the users renamed all are strangers.
      const strangers = rows.map((event) => ({ ...event, user: `new ${event.user}` }));
      expect((await evaluate(first, strangers)).metrics, normalize).not.toEqual(report.metrics);
    }
  });

  test("knows the users that training learned something about, and no others", async () => {
    const short = { user: "once", item: "i1", time: 0 };
    const { users: known } = (await train([...rows, short], { ...SETTINGS, epochs: 1 })).internals;
    expect(known!.size).toBe(80);
    expect(known!.indexOf("once")).toBe(-1);
  });

  test("refuses users that are no ids, and users where there is none to know", async () => {
    const code = (name: string) => expect.objectContaining({ code: name, exitCode: 2 });
    expect(() => model.recommend(["i1"], { user: 7 as never })).toThrow(code("USER_INVALID"));
    expect(() => model.recommendBatch([["i1"]], { users: ["u0", "u1"] })).toThrow(code("USERS_INVALID"));
    expect(() => model.recommendBatch([["i1"]], { users: "u" as never })).toThrow(code("USERS_INVALID"));
    expect(() => model.recommendBatch([["i1"]], { user: "u0" } as never)).toThrow(code("OPTION_UNKNOWN"));
    const learned = await train(rows, { ...QUICK, epochs: 1, refit: false });
    expect(() => learned.recommend(["i1"], { user: "u0" })).toThrow(code("MODEL_WITHOUT_USERS"));
    expect(() => learned.answer([], { user: "u0" })).toThrow(code("MODEL_WITHOUT_USERS"));
    await expect(train(rows, { model: "sasrec", interest: "user" })).rejects.toMatchObject({
      code: "SETTING_COMBINATION",
    });
  });
});

describe("its file", () => {
  test("comes back with the same answers and bytes, whatever the users are called", async () => {
    const ids = [
      "__proto__",
      "constructor",
      "a,b",
      "line\nbreak",
      "🎁",
      "=1+1",
      " ",
      "\u0000",
      "\ufeffbom",
      "x".repeat(1e5),
    ];
    const odd = rows.map((event) => ({ ...event, user: ids[Number(String(event.user).slice(1)) % ids.length] }));
    const before = await train(odd, { ...SETTINGS, epochs: 1, refit: false });
    const path = join(folder, "odd.safetensors");
    await before.save(path);
    const again = await load(path);
    expect([...again.internals.users!]).toEqual(ids);
    expect(Buffer.compare(again.toBytes(), before.toBytes())).toBe(0);
    for (const user of ids) {
      expect(again.recommend(histories[0], { user })).toEqual(before.recommend(histories[0], { user }));
    }
  });

  test("holds users only where an interest is theirs", async () => {
    const plain = await train(rows, { ...QUICK, epochs: 1, refit: false });
    const names = (bytes: Uint8Array) => [...decodeTensorFile(bytes, "model").tensors.keys()];
    expect(names(plain.toBytes()).filter((name) => name.includes("user"))).toEqual([]);
    expect(
      names(model.toBytes())
        .filter((name) => name.includes("user"))
        .sort(),
    ).toEqual(["attention.users", "users.bytes", "users.offsets"]);
    expect(decodeModel(plain.toBytes(), "plain").users).toBeUndefined();
  });

  test.each<[string, string, (tensors: Map<string, Tensor>) => void]>([
    ["without the ids' bytes", "MODEL_TENSOR", (tensors) => tensors.delete("users.bytes")],
    ["without the ids' offsets", "MODEL_TENSOR", (tensors) => tensors.delete("users.offsets")],
    ["without the interests", "MODEL_TENSOR", (tensors) => tensors.delete("attention.users")],
    ["with an id for fewer users than interests", "MODEL_TENSOR", (tensors) => setIds(tensors, ["a", "b"])],
    ["with one id twice", "MODEL_USERS", (tensors) => setIds(tensors, ["a", "a"])],
    ["with ids that do not fill their bytes", "MODEL_USERS", (tensors) => setIds(tensors, ["a", "b"], 1)],
  ])("%s is refused as %s", (_, code, change) => {
    const { metadata, tensors } = decodeTensorFile(model.toBytes(), "model");
    change(tensors as Map<string, Tensor>);
    const bytes = encodeTensorFile({ metadata, tensors: [...tensors.values()] });
    expect(() => decodeModel(bytes, "changed")).toThrow(expect.objectContaining({ code, exitCode: 4 }));
  });

  test("of another interest is refused with users in it", async () => {
    const plain = (await train(rows, { ...QUICK, epochs: 1, refit: false })).toBytes();
    const stored = decodeModel(plain, "plain");
    const bytes = encodeModel({ ...stored, users: stored.items });
    expect(() => decodeModel(bytes, "changed")).toThrow(
      /"users\.(offsets|bytes)" is in the file, expected no such tensor/,
    );
  });
});

function setIds(tensors: Map<string, Tensor>, ids: string[], more = 0): void {
  const data = new TextEncoder().encode(ids.join("") + "x".repeat(more));
  const offsets = Int32Array.from([0, ...ids.map((_, index) => index + 1)]);
  tensors.set("users.bytes", { name: "users.bytes", dtype: "U8", shape: [data.length], data });
  tensors.set("users.offsets", { name: "users.offsets", dtype: "I32", shape: [offsets.length], data: offsets });
}
