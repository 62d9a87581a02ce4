import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load, type Model, train } from "../../src/index.ts";
import { jsonOf } from "../cli/command.ts";
import { makeEvents, makeRatings } from "../cli/logs.ts";
import { randomOf } from "../reference/random.ts";
import { BareContext, bundleForBrowser } from "./bare-context.ts";

const ITEMS = 37;
const K = 7;
const folder = mkdtempSync(join(tmpdir(), "attune-edge-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dist = (name: string) => readFileSync(fileURLToPath(new URL(`../../dist/${name}`, import.meta.url)));

/** Every preset, and every branch of the composition that answers differ by. */
const MODELS: Record<string, Parameters<typeof train>[1]> = {
  "attentive-gru": { model: "attentive-gru" },
  "attentive-lstm": { model: "attentive-lstm" },
  attune: { model: "attune" },
  sasrec: { model: "sasrec", window: 5 },
  "score=mlp": { model: "attentive-gru", score: "mlp" },
  "score=gaussian": { model: "attentive-lstm", score: "gaussian", interest: "last" },
  "feed-forward and activation=relu": { model: "attune", feedForward: 2, activation: "relu", norm: "pre" },
  gru4rec: { model: "gru4rec" },
  lstm: { model: "lstm" },
  "interest=last": { model: "attentive-gru", interest: "last" },
  "interest=mean": { model: "attentive-lstm", interest: "mean" },
  "interest=user": { model: "attentive-gru", interest: "user" },
  "supplied interests": { model: "attentive-gru", interestVectors: ["u0", "u1", "u2"].map((id, d) => [id, unit(d)]) },
  "normalize=sequence": { model: "attentive-gru", normalize: "sequence" },
  "interest=mean normalize=sequence scale=none": {
    model: "attentive-gru",
    interest: "mean",
    normalize: "sequence",
    scale: "none",
  },
  "hidden≠embedding": { model: "attentive-lstm", embedding: 6, hidden: 11 },
  "inputNorm=layer layers=2": { model: "attentive-gru", inputNorm: "layer", layers: 2 },
  "seen=include": { model: "gru4rec", seen: "include" },
};

const histories = makeHistories();
let context: BareContext;

beforeAll(async () => {
  context = new BareContext(await bundleForBrowser());
});

test("the bare context has web globals and nothing of Node", () => {
  const names = ["process", "require", "Buffer", "global", "module", "setImmediate", "fetch", "performance"];
  expect(context.run(names.map((name) => `typeof ${name}`).join(" + "))).toBe("undefined".repeat(names.length));
});

describe.each(Object.entries(MODELS))("the edge entry with %s", (name, options) => {
  const path = join(folder, `${name.replace(/\W/g, "-")}.safetensors`);
  let model: Model;

  beforeAll(async () => {
    const rows = makeEvents({ items: ITEMS, users: 40, events: 7 });
    model = await train(rows, { embedding: 8, hidden: 8, batch: 16, learningRate: 0.02, epochs: 3, ...options });
    await model.save(path);
    await context.open(dist("inference.wasm"), readFileSync(path));
  });

  test("gives the items and bits of the library, for one history and for many at once", async () => {
    const wanted = histories.map((history) => model.recommend(history, { k: K }));
    expect(context.ask("recommend", histories, { k: K })).toEqual(wanted);
    expect(context.ask("recommendBatch", histories, { k: K })).toEqual(wanted);
    expect((await load(path)).recommendBatch(histories, { k: K })).toEqual(wanted);
    const all = histories.map((history) => model.answer(history, { k: ITEMS, includeSeen: true }));
    expect(context.ask("answer", histories, { k: ITEMS, includeSeen: true })).toEqual(all);
  });

  test("gives the items and bits of the command", async () => {
    const [history] = histories;
    const args = ["recommend", path, "--history", JSON.stringify(history), "-k", String(K), "--explain"];
    const { items, explanation, unknown } = await jsonOf(args);
    const [answer] = context.ask("answer", [history], { k: K }) as unknown[];
    expect(answer).toEqual({ items, explanation, unknown, popular: false });
  });

  test("gives the items and bits of the library to named users, known and new", async () => {
    if (model.config.interest !== "user") return;
    const options = { k: K, user: "u1" };
    const wanted = histories.map((history) => model.answer(history, options));
    expect(wanted[0].userKnown).toBe(true);
    expect(wanted[0].items).not.toEqual(model.recommend(histories[0], { k: K }));
    expect(context.ask("answer", histories, options)).toEqual(wanted);
    const users = histories.map((_, index) => ["u0", null, "stranger", "u7"][index % 4]);
    const many = model.recommendBatch(histories, { k: K, users });
    expect(context.ask("recommendBatch", histories, { k: K, users })).toEqual(many);
  });
});

describe("a model file that is damaged", () => {
  let bytes: Buffer;

  beforeAll(async () => {
    const model = await train(makeEvents(), { embedding: 8, hidden: 8, batch: 16, epochs: 1 });
    bytes = Buffer.from(model.toBytes());
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ["is empty", () => Buffer.alloc(0)],
    ["is a text", () => Buffer.from("user,item,time\nu,i,1\n")],
    ["is cut in its header", (whole) => whole.subarray(0, 100)],
    ["lacks its last byte", (whole) => whole.subarray(0, whole.length - 1)],
    ["has a byte too many", (whole) => Buffer.concat([whole, Buffer.alloc(1)])],
    ["has a flipped bit in its header", (whole) => flip(whole, 200)],
    ["has a flipped bit in its weights", (whole) => flip(whole, whole.length - 50)],
  ])("%s is refused as ModelError with a code", async (_, damage) => {
    const error = await context.failureOf(dist("inference.wasm"), damage(bytes));
    expect(error).toEqual({
      isModelError: true,
      name: "ModelError",
      code: expect.stringMatching(/^[A-Z]+(_[A-Z]+)+$/),
      message: expect.stringMatching(/^model: ./),
    });
  });

  test("is read from a view at an odd place, and from a buffer of its own", async () => {
    for (const kind of ["view", "buffer"] as const) {
      await context.open(dist("inference.wasm"), bytes, kind);
      expect(context.ask("recommend", [["i1"]], { k: 1 })).toEqual([
        [{ id: expect.any(String), score: expect.any(Number) }],
      ]);
    }
  });

  test("is another matter than a module of another version", async () => {
    const empty = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    expect(await context.failureOf(empty, bytes)).toMatchObject({ name: "InternalError", code: "ABI_MISMATCH" });
  });
});

/** Histories of 0 to 60 items: known, unknown, repeated. */
function makeHistories(): string[][] {
  const random = randomOf(7);
  const lengths = [3, 0, 1, 2, 4, 5, 16, 17, 60];
  while (lengths.length < 120) lengths.push(random.integer(1, 12));
  return lengths.map((length, index) => {
    const history = Array.from({ length }, () => `i${random.integer(0, ITEMS - 1)}`);
    if (index % 10 === 9) history.splice(random.integer(0, length), 0, "unknown", "__proto__");
    return index === 20 ? ["all", "unknown"] : history;
  });
}

/** A vector of length 3 along one of eight axes. */
function unit(axis: number): number[] {
  return Array.from({ length: 8 }, (_, d) => (d === axis ? 3 : 0));
}

function flip(bytes: Buffer, at: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[at] ^= 1;
  return damaged;
}

test("a rating model predicts with the bits of the library, from the small module", async () => {
  const settings = { model: "gru4rec", embedding: 8, hidden: 8, batch: 16, epochs: 2, task: "rating" } as const;
  const rated = await train(makeRatings(), settings);
  await context.open(dist("inference.wasm"), rated.toBytes());
  const asked = [["i1", "i2"], ["nobody"], ["i4"]];
  expect(context.ask("predict", asked, "i3")).toEqual(asked.map((history) => rated.predict(history, "i3")));
  const wanted = asked.map((history) => rated.recommend(history, { k: 5 }));
  expect(context.ask("recommend", asked, { k: 5 })).toEqual(wanted);
});
