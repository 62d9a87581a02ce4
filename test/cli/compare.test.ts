import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COMPARABLE } from "../../src/api/compare.ts";
import { PRESETS } from "../../src/model/presets/index.ts";
import { jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log.csv");
writeFileSync(log, toTable(makeEvents()));

const compare = (...more: string[]) => ["compare", log, ...TINY, "--epochs", "3", ...more];

interface Row {
  model: string;
  seed: number | null;
  validation: Record<string, number>;
  test: Record<string, number>;
  parameters: number;
}

test("--json has a row for every model and baseline, in the shape of the contract", async () => {
  const answer = await jsonOf(compare());
  expect(Object.keys(answer)).toEqual(["rows"]);
  expect(answer.rows.map(({ model }: Row) => model)).toEqual(COMPARABLE);
  for (const row of answer.rows) {
    expect(Object.keys(row)).toEqual(["model", "seed", "validation", "test", "parameters", "seconds"]);
    expect(Object.keys(row.test)).toEqual(expect.arrayContaining(["hr@10", "ndcg@10", "mrr@10"]));
    const trained = PRESETS.some(({ name }) => name === row.model);
    expect(row.seed).toBe(trained ? 1 : null);
    expect(row.parameters > 0).toBe(trained);
  }
});

test("--seeds trains each model again with the next seed, baselines once", async () => {
  const { rows } = await jsonOf(compare("--models", "markov, lstm", "--seeds", "2", "--seed", "5"));
  expect(rows.map(({ model, seed }: Row) => [model, seed])).toEqual([
    ["markov", null],
    ["lstm", 5],
    ["lstm", 6],
  ]);
});

test("a model has the numbers that train reports for it", async () => {
  const [{ rows }, report] = await Promise.all([
    jsonOf(compare("--models", "attentive-lstm")),
    jsonOf(["train", log, ...TINY, "--epochs", "3", "--model", "attentive-lstm"]),
  ]);
  expect(rows[0]).toMatchObject({ validation: report.validation, test: report.test, parameters: report.parameters });
});

test("the first-order chain that made the log beats popularity", async () => {
  const { rows } = await jsonOf(compare("--models", "popular,markov"));
  expect(rows[1].test["ndcg@10"]).toBeGreaterThan(rows[0].test["ndcg@10"]);
});

test("the text is one aligned table, with means and deviations over seeds", async () => {
  const { stdout, stderr } = await succeed(compare("--models", "popular,gru4rec", "--seeds", "2"));
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^model +valid NDCG@10 +HR@10 +NDCG@10 +MRR@10 +seeds +parameters +time$/);
  expect(lines[1]).toMatch(/^popular +\.\d{4} +\.\d{4} +\.\d{4} +\.\d{4} +- +0 +\d+\.\d s$/);
  expect(lines[2]).toMatch(/^gru4rec( +\.\d{4} ± \.\d{4}){4} +2 +\d+ +\d+\.\d s$/);
  expect(new Set(lines.map((line) => line.length)).size, "right-aligned").toBe(1);
  expect(stderr).toMatch(/gru4rec seed 2: test HR@10/);
});
