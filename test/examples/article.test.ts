// The article's examples run by the command their headers give.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const run = async (...words: string[]) =>
  (await promisify(execFile)(process.execPath, ["scripts/run.mjs", ...words], { cwd: ROOT })).stdout;

test("attention.ts: five weights sum to 1, and the package gives the ones computed by hand", async () => {
  const out = await run("examples/article/attention.ts");
  const rows = [...out.matchAll(/^\d {5}(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +\(/gm)].map((row) =>
    row.slice(1).map(Number),
  );
  expect(rows).toHaveLength(5);
  const sum = rows.reduce((total, [, , exponential]) => total + exponential, 0);
  for (const [value, score, exponential, weight, byPackage] of rows) {
    // <v·(1, 1, 1)/√3, (.6, .3, .9)>
    expect(score).toBeCloseTo((value * 1.8) / Math.sqrt(3), 4);
    expect(exponential).toBeCloseTo(Math.exp(score), 3);
    expect(weight).toBeCloseTo(exponential / sum, 3);
    expect(byPackage).toBe(weight);
  }
  expect(out).toContain("the weights sum to 1.0000");
});

test("network.ts: a few epochs lower the loss from ln 2, and predictions are probabilities", async () => {
  const out = await run("examples/article/network.ts", "6");
  const losses = [...out.matchAll(/loss (\S+)/g)].map(([, loss]) => Number(loss));
  expect(losses[0]).toBeCloseTo(Math.LN2, 1);
  expect(losses[losses.length - 1]).toBeLessThan(losses[0]);
  // LSTM(50): 4·50·(5 + 50 + 2), the projection 5·5 + 5, the dense unit 50 + 1.
  expect(out).toContain(`${4 * 50 * 57 + 30 + 51} parameters`);
  const predictions = [...out.matchAll(/^\d+ +[01] +(\S+)$/gm)].map(([, value]) => Number(value));
  expect(predictions).toHaveLength(10);
  for (const value of predictions) expect(value > 0 && value < 1).toBe(true);
});
