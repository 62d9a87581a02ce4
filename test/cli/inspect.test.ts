import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log.csv");
const model = join(folder, "model.safetensors");
const text = toTable(makeEvents());
writeFileSync(log, text);

beforeAll(async () => {
  await succeed(["train", log, "-o", model, ...TINY, "--epochs", "2"]);
});

describe("inspect DATA", () => {
  test("describes a log on stdout, with nothing on stderr", async () => {
    const { stdout, stderr } = await succeed(["inspect", log]);
    expect(stdout).toContain("columns: user=user, item=item, time=time");
    expect(stdout).toContain("\nusers: 60, items: 20, events: 480, sparsity: 60.0000 %\n");
    expect(stdout).toContain("\ntime: 2023-11-14 to 2023-11-14");
    expect(stderr).toBe("");
  });

  test("--json has the quality report and the guesses", async () => {
    const report = await jsonOf(["inspect", log]);
    expect(report).toMatchObject({ rows: 480, badRows: [], users: 60, items: 20, events: 480, ties: 0 });
    expect(report.timeSpan).toEqual({ first: 1_700_000_000, last: 1_700_000_479 });
    expect(report.guesses).toHaveLength(3);
  });

  test("reads standard input, also gzip", async () => {
    const report = await jsonOf(["inspect", log]);
    expect(await jsonOf(["inspect", "-"], { input: text })).toEqual(report);
    expect(await jsonOf(["inspect", "-"], { input: gzipSync(text) })).toEqual(report);
  });

  test("counts bad rows that are let pass", async () => {
    const input = `${text}u1,i1,yesterday\nu2\n`;
    const { rows, badRows, events } = await jsonOf(["inspect", "-", "--max-bad-rows", "2"], { input });
    expect([rows, events, badRows.length]).toEqual([482, 480, 2]);
  });
});

describe("inspect MODEL", () => {
  test("lists what it is and every setting", async () => {
    const { stdout, stderr } = await succeed(["inspect", model]);
    expect(stdout).toMatch(/^attune: 20 items, [\d,]+ parameters\ntrained for \d epochs? on everything/);
    expect(stdout).toMatch(/\nembedding +8\n/);
    expect(stderr).toBe("");
  });

  test("--json has the same, and the config as it was set", async () => {
    const facts = await jsonOf(["inspect", model]);
    expect(Object.keys(facts)).toEqual(["model", "items", "parameters", "epochs", "refitted", "config"]);
    expect(facts).toMatchObject({ model: "attune", items: 20, refitted: true });
    expect(facts.config).toMatchObject({ preset: "attune", embedding: 8, hidden: 8, seed: 1 });
  });

  test("knows a model by its content, whatever its name", async () => {
    const renamed = join(folder, "renamed.csv");
    copyFileSync(model, renamed);
    expect(await jsonOf(["inspect", renamed])).toEqual(await jsonOf(["inspect", model]));
  });
});
