// Where Node finds the full module and the code of worker threads: beside the bundle in a package, in dist/ when run from source.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { InternalError } from "../errors.ts";
import { compile, createEngine, type TrainingEngine } from "./engine.ts";
import type { TrainingKernels } from "./kernels.ts";
import { createMemory, Memory } from "./memory.ts";

const FOLDERS = ["./", "../dist/", "../../dist/"];

const missing = (code: string, file: string) =>
  new InternalError(
    code,
    `${file}: not found beside the code. Install the package again, or run npm run build in a checkout.`,
  );

let compiled: Promise<WebAssembly.Module> | undefined;

/** Returns the compiled full module; compiled once in a process. */
export function fullModule(): Promise<WebAssembly.Module> {
  compiled ??= readFirst().then(compile);
  return compiled;
}

/** Returns the code of worker threads. @throws InternalError `WORKER_MISSING` */
export function workerFile(): URL {
  const files = FOLDERS.map((folder) => new URL(`${folder}worker.js`, import.meta.url));
  const found = files.find((file) => existsSync(file));
  if (!found) throw missing("WORKER_MISSING", "worker.js");
  return found;
}

/** Creates an engine of its own memory over the full module. */
export async function createTrainingEngine(): Promise<TrainingEngine> {
  return createEngine<TrainingKernels>(await fullModule(), new Memory(createMemory(true)));
}

async function readFirst(): Promise<Uint8Array<ArrayBuffer>> {
  for (const folder of FOLDERS) {
    try {
      return new Uint8Array(await readFile(new URL(`${folder}attune.wasm`, import.meta.url)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw missing("WASM_MISSING", "attune.wasm");
}
