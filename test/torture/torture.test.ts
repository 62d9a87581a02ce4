import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { TINY } from "../cli/logs.ts";
import { faultOf, torture } from "./torture.ts";

test("killed before every file-system call of a save and at random, a training resumes to the unbroken run's bytes", async () => {
  const lines: string[] = [];
  const kills = await torture({
    root: fileURLToPath(new URL("../..", import.meta.url)),
    log: { users: 150, events: 10 },
    settings: ["--model", "gru4rec", "--threads", "2", "--epochs", "4", ...TINY],
    seed: 1,
    inSaves: true,
    anywhere: 6,
    inLastEpoch: 2,
    together: 2,
    tell: (line) => lines.push(line),
  });
  expect(
    kills.map(faultOf).filter((fault) => fault !== undefined),
    lines.join("\n"),
  ).toEqual([]);
  expect(kills.length, lines.join("\n")).toBeGreaterThan(8 + 15);
  expect(
    kills.some(({ phase }) => phase === "the save of a checkpoint"),
    lines.join("\n"),
  ).toBe(true);
  expect(
    kills.some(({ phase }) => phase === "the save of the model"),
    lines.join("\n"),
  ).toBe(true);
}, 300_000);
