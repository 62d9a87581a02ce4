// Where Node finds the full module: beside the bundle in a package, in dist/ when run from source.

import { readFile } from "node:fs/promises";
import { InternalError } from "../errors.ts";
import { compile, createEngine, type TrainingEngine } from "./engine.ts";
import type { TrainingKernels } from "./kernels.ts";
import { createMemory, Memory } from "./memory.ts";

const CANDIDATES = ["./attune.wasm", "../dist/attune.wasm", "../../dist/attune.wasm"];

let compiled: Promise<WebAssembly.Module> | undefined;

/** Returns the compiled full module; compiled once in a process. */
export function fullModule(): Promise<WebAssembly.Module> {
  compiled ??= readFirst().then(compile);
  return compiled;
}

/** Creates an engine of its own memory over the full module. */
export async function createTrainingEngine(): Promise<TrainingEngine> {
  return createEngine<TrainingKernels>(await fullModule(), new Memory(createMemory(true)));
}

async function readFirst(): Promise<Uint8Array<ArrayBuffer>> {
  for (const path of CANDIDATES) {
    try {
      return new Uint8Array(await readFile(new URL(path, import.meta.url)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new InternalError(
    "WASM_MISSING",
    "attune.wasm: not found beside the code. Install the package again, or run npm run build in a checkout.",
  );
}
