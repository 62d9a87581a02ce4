/** Runs the built command as a user's shell does, and makes sure that it is the command of the present sources. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The built command. */
export const CLI = join(ROOT, "dist/cli.js");

/** What the command has from outside src/. */
const SUITES = ["suites", "measure", "team", "kernel", "steps", "rank", "growth-training", "profile", "report"].map(
  (name) => `bench/${name}.ts`,
);

assertFresh();

/** How a command ended. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `attune` with arguments and waits for its end. */
export function attune(args: readonly string[], options: { input?: string | Uint8Array; cwd?: string } = {}) {
  const child = startAttune(args, options.cwd);
  // A command that fails at once does not read what it is given.
  child.stdin!.on("error", () => {});
  child.stdin!.end(options.input ?? "");
  return ended(child);
}

/** Starts `attune` with open pipes. */
export function startAttune(args: readonly string[], cwd?: string): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], { cwd, stdio: "pipe" });
}

/** Waits for the end of a command, collecting what it says. */
export async function ended(child: ChildProcess): Promise<Outcome> {
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
}

/** Runs a command that has to succeed. */
export async function succeed(args: readonly string[], options: Parameters<typeof attune>[1] = {}): Promise<Outcome> {
  const outcome = await attune(args, options);
  expect(outcome, `attune ${args.join(" ")}`.slice(0, 500)).toMatchObject({ code: 0, signal: null });
  return outcome;
}

/** Runs a command with `--json` and returns the one object it prints: nothing else may be on stdout. */
export async function jsonOf(
  args: readonly string[],
  options: Parameters<typeof attune>[1] = {},
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what tests ask about
): Promise<any> {
  const { stdout } = await succeed([...args, "--json"], options);
  expect(stdout.split("\n"), "one line and its end").toHaveLength(2);
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout);
}

/** Runs a command that has to fail: nothing on stdout, and one line that begins with the program's name. */
export async function failureOf(args: readonly string[], code: number): Promise<string> {
  const outcome = await attune(args);
  expect(outcome, `attune ${args.join(" ")}`.slice(0, 500)).toMatchObject({ code, signal: null, stdout: "" });
  expect(outcome.stderr).toMatch(/^attune: [^\n]*[.!?)]\n$/);
  expect(outcome.stderr).not.toMatch(/\n\s+at |node:internal|undefined|\[object/);
  return outcome.stderr;
}

/** Makes a folder that is gone after the file's tests. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-test-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function assertFresh(): void {
  const newest = Math.max(newestTime(join(ROOT, "src")), ...SUITES.map((file) => statSync(join(ROOT, file)).mtimeMs));
  if (!existsSync(CLI) || statSync(CLI).mtimeMs < newest) {
    throw new Error("dist/cli.js is missing or older than its sources: run npm run build.");
  }
}

function newestTime(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs));
}
