// PyTorch as Debian has it (python3-torch, libopenblas0-pthread), in a process of its own that trains the batches whenever it is asked.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** What both sides train: the same weights at first, the same batches. */
export interface Exercise {
  items: number;
  embedding: number;
  hidden: number;
  dropout: number;
  batch: number;
  /** Items of each history; every position but the last predicts the next. */
  sequences: readonly Int32Array[];
  /** Histories that train, in order; a batch is a run of them. */
  order: readonly number[];
  /** Start weights by PyTorch's names. */
  weights: readonly { name: string; shape: readonly number[]; values: Float32Array }[];
}

/** How a peer is run. */
export interface PeerForm {
  name: string;
  form: "padded" | "packed";
  /** Tells glibc's allocator to keep memory instead of giving it back to the system after each step. */
  tuned: boolean;
}

/** PyTorch, ready to train. */
export interface TorchPeer {
  version: string;
  coreType: string;
  /** Mean loss of the first batch without dropout, to compare before anything is timed. */
  loss: number;
  /** Trains the batches once. @returns seconds */
  round(): Promise<number>;
  close(): void;
}

const GIGABYTES = 8 * 2 ** 30;
const TUNABLES = {
  "glibc.malloc.hugetlb": 1,
  "glibc.malloc.mmap_max": 0,
  "glibc.malloc.trim_threshold": GIGABYTES,
  "glibc.malloc.top_pad": 2 ** 28,
};
const PYTHON = process.env.ATTUNE_PYTHON ?? "/usr/bin/python3";
const PROGRAM = new URL("../bench/peers/pytorch.py", import.meta.url).pathname;

/** Writes an exercise where the peer reads it. */
export function writeExercise(folder: string, exercise: Exercise): void {
  mkdirSync(folder, { recursive: true });
  const { sequences, order, weights, ...config } = exercise;
  const offsets = [0];
  for (const { length } of sequences) offsets.push(offsets[offsets.length - 1] + length);
  const items = new Int32Array(offsets[sequences.length]);
  for (const [index, sequence] of sequences.entries()) items.set(sequence, offsets[index]);
  const shapes = weights.map(({ name, shape }) => [name, shape]);
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, weights: shapes }));
  writeFileSync(join(folder, "offsets.i32"), Int32Array.from(offsets));
  writeFileSync(join(folder, "order.i32"), Int32Array.from(order));
  writeFileSync(join(folder, "items.i32"), items);
  for (const { name, values } of weights) writeFileSync(join(folder, name), values);
}

/** Starts PyTorch on an exercise; undefined, with the reason printed, where there is none. */
export async function openTorch(
  folder: string,
  { form, tuned }: PeerForm,
  threads: number,
): Promise<TorchPeer | undefined> {
  const tunables = Object.entries(TUNABLES).map(([name, value]) => `${name}=${value}`);
  const env = { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) };
  const child = spawn(PYTHON, [PROGRAM, folder, form, String(threads)], {
    env: tuned ? { ...env, GLIBC_TUNABLES: tunables.join(":") } : env,
  });
  const errors: string[] = [];
  child.stderr.on("data", (text) => errors.push(String(text)));
  child.on("error", (error) => errors.push(error.message));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hello = await answers.next();
  if (hello.done) {
    console.log(`  PyTorch: not there (${errors.join("").trim().split("\n").at(-1)}); its rows are left out`);
    return undefined;
  }
  const { version, coreType, loss } = JSON.parse(hello.value);
  return {
    version,
    coreType,
    loss,
    round: () => ask(child, answers, errors),
    close: () => void child.stdin.end(),
  };
}

async function ask(
  child: ChildProcessWithoutNullStreams,
  answers: AsyncIterator<string>,
  errors: readonly string[],
): Promise<number> {
  child.stdin.write("\n");
  const { value, done } = await answers.next();
  if (done) throw new Error(`PyTorch ended: ${errors.join("").trim()}`);
  return JSON.parse(value).seconds;
}
