import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toSequences, toTable } from "./logs.ts";

const folder = makeFolder();
const inFolder = (name: string) => join(folder, name);
const events = makeEvents();
const log = inFolder("log.csv");
writeFileSync(log, toTable(events));

const CUTOFFS = [5, 10, 20];
const METRICS = CUTOFFS.flatMap((k) => [`hr@${k}`, `ndcg@${k}`, `mrr@${k}`]);
const quick = (...more: string[]) => ["train", log, ...TINY, "--epochs", "3", ...more];
const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");

describe("train --json", () => {
  test("prints the keys of the contract, and the hash of the file", async () => {
    const model = inFolder("keys.safetensors");
    const report = await jsonOf(quick("-o", model));
    expect(Object.keys(report)).toEqual([
      "model",
      "users",
      "items",
      "interactions",
      "parameters",
      "epochs",
      "bestEpoch",
      "seconds",
      "validation",
      "test",
      "includeSeen",
      "sha256",
    ]);
    expect(report).toMatchObject({ model: "attune", users: 60, items: 20, interactions: 480, epochs: 3 });
    expect(report.bestEpoch).toBeGreaterThanOrEqual(1);
    expect(report.seconds).toBeGreaterThan(0);
    for (const metrics of [report.validation, report.test, report.includeSeen.validation, report.includeSeen.test]) {
      expect(Object.keys(metrics).sort()).toEqual([...METRICS].sort());
      for (const value of Object.values(metrics)) expect(value).toBeGreaterThanOrEqual(0);
      for (const value of Object.values(metrics)) expect(value).toBeLessThanOrEqual(1);
    }
    expect(report.sha256).toBe(sha256(model));
  });

  test("counts the parameters of the tensors in the file", async () => {
    const { parameters } = await jsonOf(quick("-o", inFolder("count.safetensors"), "--model", "gru4rec"));
    const [items, embedding, hidden] = [20, 8, 8];
    expect(parameters).toBe(items * embedding + 3 * hidden * (embedding + hidden + 2));
  });

  test("has null where nothing was measured or written", async () => {
    const report = await jsonOf(quick("--split", "none"));
    expect(report).toMatchObject({ validation: null, test: null, sha256: null });
    expect(report.includeSeen).toEqual({ validation: null, test: null });
  });
});

describe("one data set, one config, one seed", () => {
  test("give the same bytes, another seed others", async () => {
    const paths = ["seed-a", "seed-b", "seed-c"].map(inFolder);
    const seeds = ["7", "7", "8"];
    await Promise.all(paths.map((path, run) => succeed(quick("-o", path, "--seed", seeds[run]))));
    const [first, second, other] = paths.map((path) => readFileSync(path));
    expect(first.equals(second)).toBe(true);
    expect(first.equals(other)).toBe(false);
  });

  test("give the same bytes whatever the log came in", async () => {
    const tsv = inFolder("log.tsv");
    const gz = inFolder("log.csv.gz");
    const lines = inFolder("log.seq");
    writeFileSync(tsv, toTable(events, "\t"));
    writeFileSync(gz, gzipSync(toTable(events)));
    writeFileSync(lines, toSequences(events));
    const train = (data: string, out: string, ...more: string[]) =>
      ["train", data, "-o", inFolder(out), ...TINY, "--epochs", "2", ...more] as const;
    await Promise.all([
      succeed(train(log, "csv")),
      succeed(train(tsv, "tsv")),
      succeed(train(gz, "gz")),
      succeed(train("-", "stdin"), { input: toTable(events) }),
      succeed(train("-", "stdin-gz"), { input: gzipSync(toTable(events)) }),
      succeed(train(lines, "sequences", "--format", "sequences")),
      succeed(train("-", "no-header", "--no-header", "--columns", "user=1,item=2,time=3"), {
        input: toTable(events).split("\n").slice(1).join("\n"),
      }),
    ]);
    // Item order is that of first appearance, which a line a user changes: only its content can be compared.
    for (const name of ["tsv", "gz", "stdin", "stdin-gz", "no-header"]) {
      expect(sha256(inFolder(name)), name).toBe(sha256(inFolder("csv")));
    }
    const facts = await jsonOf(["inspect", inFolder("sequences")]);
    expect(facts).toEqual(await jsonOf(["inspect", inFolder("csv")]));
  });
});

describe("settings", () => {
  const effective = async (...args: string[]) => {
    const path = inFolder("settings");
    const { stderr } = await succeed(["train", log, "-o", path, ...args]);
    const { config } = await jsonOf(["inspect", path]);
    return { config, stderr };
  };

  test("come from a config file, and flags win", async () => {
    const file = inFolder("config.json");
    const settings = { embedding: 8, hidden: 8, batch: 16, epochs: 9, seed: 3, dropout: 0.1, kCore: 2 };
    writeFileSync(file, JSON.stringify(settings));
    const { config, stderr } = await effective("--config", file, "--epochs", "1", "--set", "dropout=0.25");
    expect(config).toMatchObject({ ...settings, epochs: 1, dropout: 0.25 });
    expect(stderr).toContain("settings: preset=attune embedding=8");
  });

  test("of a config file may name the preset, and --model wins", async () => {
    const file = inFolder("preset.json");
    writeFileSync(file, JSON.stringify({ preset: "lstm", embedding: 8, hidden: 8, epochs: 1 }));
    expect((await effective("--config", file)).config).toMatchObject({ preset: "lstm", cell: "lstm" });
    const { config } = await effective("--config", file, "--model", "gru4rec");
    expect(config).toMatchObject({ preset: "gru4rec", cell: "gru" });
  });

  test("of a model, given back as a config file, give the same model", async () => {
    const [first, second] = ["back-a", "back-b"].map(inFolder);
    await succeed(quick("-o", first, "--model", "attentive-lstm", "--set", "interest=mean", "--seed", "5"));
    const { config } = await jsonOf(["inspect", first]);
    const file = inFolder("back.json");
    writeFileSync(file, JSON.stringify(config));
    await succeed(["train", log, "-o", second, "--config", file]);
    expect(sha256(second)).toBe(sha256(first));
  });

  test("--set may be repeated, and takes several", async () => {
    const { config } = await effective("--set", "embedding=8", "hidden=8", "--set", "batch=32", "--epochs", "1");
    expect(config).toMatchObject({ embedding: 8, hidden: 8, batch: 32 });
  });
});

test("--k-core drops rare items and says how many", async () => {
  const rare = inFolder("rare.csv");
  writeFileSync(rare, `${toTable(events)}u0,rare,1800000000\n`);
  const args = ["train", rare, ...TINY, "--epochs", "1"];
  expect(await jsonOf(args)).toMatchObject({ items: 21, interactions: 481 });
  expect(await jsonOf([...args, "--k-core", "2"])).toMatchObject({ items: 20, interactions: 480 });
  expect((await succeed([...args, "--k-core", "2"])).stderr).toMatch(
    /k-core 2: removed (?=.*\b0 users)(?=.*\b1 items?\b)(?=.*\b1 events?\b)/,
  );
});

test("--patience ends training after that many epochs without a better one", async () => {
  const { epochs, bestEpoch } = await jsonOf(quick("--epochs", "1000", "--patience", "2"));
  expect(epochs).toBe(bestEpoch + 2);
  expect(epochs).toBeLessThan(1000);
});

test("--time-budget ends training in time, with a model", async () => {
  const model = inFolder("budget");
  const endless = ["--epochs", "1000000", "--patience", "1000000"];
  const report = await jsonOf(quick(...endless, "--time-budget", "2", "-o", model));
  expect(report.epochs).toBeGreaterThanOrEqual(1);
  expect(report.epochs).toBeLessThan(1_000_000);
  expect(report.sha256).toBe(sha256(model));
});

test("--no-refit keeps the evaluated weights, refitting gives others", async () => {
  const [kept, refitted] = ["kept", "refitted"].map(inFolder);
  const reports = [await jsonOf(quick("-o", kept, "--no-refit")), await jsonOf(quick("-o", refitted))];
  expect(reports[0].test).toEqual(reports[1].test);
  expect(reports[0].sha256).not.toBe(reports[1].sha256);
  expect(await jsonOf(["inspect", kept])).toMatchObject({ refitted: false });
  expect(await jsonOf(["inspect", refitted])).toMatchObject({ refitted: true, epochs: reports[1].bestEpoch });
});

test("without -o, training measures and writes nothing", async () => {
  const empty = makeFolder();
  const { stdout } = await succeed(quick(), { cwd: empty });
  expect(stdout).toMatch(/^attune: 60 users, 20 items, 480 interactions, [\d,]+ parameters\n/);
  expect(stdout).toMatch(/\ntest +[.\d]+ +[.\d]+ +[.\d]+\n/);
  expect(existsSync(join(empty, "model.safetensors"))).toBe(false);
});

test("stderr tells what was guessed, read, set and done, in plain lines", async () => {
  const { stderr } = await succeed(quick("-o", inFolder("plain")));
  expect(stderr).toMatch(/^format: comma-separated, with a header line/);
  expect(stderr).toContain("columns: user=user, item=item, time=time (guessed");
  expect(stderr).toContain("rows: 480, none bad");
  expect(stderr).toContain("split: leave-one-out, 60 validation and 60 test cases");
  expect(stderr).toMatch(/attune: about [\d.]+ s an epoch/);
  expect(stderr).toMatch(/attune train 3\/3: loss [\d.]+, [\d,]+ interactions\/s, validation HR@10/);
  expect(stderr).toMatch(/attune refit 1\/\d: loss/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no bar, no cursor movement
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});
