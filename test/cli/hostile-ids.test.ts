import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { attune, jsonOf, makeFolder, succeed } from "./command.ts";
import { TINY, toTable } from "./logs.ts";

const LONG = "x".repeat(100_000);
const IDS = [
  "__proto__",
  "constructor",
  "toString",
  "a,b",
  "line one\nline two",
  "🦊 \u{1F468}\u200d\u{1F469}",
  "e\u0301 is not \u00e9",
  "\u00e9 is not e\u0301",
  "\u001b[31mred\u001b[0m",
  "\u009b31mred",
  "bell\u0007",
  "rtl\u202egnp.exe",
  "\u2028",
  'quo"te',
  " padded ",
  "[1]",
  "001",
  "1",
  LONG,
];

const folder = makeFolder();
const log = join(folder, "log.csv");
const model = join(folder, "model.safetensors");

beforeAll(async () => {
  // Every user walks around the circle of ids, so that the next one is certain.
  const events = Array.from({ length: 60 * 8 }, (_, index) => ({
    user: IDS[index % 60] ?? `user ${index % 60}`,
    item: IDS[((index % 60) + Math.floor(index / 60)) % IDS.length],
    time: 1_700_000_000 + index,
  }));
  writeFileSync(log, toTable(events));
  const report = await jsonOf(["train", log, "-o", model, ...TINY, "--epochs", "60"]);
  expect(report).toMatchObject({ users: 60, items: IDS.length, interactions: 480 });
});

const recommend = (history: readonly string[], ...more: string[]) =>
  jsonOf(["recommend", model, "--history", JSON.stringify(history), ...more]);

test("come out of --json exactly as they went in", async () => {
  const { items } = await recommend([], "-k", "100");
  expect(new Set(items.map(({ id }: { id: string }) => id))).toEqual(new Set(IDS));
});

test("are found in a history, each as itself", async () => {
  // The longest is more than a command line takes.
  const known = IDS.filter((id) => id !== LONG);
  const { explanation, unknown } = await recommend(known, "--explain");
  expect(unknown).toEqual([]);
  expect(explanation.map(({ id }: { id: string }) => id)).toEqual(known);
  for (const id of ["__proto__", "line one\nline two", "e\u0301 is not \u00e9", "\u001b[31mred\u001b[0m"]) {
    const at = IDS.indexOf(id);
    const { items } = await recommend(IDS.slice(Math.max(0, at - 3), at + 1), "-k", "1");
    expect(items[0].id, `after ${JSON.stringify(id)}`).toBe(IDS[at + 1]);
  }
});

test("that only look alike are unknown", async () => {
  const alike = ["__PROTO__", "01", "padded", "hasOwnProperty", "valueOf", "\ufeff1"];
  expect((await recommend(alike)).unknown).toEqual(alike);
});

test("cannot steer the terminal: text has escapes instead, and cuts what would spoil the table", async () => {
  const history = JSON.stringify(["\u001b[31mred\u001b[0m", "\u001b[2J?", "\u009b?", "\u202e?"]);
  const { stdout, stderr } = await succeed(["recommend", model, "--history", history, "-k", "100", "--explain"]);
  for (const text of [stdout, stderr]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
  }
  expect(stdout).toContain("\\u001b[31mred\\u001b[0m");
  expect(stdout).toContain("line one\\nline two");
  expect(stdout).toContain(`${"x".repeat(59)}…`);
  expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThan(120);
  expect(stderr).toBe('unknown items, skipped: "\\u001b[2J?", "\\u009b?", "\\u202e?"\n');
});

test("neither can names of files, commands and columns", async () => {
  const outcomes = await Promise.all([
    attune(["\u001b[31mtrain"]),
    attune(["train", "\u001b[31m.csv"]),
    attune(["evaluate", "\u009b31m.safetensors", log]),
    attune(["train", "x", "--set", "\u001b[31m=1"]),
    attune(["inspect", "-"], { input: "user\u0007,it\u001b[31m\n1,2\n" }),
    attune(["inspect", "-"], { input: "user,item\u0007,\u009btime\n1,2,3\n" }),
  ]);
  for (const { stdout, stderr } of outcomes) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(stdout + stderr).not.toBe("");
  }
});

test("are evaluated like others", async () => {
  expect(await jsonOf(["evaluate", model, log])).toMatchObject({ users: 60 });
});
