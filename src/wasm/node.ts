// Where Node finds the modules and the code of worker threads: beside the bundle in a package, in dist/ when run from source.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { InternalError } from "../errors.ts";
import { compile, createEngine, type Engine, type TrainingEngine } from "./engine.ts";
import type { TrainingKernels } from "./kernels.ts";
import { createMemory, Memory } from "./memory.ts";
import { offerRelaxed } from "./scanner.ts";

const FOLDERS = ["./", "../dist/", "../../dist/"];
/** Node 20 has relaxed SIMD behind a flag, and its baseline compiler gets it wrong. */
const NODE_WITHOUT_RELAXED = 20;

const missing = (code: string, file: string) =>
  new InternalError(
    code,
    `${file}: not found beside the code. Install the package again, or run npm run build in a checkout.`,
  );

let full: Promise<WebAssembly.Module> | undefined;
let inference: Promise<WebAssembly.Module> | undefined;
let relaxed: Promise<WebAssembly.Module | undefined> | undefined;

/** Returns the compiled full module, which wants a shared memory; compiled once in a process. */
export function fullModule(): Promise<WebAssembly.Module> {
  full ??= readFirst("attune.wasm").then(compile);
  return full;
}

/** Returns the code of worker threads. @throws InternalError `WORKER_MISSING` */
export function workerFile(): URL {
  const files = FOLDERS.map((folder) => new URL(`${folder}worker.js`, import.meta.url));
  const found = files.find((file) => existsSync(file));
  if (!found) throw missing("WORKER_MISSING", "worker.js");
  return found;
}

/** Creates an engine of its own memory over the full module, for one thread. */
export async function createTrainingEngine(): Promise<TrainingEngine> {
  return createEngine<TrainingKernels>(await fullModule(), new Memory(createMemory(true)));
}

/** Creates an engine of its own memory that answers and measures, as edge functions have it. */
export async function createInferenceEngine(): Promise<Engine> {
  inference ??= readFirst("inference.wasm").then(compile);
  const [module, other] = await Promise.all([inference, relaxedModule()]);
  const engine = await createEngine(module);
  if (other) offerRelaxed(engine, other);
  return engine;
}

/** Returns the compiled relaxed module; undefined where the runtime does not know relaxed SIMD. */
function relaxedModule(): Promise<WebAssembly.Module | undefined> {
  const [major] = process.versions.node.split(".").map(Number);
  if (major <= NODE_WITHOUT_RELAXED) return Promise.resolve(undefined);
  relaxed ??= readFirst("relaxed.wasm").then((bytes) => WebAssembly.compile(bytes).catch(() => undefined));
  return relaxed;
}

async function readFirst(name: string): Promise<Uint8Array<ArrayBuffer>> {
  for (const folder of FOLDERS) {
    try {
      return new Uint8Array(await readFile(new URL(folder + name, import.meta.url)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw missing("WASM_MISSING", name);
}
