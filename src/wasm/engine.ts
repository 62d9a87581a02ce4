// One engine: a WebAssembly instance, its memory, and the rule by which work is split. Everything above calls kernels only
// through an engine, so a runtime with threads differs here and nowhere else.

import { instantiate, instantiateSync } from "@assemblyscript/loader";
import { CapacityError, InternalError } from "../errors.ts";
import type { InferenceKernels, TrainingKernels } from "./kernels.ts";
import { Memory } from "./memory.ts";

/** Version of the interface between kernels and TypeScript; assembly/inference.ts answers with the same number. */
const ABI_VERSION = 1;
const INITIAL_PAGES = 2;

/** What runs kernels. `K` says which module is behind it. */
export interface Engine<K extends InferenceKernels = InferenceKernels> {
  readonly kernels: K;
  readonly memory: Memory;
  /**
   * Calls a kernel over [0, extent) of the axis it splits by. Shares are multiples of `grain`. One thread gets the whole
   * axis; kernels give the same bits for any split, so more threads may share it.
   */
  each(extent: number, grain: number, call: (begin: number, end: number) => void): void;
}

/** An engine with the kernels of the full module. */
export type TrainingEngine = Engine<TrainingKernels>;

/**
 * Instantiates a module that is already compiled.
 * @throws CapacityError `SIMD_MISSING` without WebAssembly SIMD · InternalError `ABI_MISMATCH` for another version's module
 */
export async function createEngine<K extends InferenceKernels>(module: WebAssembly.Module): Promise<Engine<K>> {
  const memory = new Memory(INITIAL_PAGES);
  // biome-ignore lint/suspicious/noExplicitAny: the loader's own type of imports
  const { instance } = await instantiate(module as any, imports(memory));
  return assemble(instance, memory);
}

/** Like `createEngine`, at once; for runtimes that allow it (not for large modules on a browser's main thread). */
export function createEngineSync<K extends InferenceKernels>(module: WebAssembly.Module): Engine<K> {
  const memory = new Memory(INITIAL_PAGES);
  const { instance } = instantiateSync(module, imports(memory));
  return assemble(instance, memory);
}

/**
 * Compiles a module from bytes.
 * @throws CapacityError `SIMD_MISSING` where WebAssembly SIMD is not supported
 */
export async function compile(bytes: BufferSource): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new CapacityError(
      "SIMD_MISSING",
      `WebAssembly: this runtime does not compile the kernels (${cause instanceof Error ? cause.message : cause}). ` +
        "They need fixed-width SIMD: Node 16.4, Chrome 91, Firefox 89, Safari 16.4 or newer.",
    );
  }
}

function imports(memory: Memory) {
  return { env: { memory: memory.wasm } };
}

function assemble<K extends InferenceKernels>(instance: WebAssembly.Instance, memory: Memory): Engine<K> {
  const kernels = instance.exports as unknown as K;
  const version = typeof kernels.abiVersion === "function" ? kernels.abiVersion() : 0;
  if (version !== ABI_VERSION) {
    throw new InternalError(
      "ABI_MISMATCH",
      `WebAssembly module: interface version ${version}, expected ${ABI_VERSION}. Use the .wasm file of the same attune version.`,
    );
  }
  memory.startAt(kernels.heapBase() >>> 0);
  return { kernels, memory, each: (extent, _grain, call) => call(0, extent) };
}
