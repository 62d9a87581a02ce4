// Where Node finds the full module: beside the bundle in a package, in dist/ when run from source.

import { readFile } from "node:fs/promises";
import { InternalError } from "../errors.ts";
import { compile, createEngine, type TrainingEngine } from "./engine.ts";
import type { TrainingKernels } from "./kernels.ts";
import { offerRelaxed } from "./scanner.ts";

const FOLDERS = ["./", "../dist/", "../../dist/"];
/** Node 20 has relaxed SIMD behind a flag, and its baseline compiler gets it wrong. */
const NODE_WITHOUT_RELAXED = 20;

let compiled: Promise<WebAssembly.Module> | undefined;
let relaxed: Promise<WebAssembly.Module | undefined> | undefined;

/** Returns the compiled full module; compiled once in a process. */
export function fullModule(): Promise<WebAssembly.Module> {
  compiled ??= readFirst("attune.wasm").then(compile);
  return compiled;
}

/** Returns the compiled relaxed module; undefined where the runtime does not know relaxed SIMD. */
function relaxedModule(): Promise<WebAssembly.Module | undefined> {
  const [major] = process.versions.node.split(".").map(Number);
  if (major <= NODE_WITHOUT_RELAXED) return Promise.resolve(undefined);
  relaxed ??= readFirst("relaxed.wasm").then((bytes) => WebAssembly.compile(bytes).catch(() => undefined));
  return relaxed;
}

/** Creates an engine of its own memory over the full module. */
export async function createTrainingEngine(): Promise<TrainingEngine> {
  const [full, other] = await Promise.all([fullModule(), relaxedModule()]);
  const engine = await createEngine<TrainingKernels>(full);
  if (other) offerRelaxed(engine, other);
  return engine;
}

async function readFirst(name: string): Promise<Uint8Array<ArrayBuffer>> {
  for (const folder of FOLDERS) {
    try {
      return new Uint8Array(await readFile(new URL(folder + name, import.meta.url)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  throw new InternalError(
    "WASM_MISSING",
    `${name}: not found beside the code. Install the package again, or run npm run build in a checkout.`,
  );
}
