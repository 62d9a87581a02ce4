import { spawn } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { printable } from "../../src/cli/output.ts";
import { attune, CLI, ended, failureOf, makeFolder, startAttune, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log of 'mine'.csv");
const LONG = ["--model", "gru4rec", "--epochs", "12", "--threads", "2", ...TINY];
const HOSTILE = `it's "q" $HOME \`id\` \\ *\n\u001b[1m \u202e%s \\012; end`;

/** The bytes of the unbroken training. */
let whole: Buffer;
beforeAll(async () => {
  writeFileSync(log, toTable(makeEvents({ users: 300, events: 10 })));
  await succeed(["train", log, "-o", join(folder, "whole.safetensors"), ...LONG]);
  whole = readFileSync(join(folder, "whole.safetensors"));
});

/** Runs a line in a shell that finds the built `attune`. */
function shell(line: string, cwd: string) {
  const bin = makeFolder();
  writeFileSync(join(bin, "attune"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`);
  chmodSync(join(bin, "attune"), 0o755);
  return ended(spawn("sh", ["-c", line], { cwd, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } }));
}

/** Trains, and sends a signal after a line of the progress. */
function interrupt(args: readonly string[], place: string, after: string, ...signals: NodeJS.Signals[]) {
  const child = startAttune(args, place);
  let said = "";
  child.stderr!.on("data", (text) => {
    said += text;
    if (said.includes(after)) for (const signal of signals.splice(0)) child.kill(signal);
  });
  return ended(child);
}

describe.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s with --checkpoint", (signal, code) => {
  test.each([
    ["plain names", "model.safetensors", "checkpoints", []],
    ["names with quotes, spaces and a line break", `m ${HOSTILE}.safetensors`, `c ${HOSTILE}`, []],
    ["data after --", "model.safetensors", "checkpoints", ["--"]],
  ])(
    "%s: the line that is printed resumes to the unbroken model's bytes",
    async (_name, output, checkpoint, dashes) => {
      const place = makeFolder();
      const args = ["train", ...LONG, "-o", output, "--checkpoint", checkpoint, ...dashes, log];
      const outcome = await interrupt(args, place, "train 2/12: loss", signal);
      expect(outcome).toMatchObject({ code, signal: null, stdout: "" });
      const [, where, line] = outcome.stderr.match(
        /\nattune: stopped by SIG[A-Z]+; checkpoint: ([\s\S]*)\. Go on with: ([\s\S]*)\n$/,
      )!;
      expect(where).toMatch(/, (inside epoch \d+|epoch \d+ done)$/);
      expect(where.startsWith(printable(checkpoint))).toBe(true);
      expect(line).toBe(printable(line));
      expect(readdirSync(place)).toEqual([checkpoint]);

      // Once more in between: its own line resumes as well, and has the flag once.
      const again = await interrupt([...args.slice(0, 1), "--resume", ...args.slice(1)], place, " train ", signal);
      expect(again.code).toBe(code);
      expect(again.stderr.match(/ --resume/g)).toHaveLength(1);
      expect(again.stderr.slice(again.stderr.indexOf("Go on with: "))).toBe(`Go on with: ${line}\n`);

      expect(await shell(line, place)).toMatchObject({ code: 0, stderr: expect.stringContaining("checkpoint: ") });
      expect(Buffer.compare(readFileSync(join(place, output)), whole)).toBe(0);
      expect(readdirSync(join(place, checkpoint))).toHaveLength(2);
    },
  );
});

test("a second signal ends the process at once, in the middle of a step", async () => {
  const large = join(folder, "large.csv");
  writeFileSync(large, toTable(makeEvents({ users: 3000, items: 50, events: 12 })));
  // One step an epoch, of many times a signal's way.
  const settings = ["--model", "gru4rec", "--epochs", "1000", "--set", "embedding=96", "hidden=96", "batch=3000"];
  const place = makeFolder();
  const args = ["train", large, "--threads", "1", "--checkpoint", "checkpoints", ...settings];
  const outcome = await interrupt(args, place, "train 1/1000: loss", "SIGINT", "SIGTERM");
  expect([130, 143]).toContain(outcome.code);
  expect(outcome.stderr).not.toContain("stopped by");
});

describe("wrong usage", () => {
  test.each([
    ["no thread", ["--threads", "0"], /^attune: threads: got 0, expected a whole number from 1 to 32\./],
    ["too many threads", ["--threads", "33"], /^attune: threads: got 33, expected/],
    ["threads that are no number", ["--threads", "two"], /'two' is invalid\. Expected a whole number/],
    ["--resume alone", ["--resume"], /^attune: resume: got no checkpoint folder, expected one\. .*--checkpoint/],
  ])("%s (2)", async (_name, more, words) => {
    expect(await failureOf(["train", log, ...LONG, ...more], 2)).toMatch(words);
  });

  /** What a command says last: one line without a stack. */
  async function lastLine(args: readonly string[], code: number): Promise<string> {
    const outcome = await attune(args);
    expect(outcome).toMatchObject({ code, stdout: "" });
    expect(outcome.stderr).not.toMatch(/\n\s+at |node:internal/);
    const lines = outcome.stderr.split("\n").filter((line) => line.startsWith("attune: "));
    expect(lines).toHaveLength(1);
    return lines[0];
  }

  test("a folder that cannot be written (1), a checkpoint without --resume (2), of other settings (2), of other data (3), damaged (4)", async () => {
    const place = makeFolder();
    const short = ["--epochs", "1", "--model", "gru4rec", ...TINY];
    const file = join(place, "file");
    writeFileSync(file, "");
    for (const checkpoint of [file, join(file, "below")]) {
      const line = await lastLine(["train", log, "--checkpoint", checkpoint, ...short], 1);
      expect(line).toMatch(/cannot be used for checkpoints \((EEXIST|ENOTDIR)\), expected a folder to write to/);
    }
    const checkpoint = join(place, "checkpoints");
    await succeed(["train", log, "--checkpoint", checkpoint, ...short]);
    const again = ["train", log, "--checkpoint", checkpoint];
    expect(await lastLine([...again, ...short], 2)).toContain("Add --resume");
    expect(await lastLine([...again, "--resume", "--seed", "2", ...short], 2)).toContain("seed=1, got seed=2");
    const other = join(place, "other.csv");
    writeFileSync(other, toTable(makeEvents({ users: 299, events: 10 })));
    expect(await lastLine(["train", other, "--checkpoint", checkpoint, "--resume", ...short], 3)).toContain(
      "users 300",
    );
    for (const name of readdirSync(checkpoint)) writeFileSync(join(checkpoint, name), "no checkpoint");
    expect(await lastLine([...again, "--resume", ...short], 4)).toContain("no checkpoint can be read");
  });
});
