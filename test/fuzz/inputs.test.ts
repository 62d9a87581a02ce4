// Seeded mutations of what strangers hand in: logs, config files, model files. Whatever comes, it is read or refused with a typed
// error; nothing crashes, hangs or pollutes a prototype. A failing case is named by its seed: run it alone with
//   ATTUNE_FUZZ_RUNS=1 ATTUNE_FUZZ_SEED=<seed> npx vitest run --config test/vitest.config.ts test/fuzz

import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { configOf, train } from "../../src/api/train.ts";
import { readLog } from "../../src/data/read/index.ts";
import { readVectors } from "../../src/data/read/vectors.ts";
import { AttuneError } from "../../src/errors.ts";
import { decodeModel } from "../../src/format/model-file.ts";
import { QUICK, shopRows } from "../api/shop.ts";
import { type Random, randomOf } from "../reference/random.ts";

const RUNS = Number(process.env.ATTUNE_FUZZ_RUNS ?? 10_000);
const FIRST_SEED = Number(process.env.ATTUNE_FUZZ_SEED ?? 1);
/** A case that takes longer hangs. */
const SLOWEST_MS = 5000;

const CSV = 'user,item,time\nann,a-1,1700000000\nann,a-2,1700000060\n"bob, jr","a\n3",1700000120\nbob,a-1,1700000180\n';
const TSV = "1\t10\t5\t881250949\n1\t11\t3\t881250950\n2\t10\t4\t881250951\n2\t12\t1\t881250952\n";
const SEQUENCES = "1 5 6 7\n2 5 9\n3 1 2 3 4 5\n";
const JSONL =
  '{"user":"ann","item":"a-1","time":1700000000}\n{"user":"ann","item":"a-2","time":1700000060}\n{"user":"bob","item":7,"time":"2024-01-01"}\n';
const CONFIG = '{"preset":"gru4rec","embedding":32,"dropout":0.25,"cell":"lstm","split":"leave-one-out","seed":7}';
/** Bytes that mean something to one of the readers. */
const TELLING = [
  '"',
  ",",
  "\t",
  "\n",
  "\r\n",
  "\0",
  "{",
  "}",
  "[",
  "]",
  ":",
  "\ufeff",
  "\u0080",
  "__proto__",
  "1e999",
  "-",
  "NaN",
  " ",
];

/** Changes a few places: flips, cuts, repeats, inserts. */
function mutate(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let out = Uint8Array.from(bytes);
  for (let change = random.integer(1, 4); change > 0; change--) {
    const at = random.integer(0, Math.max(0, out.length - 1));
    const kind = random.integer(0, 4);
    if (kind === 0 && out.length > 0) out[at] ^= 1 << random.integer(0, 7);
    else if (kind === 1) out = out.slice(0, at);
    else if (kind === 2) out = splice(out, at, 0, out.slice(at, at + random.integer(1, 40)));
    else if (kind === 3) out = splice(out, at, random.integer(0, 12), new Uint8Array(0));
    else out = splice(out, at, 0, new TextEncoder().encode(random.choose(TELLING)));
  }
  return out;
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length - Math.min(remove, bytes.length - at) + insert.length);
  out.set(bytes.subarray(0, at));
  out.set(insert, at);
  out.set(bytes.subarray(at + remove), at + insert.length);
  return out;
}

/** Runs one reader over many mutations and returns how many were accepted. */
async function fuzz(original: Uint8Array, read: (bytes: Uint8Array<ArrayBuffer>) => unknown): Promise<number> {
  let accepted = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const bytes = mutate(randomOf(seed), original);
    const startMs = performance.now();
    try {
      await read(bytes);
      accepted++;
    } catch (error) {
      if (!(error instanceof AttuneError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
      expect(error.message, `seed ${seed}`).not.toMatch(/[\n\r]/);
    }
    expect(performance.now() - startMs, `seed ${seed}: milliseconds`).toBeLessThan(SLOWEST_MS);
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  return accepted;
}

const encode = (text: string) => new TextEncoder().encode(text);
const readBytes = (bytes: Uint8Array) =>
  readLog("-", { stdin: Readable.from([Buffer.from(bytes)]), maxBadRows: "50%" });

for (const [name, text] of Object.entries({ CSV, TSV, SEQUENCES, JSONL })) {
  test(`${RUNS} mutations of ${name}: a log or a typed error`, async () => {
    const accepted = await fuzz(encode(text), readBytes);
    // Both ends happen, or the test would not look at anything.
    if (RUNS >= 1000) expect(accepted / RUNS).toBeGreaterThan(0.05);
    if (RUNS >= 1000) expect(accepted / RUNS).toBeLessThan(1);
  }, 120_000);
}

const VECTORS = {
  separated: 'id,v1,v2\na,1,-0.5\n"b, c",0.25,2e3\nd,3,4\n',
  JSONL: '{"id":"a","vector":[1,-0.5]}\n{"id":"b","vector":[0.25,2e3]}\n{"id":7,"vector":[3,4]}\n',
};
for (const [name, text] of Object.entries(VECTORS)) {
  test(`${RUNS} mutations of ${name} vectors: finite vectors or a typed error`, async () => {
    const accepted = await fuzz(encode(text), async (bytes) => {
      const { ids, width, values } = await readVectors("-", { stdin: Readable.from([Buffer.from(bytes)]) });
      expect(values).toHaveLength(ids.size * width);
      expect(values.every((value) => Number.isFinite(value))).toBe(true);
    });
    if (RUNS >= 1000) expect(accepted / RUNS).toBeGreaterThan(0.01);
    if (RUNS >= 1000) expect(accepted / RUNS).toBeLessThan(1);
  }, 120_000);
}

test(`${RUNS} mutations of a gzip file: a log or a typed error`, async () => {
  await fuzz(new Uint8Array(gzipSync(CSV)), readBytes);
}, 120_000);

test(`${RUNS} mutations of a config: settings or a typed error`, async () => {
  const accepted = await fuzz(encode(CONFIG), (bytes) => {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return;
    }
    if (typeof value === "object" && value !== null) configOf(undefined, value as Record<string, unknown>);
  });
  expect(accepted).toBeGreaterThan(0);
});

test(`${RUNS} mutations of a model file: the same model or a typed error`, async () => {
  const model = await train(shopRows(20, 5), { ...QUICK, embedding: 2, hidden: 2, epochs: 1, refit: false });
  const bytes = model.toBytes();
  await fuzz(bytes, (mutated) => {
    const decoded = decodeModel(mutated, "fuzz");
    // What loads must be what was written: a mutation that changed nothing.
    expect(Buffer.compare(mutated, bytes)).toBe(0);
    expect(decoded.items.size).toBe(5);
  });
});
