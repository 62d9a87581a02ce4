// Kills trainings, as kill -9 does, and resumes them until they finish. Every model has to be the unbroken run's, byte for byte.

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type LogShape, makeEvents, toTable } from "../cli/logs.ts";
import { type Random, randomOf } from "../reference/random.ts";

/** What is trained, and how often it is killed. */
export interface Torture {
  /** Folder of the repository. */
  root: string;
  log: LogShape;
  /** Further arguments of `attune train`. */
  settings: readonly string[];
  seed: number;
  /** Whether to kill before every file-system call of a save of a checkpoint, and of the model's. */
  inSaves: boolean;
  /** Kills at random times of the whole run, and of its last epoch. */
  anywhere: number;
  inLastEpoch: number;
  /** Trainings at once. */
  together: number;
  tell: (line: string) => void;
}

/** What became of one kill. */
export interface Kill {
  phase: string;
  /** Runs until the model was there, the killed one too. */
  runs: number;
  sameBytes: boolean;
  /** What was left beside the model and two checkpoints. */
  leftOver: string[];
  /** Epochs the run after the kill trained, and its seconds as a share of an unbroken epoch's. */
  epochs: number;
  cost: number;
  /** Whether the checkpoint of the epoch before the one that was killed was there. */
  upToDate: boolean;
}

/** What the unbroken run came to. */
interface Unbroken {
  sha256: string;
  /** Epochs before the refit, and of it. */
  epochs: number;
  refits: number;
  /** Milliseconds from the start to the first line, and of an epoch. */
  startMs: number;
  epochMs: number;
}

/** The saves that are killed before each of their calls: one that also removes an older checkpoint, and the model's. */
const SAVES = [
  { file: "checkpoint-", save: 3 },
  // The first two only look whether it could be written.
  { file: "model.safetensors", save: 3 },
];
/** Runs until one has that many saves: of states that come while one is being saved, only the newest is. */
const MOST_TRIES = 20;

/** Says what of one kill was wrong, or nothing. */
export function faultOf({ sameBytes, leftOver }: Kill): string | undefined {
  if (!sameBytes) return "another model";
  return leftOver.length > 0 ? `left ${leftOver.join(", ")}` : undefined;
}

/** Trains once unbroken, then kills: at random, and before every file-system call of the saves of a checkpoint and of the model. */
export async function torture(options: Torture): Promise<Kill[]> {
  const { root, log, seed, inSaves, anywhere, inLastEpoch, together, tell } = options;
  const folder = mkdtempSync(join(tmpdir(), "attune-torture-"));
  try {
    const data = join(folder, "log.csv");
    writeFileSync(data, toTable(makeEvents(log)));
    const runs = new Runs(root, data, options.settings);
    const unbroken = await runs.unbroken(join(folder, "unbroken"));
    const { epochs, refits, startMs, epochMs } = unbroken;
    tell(
      `unbroken: ${epochs} epochs and ${refits} of the refit of ${Math.round(epochMs)} ms, seed of the kills ${seed}`,
    );
    const random = randomOf(seed);
    const attempts: { what: string; start: (place: string) => Promise<Ended> }[] = [];
    for (const { file, save } of inSaves ? SAVES : []) {
      const calls = await runs.callsOf(join(folder, "listed"), file, save);
      for (const [index, call] of calls.entries()) {
        attempts.push({
          what: `before call ${index + 1} of ${calls.length} (${call}) of save ${save} of ${file}`,
          start: (place) => runs.killAtCall(place, file, save, index + 1),
        });
      }
    }
    // After a random line, of those that mark the phases: times alone would all hit one phase where others use the machine too.
    const epochsOf = (phase: string, count: number) => Array.from({ length: count }, (_, i) => `${phase} ${i + 1}/`);
    const lines = ["settings: ", ...epochsOf("train", epochs), "again on everything", ...epochsOf("refit", refits)];
    const attempt = (line: string | undefined, longestMs: number) => {
      const afterMs = random.unit() * longestMs;
      const what = `${Math.round(afterMs)} ms after ${line === undefined ? "the start" : `"${line}"`}`;
      attempts.push({ what, start: (place) => runs.killAfter(place, afterMs, line) });
    };
    for (let kill = 0; kill < anywhere; kill++) {
      const line = random.choose([undefined, ...lines]);
      attempt(line, line === undefined ? startMs : epochMs);
    }
    for (let kill = 0; kill < inLastEpoch; kill++) attempt(lines[lines.length - 2], epochMs);
    const kills: Kill[] = [];
    const entries = attempts.entries();
    const work = async () => {
      for (const [index, { what, start }] of entries) {
        const place = join(folder, String(index));
        const kill = await runs.resumeAfter(await start(place), place, unbroken, randomOf(seed + index));
        kills.push(kill);
        tell(`${index + 1}. ${what}: in ${kill.phase}, ${kill.runs} runs, ${faultOf(kill) ?? "the same bytes"}`);
        rmSync(place, { recursive: true });
      }
    };
    await Promise.all(Array.from({ length: together }, work));
    return kills;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How a run ended. */
interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts and kills trainings of one log. Each has a place, a folder with its model and its checkpoints. */
class Runs {
  constructor(
    readonly root: string,
    readonly data: string,
    readonly settings: readonly string[],
  ) {}

  /** Starts a training. */
  start(place: string, { preload, resume = false }: { preload?: string; resume?: boolean } = {}) {
    mkdirSync(place, { recursive: true });
    const hook = pathToFileURL(join(this.root, "test/torture/kill-at.mjs"));
    const node = preload === undefined ? [] : ["--import", `${hook}?${preload}`];
    const paths = ["-o", join(place, "model.safetensors"), "--checkpoint", join(place, "checkpoints")];
    const flags = [...paths, ...(resume ? ["--resume"] : []), "--json", ...this.settings];
    const child = spawn(process.execPath, [...node, join(this.root, "dist/cli.js"), "train", this.data, ...flags]);
    return { child, ended: endOf(child) };
  }

  /** Trains to the end, and learns what is needed to aim. */
  async unbroken(place: string): Promise<Unbroken> {
    const begunMs = performance.now();
    const { child, ended } = this.start(place);
    let startMs = 0;
    child.stderr.once("data", () => {
      startMs = performance.now() - begunMs;
    });
    const { code, stdout, stderr } = await ended;
    if (code !== 0) throw new Error(`the unbroken run ended with ${code}: ${stderr}`);
    const { sha256, seconds } = JSON.parse(stdout);
    const { epochs, refits } = epochsIn(stderr);
    return {
      sha256,
      epochs,
      refits,
      startMs,
      epochMs: (1000 * seconds) / (epochs + refits),
    };
  }

  /** Lists the file-system calls of one save. */
  async callsOf(place: string, file: string, save: number): Promise<string[]> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const list = join(place, "calls.json");
      await this.start(place, { preload: `file=${file}&save=${save}&call=0&list=${list}` }).ended;
      const calls: string[] = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : [];
      rmSync(place, { recursive: true });
      if (calls.length > 0) return calls;
    }
    throw new Error(`no run with save ${save} of ${file}`);
  }

  /** Kills a training before a file-system call of one save. */
  async killAtCall(place: string, file: string, save: number, call: number): Promise<Ended> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const outcome = await this.start(place, { preload: `file=${file}&save=${save}&call=${call}` }).ended;
      if (outcome.signal !== null) return outcome;
      rmSync(place, { recursive: true });
    }
    throw new Error(`no run with call ${call} of save ${save} of ${file}`);
  }

  /** Kills a training so long after its start, or after a line of its progress; if that is too late, another one earlier. */
  async killAfter(place: string, afterMs: number, line?: string): Promise<Ended> {
    const outcome = await this.killOnce(place, afterMs, line);
    if (outcome.signal !== null) return outcome;
    rmSync(place, { recursive: true });
    return this.killAfter(place, afterMs / 2, line);
  }

  /** Kills a training, or a resumed one, unless it ends before. */
  async killOnce(place: string, afterMs: number, line?: string, resume = false): Promise<Ended> {
    const { child, ended } = this.start(place, { resume });
    let timer: NodeJS.Timeout | undefined;
    const arm = () => {
      timer ??= setTimeout(() => child.kill("SIGKILL"), afterMs);
    };
    if (line === undefined) arm();
    else child.stderr.on("data", (text) => String(text).includes(line) && arm());
    const outcome = await ended;
    clearTimeout(timer);
    return outcome;
  }

  /** Resumes what was killed until it finishes, sometimes killing it again. */
  async resumeAfter(killed: Ended, place: string, unbroken: Unbroken, random: Random): Promise<Kill> {
    const phase = phaseOf(killed, place, unbroken);
    let runs = 1;
    while (runs < 4 && random.unit() < 0.25) {
      await this.killOnce(place, unbroken.startMs + random.unit() * 3 * unbroken.epochMs, undefined, true);
      runs++;
    }
    const last = await this.start(place, { resume: true }).ended;
    if (last.code !== 0) throw new Error(`after a kill in ${phase}: ended with ${last.code}: ${last.stderr}`);
    const model = readFileSync(join(place, "model.safetensors"));
    const { seconds } = JSON.parse(last.stdout);
    const resumed = epochsIn(last.stderr);
    const expected = /^(model|checkpoint-\d+)\.safetensors$/;
    return {
      phase,
      runs: runs + 1,
      sameBytes: createHash("sha256").update(model).digest("hex") === unbroken.sha256,
      leftOver: readdirSync(join(place, "checkpoints")).filter((name) => !expected.test(name)),
      epochs: resumed.epochs + resumed.refits,
      cost: (1000 * seconds) / unbroken.epochMs,
      upToDate: runs === 1 && last.stderr.includes(`refit, epoch ${unbroken.refits - 1} done`),
    };
  }
}

/** Counts the epochs that a run told to be over. */
function epochsIn(stderr: string): { epochs: number; refits: number } {
  const count = (phase: string) => stderr.match(new RegExp(` ${phase} \\d+/\\d+: loss`, "g"))?.length ?? 0;
  return { epochs: count("train"), refits: count("refit") };
}

/** Says what a run was doing when it was killed, from what it had told and left. */
function phaseOf({ code, stderr }: Ended, place: string, unbroken: Unbroken): string {
  if (code !== null) throw new Error(`not killed, but ended with ${code}: ${stderr}`);
  const checkpoints = join(place, "checkpoints");
  const isTemporary = (name: string) => name.endsWith(".tmp");
  if (readdirSync(place).some(isTemporary)) return "the save of the model";
  if (existsSync(checkpoints) && readdirSync(checkpoints).some(isTemporary)) return "the save of a checkpoint";
  const { epochs, refits } = epochsIn(stderr);
  if (!stderr.includes("settings: ")) return "the start";
  if (refits === unbroken.refits) return "the end, after the last epoch";
  const isRefitting = stderr.includes("again on everything");
  if (isRefitting && refits === unbroken.refits - 1) return "the last epoch";
  if (isRefitting) return "an earlier epoch of the refit";
  if (epochs === unbroken.epochs) return "the test, or the refit's first epoch";
  return epochs > 0 ? "a later epoch" : "the first epoch";
}

function endOf(child: ChildProcess): Promise<Ended> {
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
