// What a second thread is worth: whole trainings of gru4rec with one and with two threads, in turn, each in a process of its own. Then,
// on one thread, who has its time: kernels that threads share, kernels too small to be cut, and TypeScript between them.

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { prepareData } from "../src/api/source.ts";
import { configOf } from "../src/api/train.ts";
import { adaptConfig } from "../src/train/adapt.ts";
import { historyPlan } from "../src/train/history-lesson.ts";
import { lessonOf } from "../src/train/plan.ts";
import { trainNetwork } from "../src/train/train.ts";
import type { TrainingEngine } from "../src/wasm/engine.ts";
import type { TrainingKernels } from "../src/wasm/kernels.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";
import { type Axis, cut, extentOf, piecesOf } from "../src/wasm/team.ts";
import { formatSpread, spreadOf } from "./measure.ts";

const EPOCHS = 3;
const ROUNDS = 5;
const THREADS = [1, 2];

const execute = promisify(execFile);

interface Run {
  seconds: number;
  cpuSeconds: number;
}

/** Prints times, processor times and speed-up, then the parts of one thread's time. */
export async function benchThreads(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "attune-bench-"));
  try {
    const data = realLog() ?? writeLog(join(folder, "log.csv"));
    console.log(
      `  gru4rec, ${EPOCHS} epochs of ${realLog() ? "MovieLens-100K" : "a made-up log of its shape"}, ${ROUNDS} rounds`,
    );
    const runs = THREADS.map((): Run[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, threads] of THREADS.entries()) runs[index].push(await trainOnce(data, threads));
    }
    for (const [index, threads] of THREADS.entries()) {
      const [seconds, cpu, ratio] = [
        runs[index].map((run) => run.seconds),
        runs[index].map((run) => run.cpuSeconds),
        runs[index].map((run) => run.cpuSeconds / run.seconds),
      ];
      console.log(
        `  ${threads} thread${threads > 1 ? "s" : " "}  ${spread(seconds)} s, user + system ${spread(cpu)} s, ratio ${spread(ratio)}`,
      );
    }
    console.log(`  speed-up  ${spread(runs[0].map((run, round) => run.seconds / runs[1][round].seconds))}`);
    await printParts(data);
    console.log(
      `  load of the machine over 1, 5 and 15 minutes: ${loadavg()
        .map((load) => load.toFixed(1))
        .join(", ")}`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function trainOnce(data: string, threads: number): Promise<Run> {
  const program = ["scripts/run.mjs", "bench/threads-run.ts"];
  const { stdout } = await execute(process.execPath, [...program, data, String(threads), String(EPOCHS)]);
  return JSON.parse(stdout);
}

/** Trains on one thread and prints the shares of its time. */
async function printParts(data: string): Promise<void> {
  const asked = configOf("gru4rec", { epochs: EPOCHS, patience: EPOCHS });
  const { split } = await prepareData(data, asked);
  const config = adaptConfig(asked, split, split.histories.items.size);
  const lesson = lessonOf(config, historyPlan(config, split, {}, false).numbers);
  const engine = await createTrainingEngine();
  const ms = new Map<string, number>();
  let wholeMs = 0;
  // Of the time in shared kernels, what two threads that never wait for memory or for each other's words would still take.
  let halvedMs = 0;
  const each: TrainingEngine["each"] = (kernel: keyof TrainingKernels, axis, grain, ...rest) => {
    const startMs = performance.now();
    engine.each(kernel, axis, grain, ...rest);
    const spentMs = performance.now() - startMs;
    if (extentOf(axis) <= grain) wholeMs += spentMs;
    else {
      ms.set(kernel, (ms.get(kernel) ?? 0) + spentMs);
      halvedMs += spentMs * busierShare(axis, grain);
    }
  };
  const startMs = performance.now();
  trainNetwork({ engine: { ...engine, each }, config, lesson });
  const allMs = performance.now() - startMs;
  const percent = (part: number) => `${((100 * part) / allMs).toFixed(1)} %`;
  const sharedMs = [...ms.values()].reduce((sum, part) => sum + part, 0);
  const most = [...ms].sort((a, b) => b[1] - a[1]).slice(0, 5);
  console.log(`  time of one thread: ${percent(sharedMs)} in kernels that threads share`);
  console.log(`    of it ${most.map(([kernel, part]) => `${kernel} ${percent(part)}`).join(", ")}`);
  console.log(
    `    ${percent(wholeMs)} in calls too small to be cut, ${percent(allMs - sharedMs - wholeMs)} in TypeScript`,
  );
  console.log(`    two threads cut them to ${percent(halvedMs)}, as pieces are not all of one size`);
  console.log(`    so they are at most ${(allMs / (allMs - sharedMs + halvedMs)).toFixed(2)} times as fast`);
}

/** Share of a call's work that the busier of two threads does, where each takes the next piece as soon as it is free. */
function busierShare(axis: Axis, grain: number): number {
  const pieces = piecesOf(axis, grain, 2);
  const bounds: number[] = [];
  cut(axis, grain, pieces, bounds);
  const workBefore = (place: number) => (typeof axis === "number" ? place : axis[place]);
  const busy = [0, 0];
  for (let piece = 0; piece < pieces; piece++) {
    busy[busy[0] <= busy[1] ? 0 : 1] += workBefore(bounds[piece + 1]) - workBefore(bounds[piece]);
  }
  return Math.max(...busy) / (busy[0] + busy[1]);
}

function realLog(): string | undefined {
  const path = join(process.env.ATTUNE_DATA ?? "", "ml-100k/u.data.gz");
  return process.env.ATTUNE_DATA && existsSync(path) ? path : undefined;
}

/** Writes a log of 943 users with 20 to 737 events of 1,349 items, about 100,000 in all. */
function writeLog(path: string): string {
  const users = 943;
  const lines = ["user,item,time"];
  for (let user = 0; user < users; user++) {
    // A few long histories and many short ones, as people leave them.
    const events = 20 + Math.floor(717 / (1 + user / 120) ** 2);
    let item = (user * 7919) % 1349;
    for (let event = 0; event < events; event++) {
      lines.push(`u${user},i${item},${1_700_000_000 + event * users + user}`);
      item = event % 4 === 3 ? (item * 31 + user) % 1349 : (item + 1 + (event % 3)) % 1349;
    }
  }
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** Writes the median, and the least and greatest beside it. */
function spread(values: readonly number[]): string {
  return formatSpread(spreadOf(values), (value) => value.toFixed(2));
}
