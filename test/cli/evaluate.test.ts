import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log.csv");
const kept = join(folder, "kept.safetensors");
const refitted = join(folder, "refitted.safetensors");
writeFileSync(log, toTable(makeEvents()));

// biome-ignore lint/suspicious/noExplicitAny: the report of train --json
let report: any;

beforeAll(async () => {
  const train = ["train", log, ...TINY, "--epochs", "4"];
  [report] = await Promise.all([jsonOf([...train, "-o", kept, "--no-refit"]), succeed([...train, "-o", refitted])]);
});

test("a --no-refit model has exactly the metrics its training reported", async () => {
  const { users, includeSeen, ...metrics } = await jsonOf(["evaluate", kept, log]);
  expect(users).toBe(60);
  expect(metrics).toEqual(report.test);
  expect(includeSeen).toEqual(report.includeSeen.test);
});

test("the order of users in the log only changes the order in which metrics are summed", async () => {
  const shuffled = join(folder, "by-user.csv");
  const events = makeEvents().sort((a, b) => a.user.localeCompare(b.user) || a.time - b.time);
  writeFileSync(shuffled, toTable(events));
  const metrics = await jsonOf(["evaluate", kept, shuffled]);
  for (const [name, value] of Object.entries<number>(report.test)) {
    expect(Math.abs(metrics[name] - value), name).toBeLessThan(1e-14);
  }
});

test("-k chooses the cut-offs, and larger ones than the catalogue count every item", async () => {
  const { users, includeSeen, ...metrics } = await jsonOf(["evaluate", kept, log, "-k", "1,20,500"]);
  const names = ["hr@1", "ndcg@1", "mrr@1", "hr@20", "ndcg@20", "mrr@20", "hr@500", "ndcg@500", "mrr@500"];
  expect(Object.keys(metrics)).toEqual(names);
  expect(Object.keys(includeSeen)).toEqual(names);
  expect(metrics["hr@1"]).toBe(metrics["mrr@1"]);
  expect(metrics["ndcg@20"]).toBe(report.test["ndcg@20"]);
  expect(includeSeen["hr@500"]).toBe(1);
});

test("a refitted model is measured with a warning on stderr, a kept one without", async () => {
  const warned = await succeed(["evaluate", refitted, log]);
  expect(warned.stderr).toContain("warning: this model was trained again on everything, the targets included.");
  const { stderr } = await succeed(["evaluate", kept, log]);
  expect(stderr).not.toContain("warning");
});

test("items the model does not know are misses, not crashes", async () => {
  const foreign = join(folder, "foreign.csv");
  writeFileSync(foreign, toTable(makeEvents().map((event) => ({ ...event, item: `other-${event.item}` }))));
  expect(await jsonOf(["evaluate", kept, foreign])).toMatchObject({ users: 60, "hr@20": 0, "mrr@20": 0 });
});

test("a split without test cases says so", async () => {
  const { stderr, stdout } = await succeed(["evaluate", kept, log, "--split", "none", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ users: 0, "hr@10": 0 });
  expect(stderr).toMatch(/warning: split none leaves nothing to test/);
});

test("the text is a table of both ways to treat seen items", async () => {
  const { stdout } = await succeed(["evaluate", kept, log]);
  const lines = stdout.split("\n");
  expect(lines[0]).toBe("attune, split leave-one-out: 60 cases, 20 items ranked");
  expect(lines[2].trim().split(/\s+/).slice(0, 3)).toEqual(["HR@5", "NDCG@5", "MRR@5"]);
  expect(lines[3]).toMatch(/^seen items excluded( +[.\d]+){9}$/);
  expect(lines[4]).toMatch(/^seen items included( +[.\d]+){9}$/);
  expect(lines[3].split(/ {2,}/)[4]).toBe(report.test["hr@10"].toFixed(4).replace(/^0/, ""));
});
