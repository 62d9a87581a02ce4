import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { evaluate } from "../../src/api/evaluate.ts";
import { load } from "../../src/api/model.ts";
import { train } from "../../src/api/train.ts";
import type { ClickRow } from "../../src/data/clicks.ts";
import { failureOf, jsonOf, makeFolder, succeed } from "../cli/command.ts";
import { TINY as TINY_FLAGS } from "../cli/logs.ts";
import { randomOf } from "../reference/random.ts";

const TINY = { model: "gru4rec", embedding: 8, hidden: 8, batch: 16, learningRate: 0.02, epochs: 8 } as const;
const folder = makeFolder();

/** Rows in which the candidate that follows the last item of the history is taken nine times of ten, others seldom. */
function makeClicks(count = 600): ClickRow[] {
  const random = randomOf(3);
  return Array.from({ length: count }, () => {
    const history = Array.from({ length: random.integer(1, 4) }, () => random.integer(0, 7));
    const follows = random.unit() < 0.5;
    const next = (history[history.length - 1] + 1) % 8;
    const candidate = follows ? next : random.integer(0, 7);
    const label = random.unit() < (candidate === next ? 0.9 : 0.1) ? 1 : 0;
    return { history: history.map((item) => `i${item}`), candidate: `i${candidate}`, label };
  });
}

async function* oneByOne(rows: ClickRow[]) {
  yield* rows;
}

test("a click model orders, is calibrated, ranks by probability and survives its file bit by bit", async () => {
  const rows = makeClicks();
  const model = await train(oneByOne(rows), { ...TINY, task: "click", refit: false });
  const { metrics, baselines, cases } = model.report.test!;
  expect(cases).toBe(60);
  expect(Object.keys(metrics)).toEqual(["auc", "logLoss", "calibration", "calibrationError"]);
  expect(metrics.auc).toBeGreaterThan(0.75);
  expect(baselines!.meanClick.auc).toBe(0.5);
  expect(metrics.logLoss).toBeLessThan(baselines!.meanClick.logLoss);
  expect((await evaluate(model, rows)).metrics).toEqual(metrics);
  const whole = await evaluate(model, rows, { split: "none" });
  expect(whole.cases).toBe(600);
  expect(Math.abs(whole.metrics.calibration - 1)).toBeLessThan(0.2);

  expect(model.predict(["i2"], "i3")).toBeGreaterThan(model.predict(["i2"], "i6"));
  const [best] = model.recommend(["i2"], { k: 1, includeSeen: true });
  expect(best.id).toBe("i3");
  expect(best.score).toBeCloseTo(model.predict(["i2"], "i3"), 6);

  const path = join(folder, "click.safetensors");
  await model.save(path);
  const again = await load(path);
  expect(again.config.task).toBe("click");
  expect(again.predict(["i2"], "i3")).toBe(model.predict(["i2"], "i3"));
});

test("unknown candidates are skipped and counted; unknown items of a history are left out", async () => {
  const rows = makeClicks();
  const model = await train(rows, { ...TINY, epochs: 1, task: "click" });
  const strange: ClickRow[] = [
    { history: ["i1", "nobody"], candidate: "i2", label: 1 },
    { history: ["i1"], candidate: "nobody", label: 0 },
    { history: [], candidate: "i2", label: 0 },
  ];
  expect(await evaluate(model, strange, { split: "none" })).toMatchObject({ cases: 2, skipped: 1 });
});

test("bad rows have their code: no iterable, bad label, bad history, none at all", async () => {
  const codeOf = (rows: unknown) =>
    train(rows as ClickRow[], { ...TINY, task: "click" }).catch((error: { code: string }) => error.code);
  expect(await codeOf(7)).toBe("CLICK_ROWS");
  expect(await codeOf([{ history: ["a"], candidate: "b", label: 2 }])).toBe("CLICK_ROW");
  expect(await codeOf([{ history: [1], candidate: "b", label: 1 }])).toBe("CLICK_ROW");
  expect(await codeOf([null])).toBe("CLICK_ROW");
  expect(await codeOf([])).toBe("DATA_NO_ROWS");
});

test("the command trains on JSONL, also gzip, and evaluates; bad lines are counted first", async () => {
  const lines = makeClicks(200).map((row) => JSON.stringify(row));
  const data = join(folder, "clicks.jsonl.gz");
  writeFileSync(data, gzipSync(`${lines.join("\n")}\n`));
  const path = join(folder, "cli.safetensors");
  const flags = ["--task", "click", "-o", path, "--no-refit", ...TINY_FLAGS, "--epochs", "2"];
  const report = await jsonOf(["train", data, ...flags]);
  expect(report).toMatchObject({ task: "click", users: 200, items: 8 });
  const { baselines, ...measured } = await jsonOf(["evaluate", path, data]);
  expect(measured).toEqual({ cases: 20, skipped: 0, ...report.test });
  expect((await succeed(["evaluate", path, data])).stdout).toMatch(/AUC +LOGLOSS/);
  const broken = join(folder, "broken.jsonl");
  writeFileSync(broken, [...lines, "{", '{"history":["a"],"candidate":"b"}'].join("\n"));
  expect(await failureOf(["train", broken, "--task", "click"], 3)).toMatch(/no click row: 2, at lines 201, 202/);
});
