// One engine: a WebAssembly instance, its memory, and the rule by which work is split. Everything above calls kernels only
// through an engine, so a runtime with threads differs here and nowhere else.

import { instantiate, instantiateSync } from "@assemblyscript/loader";
import { CapacityError, InternalError } from "../errors.ts";
import type { InferenceKernels, TrainingKernels } from "./kernels.ts";
import { createMemory, Memory } from "./memory.ts";
import { type Axis, extentOf, type Team } from "./team.ts";

/** Version of the interface between kernels and TypeScript; assembly/inference.ts answers with the same number. */
const ABI_VERSION = 1;

const notOurs = (why: string) =>
  new InternalError(
    "MODULE_MISMATCH",
    `WebAssembly module: does not fit (${why}), expected inference.wasm to answer with, and attune.wasm to train with only.`,
  );

/** What a kernel takes after its share, `begin` and `end`. */
type AfterShare<Kernel> = Kernel extends (begin: number, end: number, ...rest: infer Rest extends number[]) => unknown
  ? Rest
  : never;

/** What runs kernels. `K` says which module is behind it. */
export interface Engine<K extends InferenceKernels = InferenceKernels> {
  readonly kernels: K;
  readonly memory: Memory;
  /** Threads that share its kernels. */
  readonly threads: number;
  /**
   * Calls a kernel over the whole of the axis it splits by. Kernels give the same bits for any split, so the threads of an engine
   * share the axis; shares are multiples of `grain`.
   */
  each<Name extends keyof K & string>(kernel: Name, axis: Axis, grain: number, ...rest: AfterShare<K[Name]>): void;
}

/** An engine with the kernels of the full module. */
export type TrainingEngine = Engine<TrainingKernels>;

/**
 * Instantiates a module that is already compiled.
 * @param memory what it works on; left out, a memory of its own that no other thread sees
 * @param team who shares its kernels; left out, the calling thread runs them alone
 * @throws CapacityError `SIMD_MISSING` without WebAssembly SIMD · InternalError `ABI_MISMATCH` for another version's module,
 * `MODULE_MISMATCH` for one that wants another kind of memory
 */
export async function createEngine<K extends InferenceKernels>(
  module: WebAssembly.Module,
  memory = new Memory(createMemory(false)),
  team?: Team,
): Promise<Engine<K>> {
  try {
    return assemble(await instantiateQuickly(module, memory.wasm), memory, team);
  } catch (cause) {
    if (cause instanceof WebAssembly.LinkError) throw notOurs(cause.message);
    throw cause;
  }
}

/** Like `createEngine`, at once; for runtimes that allow it (not for large modules on a browser's main thread). */
export function createEngineSync<K extends InferenceKernels>(
  module: WebAssembly.Module,
  memory = new Memory(createMemory(false)),
): Engine<K> {
  const { instance } = instantiateSync(module, imports(memory.wasm));
  return assemble(instance, memory, undefined);
}

/** Instantiates a module beside others on one memory, for a thread that only runs kernels. @returns its kernels by name */
export function instantiateBeside(module: WebAssembly.Module, memory: WebAssembly.Memory): WebAssembly.Exports {
  return instantiateSync(module, imports(memory)).instance.exports;
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

/**
 * Instantiates at once where that is allowed: the loader's other way asks what a `Response` is first, for which Node loads its HTTP
 * client and takes 50 ms. Browsers may refuse it on their main thread.
 */
async function instantiateQuickly(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): Promise<WebAssembly.Instance> {
  try {
    return instantiateSync(module, imports(memory)).instance;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // biome-ignore lint/suspicious/noExplicitAny: the loader's own type of modules
    return (await instantiate(module as any, imports(memory))).instance;
  }
}

function imports(memory: WebAssembly.Memory) {
  return { env: { memory } };
}

function assemble<K extends InferenceKernels>(
  instance: WebAssembly.Instance,
  memory: Memory,
  team: Team | undefined,
): Engine<K> {
  const { exports } = instance;
  const kernels = exports as unknown as K;
  const version = typeof kernels.abiVersion === "function" ? kernels.abiVersion() : 0;
  if (version !== ABI_VERSION) {
    throw new InternalError(
      "ABI_MISMATCH",
      `WebAssembly module: interface version ${version}, expected ${ABI_VERSION}. Use the .wasm file of the same attune version.`,
    );
  }
  memory.startAt(kernels.heapBase() >>> 0);
  const alone: Engine<K>["each"] = (kernel, axis, _grain, ...rest) =>
    (exports[kernel] as (...all: number[]) => void)(0, extentOf(axis), ...rest);
  const together: Engine<K>["each"] = (kernel, axis, grain, ...rest) => team!.share(exports, kernel, axis, grain, rest);
  return { kernels, memory, threads: team?.threads ?? 1, each: team ? together : alone };
}
