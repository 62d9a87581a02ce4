import * as nodeFileSystem from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CheckpointFileSystem, CheckpointFolder } from "../../src/api/checkpoint.ts";
import { type TrainOptions, train } from "../../src/api/train.ts";
import type { Row } from "../../src/data/rows.ts";
import { AttuneError, ModelError, OutputError } from "../../src/errors.ts";
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type TrainingIdentity,
} from "../../src/format/checkpoint.ts";
import { decodeTensorFile, encodeTensorFile } from "../../src/format/safetensors.ts";
import { resolveConfig, SETTINGS } from "../../src/model/config.ts";
import type { TrainingState } from "../../src/train/train.ts";
import { type Random, randomOf } from "../reference/random.ts";
import { QUICK, shopRows } from "./shop.ts";

const rows = shopRows(40, 12);
const OPTIONS = { ...QUICK, model: "gru4rec", batch: 12, epochs: 3, threads: 1 } satisfies TrainOptions;
/** Mutations of a checkpoint file. */
const RUNS = Number(process.env.ATTUNE_FUZZ_RUNS ?? 5000);
const FIRST_SEED = Number(process.env.ATTUNE_FUZZ_SEED ?? 1);

let folder = "";
beforeEach(async () => {
  folder = await nodeFileSystem.mkdtemp(join(tmpdir(), "attune-checkpoint-"));
});
afterEach(() => nodeFileSystem.rm(folder, { recursive: true, force: true }));

const list = (path = folder) => nodeFileSystem.readdir(path).then((names) => names.sort());
const checkpointsIn = (path: string) =>
  list(path).then((names) => names.filter((name) => /^checkpoint-\d{6}\.safetensors$/.test(name)));
const bytesOf = (name: string) => nodeFileSystem.readFile(join(folder, name));

/** The bytes of the unbroken training, and the files it left; made once. */
let whole: Uint8Array;
let files: { name: string; bytes: Uint8Array }[];
beforeAll(async () => {
  const place = await nodeFileSystem.mkdtemp(join(tmpdir(), "attune-checkpoint-"));
  whole = (await train(rows, { ...OPTIONS, checkpoint: place })).toBytes();
  files = [];
  for (const name of await list(place)) files.push({ name, bytes: await nodeFileSystem.readFile(join(place, name)) });
  await nodeFileSystem.rm(place, { recursive: true });
});

/** Puts the files of the unbroken training into the folder, and returns the paths, older first. */
async function leaveFiles(change = (bytes: Uint8Array, _index: number) => bytes): Promise<string[]> {
  for (const [index, { name, bytes }] of files.entries())
    await nodeFileSystem.writeFile(join(folder, name), change(Uint8Array.from(bytes), index));
  return files.map(({ name }) => join(folder, name));
}

/** Trains, or goes on, in the folder; returns what was said and the bytes, or the error. */
async function attempt(options: Partial<TrainOptions> = {}, data: Row[] = rows) {
  const said: string[] = [];
  const onCheckpoint = (line: string, written: boolean) => {
    if (!written) said.push(line);
  };
  try {
    const model = await train(data, { ...OPTIONS, checkpoint: folder, resume: true, onCheckpoint, ...options });
    return { said, bytes: model.toBytes(), error: undefined };
  } catch (error) {
    if (!(error instanceof AttuneError)) throw error;
    expect(error.message).toMatch(/^[^\n]+\.$/);
    return { said, bytes: undefined, error };
  }
}

describe("a folder of checkpoints", () => {
  test("holds the last two, and going on from either gives the unbroken model's bytes", async () => {
    expect(files).toHaveLength(2);
    for (const { name, bytes } of files) {
      await nodeFileSystem.writeFile(join(folder, name), bytes);
      const { said, bytes: resumed } = await attempt();
      expect(said).toEqual([
        expect.stringMatching(/^checkpoint: [^\n]+\/checkpoint-0+\d+\.safetensors, (refit, )?epoch \d done$/),
      ]);
      expect(Buffer.compare(resumed!, whole)).toBe(0);
      for (const left of await list()) await nodeFileSystem.unlink(join(folder, left));
    }
  });

  test("keeps all that decides how training goes on", () => {
    const { state } = decodeCheckpoint(files[1].bytes, "newest");
    expect(state.evaluated).toMatchObject({ validation: { cases: 40 }, test: { cases: 40 } });
    const { weights, adam, best } = state.fit;
    expect(state.fit).toMatchObject({ closed: true, done: 40, epoch: state.evaluated!.bestEpoch });
    for (const numbers of [weights, adam.moments, adam.velocities]) expect(numbers.some((x) => x !== 0)).toBe(true);
    expect(best.epoch).toBe(state.fit.epoch);
  });

  test("is made where it is missing; resuming from a missing or an empty one says that training starts afresh", async () => {
    const missing = join(folder, "not", "there");
    const { said, bytes } = await attempt({ checkpoint: missing });
    expect(said).toEqual([`checkpoint: none in ${missing}, training starts afresh`]);
    expect(Buffer.compare(bytes!, whole)).toBe(0);
    expect((await attempt()).said).toEqual([`checkpoint: none in ${folder}, training starts afresh`]);
    expect(await checkpointsIn(folder)).toHaveLength(2);
  });

  test("with a checkpoint is refused without resume, and untouched", async () => {
    await leaveFiles();
    const { error } = await attempt({ resume: false });
    expect(error).toMatchObject({ name: "UsageError", code: "CHECKPOINT_EXISTS", exitCode: 2 });
    expect(error!.message).toContain("--resume");
    for (const { name, bytes } of files) expect(Buffer.compare(await bytesOf(name), bytes)).toBe(0);
  });

  test("leaves files of others alone, and removes what a killed save left", async () => {
    await nodeFileSystem.writeFile(join(folder, "notes.txt"), "mine");
    await nodeFileSystem.writeFile(join(folder, ".attune-0123456789abcdef.tmp"), "cut short");
    await attempt({ resume: false });
    expect((await list()).filter((name) => !name.startsWith("checkpoint-"))).toEqual(["notes.txt"]);
    expect(await checkpointsIn(folder)).toHaveLength(2);
  });

  test("that is a file, or in one, is an error of its own", async () => {
    const file = join(folder, "file");
    await nodeFileSystem.writeFile(file, "");
    for (const checkpoint of [file, join(file, "below")])
      expect((await attempt({ checkpoint })).error).toMatchObject({ name: "OutputError", code: "CHECKPOINT_FOLDER" });
  });

  test("resume without a folder is refused", async () => {
    expect((await attempt({ checkpoint: undefined })).error).toMatchObject({ code: "RESUME_NOWHERE", exitCode: 2 });
  });
});

test("a checkpoint from before a setting that came later is one of its default", async () => {
  const { config } = decodeCheckpoint(files[1].bytes, "newest");
  expect(config.rivals).toBe(SETTINGS.rivals.default);
  await leaveFiles((bytes) => rewritten(bytes, (stored) => delete stored.rivals, "config"));
  expect(Buffer.compare((await attempt()).bytes!, whole)).toBe(0);
});

describe("a checkpoint of another training is refused with the difference named", () => {
  test.each<[string, Partial<TrainOptions>, string, RegExp]>([
    ["another setting", { hidden: 16, embedding: 16 }, "CHECKPOINT_CONFIG", /embedding=12, got embedding=16/],
    ["another seed", { seed: 8 }, "CHECKPOINT_CONFIG", /seed=7, got seed=8/],
    ["another preset", { model: "lstm" }, "CHECKPOINT_CONFIG", /preset=gru4rec, got preset=lstm/],
    ["no refit where it refits", { refit: false }, "CHECKPOINT_REFIT", /trains on everything already/],
  ])("%s", async (_name, options, code, words) => {
    await leaveFiles();
    const { error } = await attempt(options);
    expect(error).toMatchObject({ code });
    expect(error!.message).toMatch(words);
    for (const { name, bytes } of files) expect(Buffer.compare(await bytesOf(name), bytes)).toBe(0);
  });

  test("other data: of other counts, of one other item, of two users that changed places", async () => {
    await leaveFiles();
    expect((await attempt({}, rows.slice(0, -1))).error).toMatchObject({ code: "CHECKPOINT_DATA", exitCode: 3 });
    const moved = rows.map((row, index) => (index === 0 ? { ...row, item: rows[9].item } : row));
    expect(moved[0].item).not.toBe(rows[0].item);
    expect((await attempt({}, moved)).error!.message).toMatch(/sha256 [0-9a-f]{64}, got sha256 [0-9a-f]{64}/);
    const renamed = rows.map((row) => ({
      ...row,
      item: row.item === "i1" ? "i2" : row.item === "i2" ? "i1" : row.item,
    }));
    expect((await attempt({}, renamed)).error).toMatchObject({ code: "CHECKPOINT_DATA" });
  });

  test("no refit of clicks, where both trainings know the same items", async () => {
    const clicks = rows.slice(0, 60).map(({ item }, index) => ({
      history: [item as string],
      candidate: rows[index + 1].item as string,
      label: index % 2 === 0 ? (1 as const) : (0 as const),
    }));
    const options = { ...OPTIONS, task: "click", epochs: 1, checkpoint: folder } as const;
    await train(clicks, options);
    await expect(train(clicks, { ...options, resume: true, refit: false })).rejects.toMatchObject({
      code: "CHECKPOINT_REFIT",
    });
  });
});

describe("damage", () => {
  const cut = (bytes: Uint8Array) => bytes.subarray(0, Math.floor(bytes.length / 2));
  const flip = (bytes: Uint8Array) => {
    bytes[bytes.length - 100] ^= 4;
    return bytes;
  };
  const empty = () => new Uint8Array(0);

  test.each([
    ["cut short", cut],
    ["with a flipped bit", flip],
    ["empty", empty],
  ])("of the newest, %s: the older one serves, and a line says so", async (_name, damage) => {
    const [older, newest] = await leaveFiles((bytes, index) => (index === 1 ? damage(bytes) : bytes));
    const { said, bytes } = await attempt();
    expect(said[0]).toContain(`checkpoint skipped: ${newest}: `);
    expect(said[1]).toContain(`checkpoint: ${older}, `);
    expect(Buffer.compare(bytes!, whole)).toBe(0);
  });

  test("of both: CHECKPOINT_DAMAGED, and nothing is removed", async () => {
    await leaveFiles(flip);
    const { error } = await attempt();
    expect(error).toMatchObject({ name: "ModelError", code: "CHECKPOINT_DAMAGED", exitCode: 4 });
    expect(await list()).toEqual(files.map(({ name }) => name));
  });

  test("a model beside the checkpoints under a checkpoint's name is skipped", async () => {
    await leaveFiles((bytes, index) => (index === 1 ? whole : bytes));
    const { said, bytes } = await attempt();
    expect(said[0]).toMatch(/skipped: .*expected "attune-checkpoint 1"/);
    expect(Buffer.compare(bytes!, whole)).toBe(0);
  });
});

/** Rewrites the JSON of a checkpoint, with a checksum that holds. */
function rewritten(bytes: Uint8Array, change: (state: Record<string, unknown>) => void, field = "state"): Uint8Array {
  const { metadata, tensors } = decodeTensorFile(bytes, "checkpoint");
  const state = JSON.parse(metadata.get(field)!);
  change(state);
  return encodeTensorFile({
    metadata: new Map([...metadata, [field, JSON.stringify(state)]]),
    tensors: [...tensors.values()],
  });
}

describe("a checkpoint whose checksum holds but whose state does not", () => {
  const metrics = { "ndcg@10": 0.5 };
  test.each<[string, Record<string, unknown>]>([
    ["epoch beyond the refit's", { epoch: 1_000_000 }],
    ["epoch 0", { epoch: 0 }],
    ["epoch 1.5", { epoch: 1.5 }],
    ["negative done", { done: -5 }],
    ["done as text", { done: "5" }],
    ["done beyond what can be counted", { done: 1e300 }],
    ["no step", { step: undefined }],
    ["count null", { count: null }],
    ["lossSum as text", { lossSum: "1" }],
    ["beta1Power null", { beta1Power: null }],
    ["best epoch after the present", { bestEpoch: 99 }],
    ["closed as a number", { closed: 1 }],
    ["metrics without weights", { bestMetrics: metrics }],
    ["metrics as a list", { bestMetrics: [1] }],
    ["metrics of text", { bestMetrics: { "ndcg@10": "high" } }],
    ["metrics without the one that decides", { bestMetrics: { "hr@10": 1 } }],
    ["evaluated null", { evaluated: null }],
    ["evaluated as text", { evaluated: "well" }],
    ["evaluated empty", { evaluated: {} }],
    ["evaluated for more epochs than there are", { evaluated: { epochs: 9, bestEpoch: 9 } }],
    ["evaluated best after its end", { evaluated: { epochs: 2, bestEpoch: 3 } }],
    [
      "evaluated with metrics of text",
      { evaluated: { epochs: 3, bestEpoch: 3, test: { cases: 1, metrics: "good", includeSeen: {} } } },
    ],
    ["evaluated without cases", { evaluated: { epochs: 3, bestEpoch: 3, test: { metrics, includeSeen: {} } } }],
  ])("%s: CHECKPOINT_STATE", (_name, changes) => {
    const bytes = rewritten(files[1].bytes, (state) => Object.assign(state, changes));
    expect(() => decodeCheckpoint(bytes, "file")).toThrow(
      expect.objectContaining({
        name: "ModelError",
        code: "CHECKPOINT_STATE",
        message: expect.stringMatching(/^file: [^\n]+\.$/),
      }),
    );
  });

  test("what does not fit the model or the data is refused when it is opened", async () => {
    const { config, data, state } = decodeCheckpoint(files[1].bytes, "newest");
    const keep = async (fit: Partial<TrainingState["fit"]>) => {
      const bytes = encodeCheckpoint({ config, data, state: { ...state, fit: { ...state.fit, ...fit } } });
      await nodeFileSystem.writeFile(join(folder, files[1].name), bytes);
      return (await attempt()).error;
    };
    const fewer = state.fit.weights.slice(4);
    const { beta1Power, beta2Power } = state.fit.adam;
    const adam = { moments: fewer, velocities: fewer, beta1Power, beta2Power, rowSteps: undefined };
    expect(await keep({ weights: fewer, adam })).toMatchObject({ code: "CHECKPOINT_STATE" });
    expect(await keep({ done: 41 })).toMatchObject({ code: "CHECKPOINT_STATE" });
    expect(await keep({ done: 40 })).toBeUndefined();
  });
});

describe("the steps that rows of a table have taken", () => {
  const config = resolveConfig({ loss: "sampled" });
  const floats = () => new Float32Array(8);
  const stateWith = (rowSteps: Int32Array | undefined): TrainingState => ({
    evaluated: undefined,
    fit: {
      ...{ epoch: 1, done: 0, closed: false, step: 5, lossSum: 1, count: 1, weights: floats() },
      adam: { moments: floats(), velocities: floats(), beta1Power: 0.5, beta2Power: 0.9, rowSteps },
      best: { epoch: 0, metrics: undefined, weights: undefined },
    },
  });
  const decode = (rowSteps: Int32Array | undefined, as = config) =>
    decodeCheckpoint(encodeCheckpoint({ config: as, data: {}, state: stateWith(rowSteps) }), "file").state.fit.adam;

  test("come back as they were, and only where the loss is sampled", () => {
    expect(decode(Int32Array.of(0, 5, 3)).rowSteps).toEqual(Int32Array.of(0, 5, 3));
    expect(decode(undefined, resolveConfig({ loss: "full" })).rowSteps).toBeUndefined();
  });

  test("that are missing, below 0 or beyond the steps of the training are refused", () => {
    const refused = expect.objectContaining({ code: "CHECKPOINT_STATE" });
    for (const rowSteps of [undefined, Int32Array.of(0, -1), Int32Array.of(6, 0)]) {
      expect(() => decode(rowSteps), String(rowSteps)).toThrow(refused);
    }
  });

  test("of another number of rows than the model has are refused when the folder is opened", async () => {
    const place = await nodeFileSystem.mkdtemp(join(folder, "rows-"));
    const identity = { config, data: {} };
    const open = (rows: number, resume: boolean) =>
      CheckpointFolder.open(place, identity, resume, () => ({ floats: 8, rows, units: 40 }));
    await (await open(3, false)).checkpoints.keep(stateWith(Int32Array.of(0, 5, 3)));
    await expect(open(4, true)).rejects.toMatchObject({ code: "CHECKPOINT_STATE" });
    expect((await open(3, true)).found!.state.fit.adam.rowSteps).toEqual(Int32Array.of(0, 5, 3));
  });
});

/** Changes a few bytes, or a value of the JSON, or a tensor. */
function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const VALUES = [null, -1, 0, 1, 2, 3, 1.5, 1e300, "x", true, [], {}, { "ndcg@10": 1 }, { "ndcg@10": null }];
  if (random.unit() < 0.6) {
    return rewritten(
      bytes,
      (state) => {
        for (let change = random.integer(1, 3); change > 0; change--) {
          let at = state;
          let key = random.choose(Object.keys(at));
          while (random.unit() < 0.7 && typeof at[key] === "object" && Object.keys(at[key] ?? {}).length > 0) {
            at = at[key] as Record<string, unknown>;
            key = random.choose(Object.keys(at));
          }
          if (random.unit() < 0.2) delete at[key];
          else at[key] = random.choose(VALUES);
          if (Object.keys(state).length === 0) break;
        }
      },
      random.choose(["state", "state", "config", "data"]),
    );
  }
  if (random.unit() < 0.4) {
    const { metadata, tensors } = decodeTensorFile(bytes, "checkpoint");
    const all = [...tensors.values()];
    const victim = random.integer(0, all.length - 1);
    const { name, data } = all[victim];
    const length = random.integer(0, data.length);
    const changed = { name, dtype: "F32" as const, shape: [length], data: Float32Array.from(data.subarray(0, length)) };
    if (random.unit() < 0.5) all.splice(victim, 1);
    else all[victim] = changed;
    return encodeTensorFile({ metadata, tensors: all });
  }
  const out = Uint8Array.from(bytes);
  for (let change = random.integer(1, 4); change > 0; change--)
    out[random.integer(0, out.length - 1)] ^= 1 << random.integer(0, 7);
  return random.unit() < 0.3 ? out.subarray(0, random.integer(0, out.length)) : out;
}

test(`${RUNS} mutations of a checkpoint: one that training can go on from, or a typed error`, () => {
  let accepted = 0;
  const codes = new Set<string>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const bytes = mutate(randomOf(seed), files[seed % 2].bytes);
    let found: Checkpoint;
    try {
      found = decodeCheckpoint(bytes, "fuzz");
    } catch (error) {
      if (!(error instanceof ModelError)) throw new Error(`seed ${seed}: ${error}`, { cause: error });
      codes.add(error.code);
      continue;
    }
    accepted++;
    const { evaluated, fit } = found.state;
    const epochs = evaluated ? evaluated.bestEpoch : found.config.epochs;
    expect(fit.epoch, `seed ${seed}`).toBeLessThanOrEqual(epochs);
    expect(Number.isSafeInteger(fit.done) && fit.done >= 0, `seed ${seed}`).toBe(true);
    expect(fit.adam.moments.length, `seed ${seed}`).toBe(fit.weights.length);
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  if (RUNS < 1000) return;
  expect(accepted).toBeGreaterThan(0);
  expect([...codes]).toEqual(expect.arrayContaining(["CHECKPOINT_STATE", "MODEL_CHECKSUM_MISMATCH"]));
});

test("mutations that decode never hang a training or end it with an untyped error", async () => {
  let trained = 0;
  for (let seed = FIRST_SEED; trained < 8 && seed < FIRST_SEED + RUNS; seed++) {
    const bytes = mutate(randomOf(seed), files[1].bytes);
    try {
      decodeCheckpoint(bytes, "fuzz");
    } catch {
      continue;
    }
    trained++;
    await nodeFileSystem.writeFile(join(folder, files[1].name), bytes);
    await attempt();
    for (const name of await list()) await nodeFileSystem.unlink(join(folder, name));
  }
  expect(trained).toBeGreaterThan(0);
}, 120_000);

// The loop of SQLite's I/O tests over one call of keep(), in a folder of two checkpoints: fail the first operation, then the
// second, … until keeping runs through; once failing once, once failing for ever; before and after it takes effect.

interface Faults {
  fails(count: number, name: string): boolean;
  error: string;
  late: boolean;
  /** Most bytes one write takes. */
  writeBytes?: number;
}

/** Node's file system with faults; `calls` lists the operations in order. */
function faultyFileSystem({ fails, error, late, writeBytes = Number.POSITIVE_INFINITY }: Faults) {
  const calls: string[] = [];
  const run = async <Result>(name: string, operation: () => Promise<Result>, undo = (_: Result) => {}) => {
    calls.push(name);
    if (!fails(calls.length, name)) return operation();
    if (late) await operation().then(undo, () => {});
    throw Object.assign(new Error(`${error}: injected`), { code: error });
  };
  const fs: CheckpointFileSystem = {
    mkdir: (path, options) => run("mkdir", () => nodeFileSystem.mkdir(path, options)),
    readdir: (path) => run("readdir", () => nodeFileSystem.readdir(path)),
    readFile: (path) => run("readFile", () => nodeFileSystem.readFile(path)),
    realpath: (path) => run("realpath", () => nodeFileSystem.realpath(path)),
    stat: (path) => run("stat", () => nodeFileSystem.stat(path)),
    rename: (from, to) => run("rename", () => nodeFileSystem.rename(from, to)),
    unlink: (path) => run("unlink", () => nodeFileSystem.unlink(path)),
    open: async (path, flags, mode) => {
      const handle = await run(
        "open",
        () => nodeFileSystem.open(path, flags, mode),
        (opened) => void opened.close(),
      );
      return {
        write: (bytes, offset, length, position) =>
          run("write", () => handle.write(bytes, offset, Math.min(length, writeBytes), position)),
        sync: () => run("sync", () => handle.sync()),
        close: async () => {
          await handle.close();
          await run("close", async () => {});
        },
      };
    },
  };
  return { fs, calls };
}

describe("faults while a checkpoint is kept", () => {
  let identity: TrainingIdentity;
  let states: TrainingState[];
  beforeAll(() => {
    const decoded = files.map(({ bytes }) => decodeCheckpoint(bytes, "file"));
    identity = decoded[0];
    // Three that can be told apart, small.
    states = [1, 2, 3].map((step) => ({ ...decoded[0].state, fit: { ...decoded[0].state.fit, step } }));
  });
  const open = (fs?: CheckpointFileSystem, resume = true) => {
    const { weights } = states[0].fit;
    return CheckpointFolder.open(folder, identity, resume, () => ({ floats: weights.length, rows: 0, units: 40 }), fs);
  };
  const newestStep = async () => (await open()).found!.state.fit.step;

  /** Leaves two checkpoints, of steps 1 and 2. */
  async function prepare(): Promise<void> {
    for (const name of await list()) await nodeFileSystem.unlink(join(folder, name));
    const { checkpoints } = await open(undefined, false);
    await checkpoints.keep(states[0]);
    await checkpoints.keep(states[1]);
    expect(await list()).toEqual(["checkpoint-000001.safetensors", "checkpoint-000002.safetensors"]);
  }

  for (const error of ["EIO", "ENOSPC", "EROFS"]) {
    for (const duration of ["once", "for ever"]) {
      for (const late of [false, true]) {
        test(`${error} ${duration}${late ? " after its effect" : ""}: the old or the new one is read, no temporary file`, async () => {
          let failures = 0;
          for (let k = 1, done = false; !done; k++) {
            await prepare();
            let armed = 0;
            let hit = false;
            const { fs, calls } = faultyFileSystem({
              fails: (count, name) => {
                const fails = duration === "once" ? count === armed : count >= armed && name !== "unlink";
                hit ||= armed > 0 && fails;
                return armed > 0 && fails;
              },
              error,
              late,
              writeBytes: 3000,
            });
            const { checkpoints } = await open(fs);
            armed = calls.length + k;
            const found = await checkpoints.keep(states[2]).then(
              () => undefined,
              (thrown) => thrown,
            );
            const label = `k=${k} (${calls[armed - 1]})`;
            done = !hit;
            if (done) expect(found, label).toBeUndefined();
            else {
              failures++;
              expect(found, label).toBeInstanceOf(OutputError);
              expect(found.message, label).toMatch(/^[^\n]+\.$/);
              expect(found.message, label).not.toContain("temporary file");
            }
            const names = await list();
            expect(
              names.filter((name) => name.endsWith(".tmp")),
              label,
            ).toEqual([]);
            expect(names.length, label).toBeGreaterThanOrEqual(2);
            expect(await newestStep(), label).toBe(names.includes("checkpoint-000003.safetensors") ? 3 : 2);
            // What failed before the new file had its name left it without.
            if (found?.code === "OUTPUT_NO_SPACE") expect(names.length, label).toBe(late ? names.length : 2);
            // The next save works, and tidies up.
            const { checkpoints: after } = await open();
            await after.keep(states[2]);
            expect(await list(), label).toHaveLength(2);
            expect(await newestStep(), label).toBe(3);
          }
          expect(failures).toBeGreaterThan(12);
        });
      }
    }
  }

  test("a training whose disk is full ends with the error; what it kept before is there to go on from", async () => {
    const { checkpoints } = await open(
      faultyFileSystem({ fails: (_, name) => name === "write", error: "ENOSPC", late: false }).fs,
      false,
    );
    await expect(checkpoints.keep(states[0])).rejects.toMatchObject({ code: "OUTPUT_NO_SPACE" });
    expect(await list()).toEqual([]);
  });

  test("writes that take few bytes end in the whole file; one that takes none is an error", async () => {
    const short = faultyFileSystem({ fails: () => false, error: "", late: false, writeBytes: 7 });
    const { checkpoints } = await open(short.fs, false);
    await checkpoints.keep(states[0]);
    expect(await newestStep()).toBe(1);
    const { checkpoints: stuck } = await open(
      faultyFileSystem({ fails: () => false, error: "", late: false, writeBytes: 0 }).fs,
    );
    await expect(stuck.keep(states[1])).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
    expect(await newestStep()).toBe(1);
    expect(await list()).toHaveLength(1);
  });

  test("every operation of opening a folder that fails is a typed error, or costs the newest checkpoint at most", async () => {
    for (let k = 1, done = false; !done; k++) {
      await prepare();
      await nodeFileSystem.writeFile(join(folder, ".attune-0123456789abcdef.tmp"), "cut short");
      const { fs, calls } = faultyFileSystem({ fails: (count) => count === k, error: "EIO", late: false });
      const outcome = await open(fs).then(
        ({ found }) => found!.state.fit.step,
        (thrown) => thrown.code,
      );
      done = calls.length < k;
      const label = `k=${k} (${calls[k - 1]})`;
      expect(outcome, label).toBe(done ? 2 : calls[k - 1] === "readFile" ? 1 : "CHECKPOINT_FOLDER");
    }
  });
});
