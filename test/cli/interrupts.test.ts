import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ended, makeFolder, startAttune } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log.csv");
writeFileSync(log, toTable(makeEvents()));

const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;
const ENDLESS = [...TINY, "--epochs", "1000000", "--patience", "1000000"];

describe.each(SIGNALS)("%s", (signal, code) => {
  test.each([
    ["train", ["-o", "out.safetensors", "--json"]],
    ["compare", ["--models", "popular,lstm", "--json"]],
  ])("while %s trains ends with its exit code and writes nothing", async (command, more) => {
    const place = makeFolder();
    const child = startAttune([command, log, ...ENDLESS, ...more], place);
    child.stderr!.on("data", (text) => {
      if (String(text).includes("train 2/1000000: loss")) child.kill(signal);
    });
    const outcome = await ended(child);
    expect(outcome).toMatchObject({ code, signal: null, stdout: "" });
    expect(outcome.stderr).toMatch(new RegExp(`\\nattune: stopped by ${signal}; nothing was written\\.\\n$`));
    expect(readdirSync(place)).toEqual([]);
  });

  test("while standard input is read ends at once", async () => {
    const place = makeFolder();
    const child = startAttune(["train", "-", ...ENDLESS, "-o", "out.safetensors"], place);
    const outcome = ended(child);
    // More than a pipe holds: when it is gone, the command is reading. The pipe stays open.
    child.stdin!.on("error", () => {});
    if (!child.stdin!.write("user,item,time\n".padEnd(4_000_000, "u1,i1,1700000000\n")))
      await once(child.stdin!, "drain");
    child.kill(signal);
    expect(await outcome).toMatchObject({ code, signal: null, stdout: "" });
    expect((await outcome).stderr).toBe(`attune: stopped by ${signal}; nothing was written.\n`);
    expect(readdirSync(place)).toEqual([]);
  });
});

describe("a closed pipe", () => {
  test.each([
    ["inspect", ["inspect", log]],
    ["--help", ["--help"]],
    ["train", ["train", "--help"]],
  ])("is no error of %s, and silent", async (_, args) => {
    const child = startAttune(args);
    child.stdout!.destroy();
    child.stderr!.setEncoding("utf8");
    let stderr = "";
    child.stderr!.on("data", (text) => {
      stderr += text;
    });
    const [code, signal] = await once(child, "close");
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("of stderr does not stop a training", async () => {
    const child = startAttune(["train", log, ...TINY, "--epochs", "2", "--json"]);
    child.stderr!.destroy();
    let stdout = "";
    child.stdout!.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    const [code] = await once(child, "close");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ epochs: 2 });
  });
});
