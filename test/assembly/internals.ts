/**
 * What kernels are made of and modules do not export: elementary functions and the raw random numbers, over whole arrays. The
 * entry below is compiled here and shipped nowhere. It is a string because AssemblyScript's types are not TypeScript's.
 */

import { readFileSync } from "node:fs";
import asc from "assemblyscript/asc";

const ENTRY = `
const ZEROS: usize = 3 << 20;
const SPARE0: usize = 0x340000;
const SPARE1: usize = 0x380000;
import { sigmoidGates, squashAll } from "./assembly/core/gates";
import { expAllF32, expColumnsF32, expF32, expF32x4, logF64, sigmoidF32x4, tanhF32x4 } from "./assembly/core/math";
import { normalQuantile, randomBits, streamKey } from "./assembly/core/rng";

export function exp(n: i32, x: usize, y: usize): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(y + i, expF32x4(v128.load(x + i)));
}
export function sigmoid(n: i32, x: usize, y: usize): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(y + i, sigmoidF32x4(v128.load(x + i)));
}
export function tanh(n: i32, x: usize, y: usize): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 16) v128.store(y + i, tanhF32x4(v128.load(x + i)));
}
export function expOfOne(n: i32, x: usize, y: usize): void {
  for (let i: usize = 0; i < <usize>n << 2; i += 4) store<f32>(y + i, expF32(load<f32>(x + i)));
}
export function expAll(n: i32, x: usize, y: usize): void {
  memory.copy(y, x, <usize>n << 2);
  v128.store(y + (<usize>n << 2), expAllF32(y, y + (<usize>n << 2), f32x4.splat(0)));
}
export function expColumns(rows: i32, columns: i32, x: usize, shift: usize, sums: usize): void {
  expColumnsF32(rows, columns, <usize>columns << 2, x, shift, sums, SPARE0);
}
export function sigmoidAll(n: i32, x: usize, y: usize): void {
  memory.fill(ZEROS, 0, <usize>n << 2);
  sigmoidGates(n, x, f32x4.splat(1), ZEROS, ZEROS, ZEROS, y, SPARE0);
}
export function tanhAll(n: i32, x: usize, y: usize): void {
  memory.copy(y, x, <usize>n << 2);
  squashAll(0, y, y + (<usize>n << 2), SPARE0, SPARE1);
}
export function log(x: f64): f64 { return logF64(x); }
export function quantile(p: f64): f64 { return normalQuantile(p); }
export function bits(n: i32, y: usize, seed: u32, stream: u32, step: u32, first: i64): void {
  const key = streamKey(seed, stream, step);
  for (let i = 0; i < n; i++) store<u64>(y + (<usize>i << 3), randomBits(key, <u64>first + <u64>i));
}
`;

/** Floats (or pairs of them) that one call takes. */
export const BLOCK = 1 << 16;
const INPUT = 1 << 20;
const OUTPUT = 1 << 21;

interface Exports {
  memory: WebAssembly.Memory;
  exp(n: number, x: number, y: number): void;
  sigmoid(n: number, x: number, y: number): void;
  tanh(n: number, x: number, y: number): void;
  expOfOne(n: number, x: number, y: number): void;
  expAll(n: number, x: number, y: number): void;
  expColumns(rows: number, columns: number, x: number, shift: number, sums: number): void;
  sigmoidAll(n: number, x: number, y: number): void;
  tanhAll(n: number, x: number, y: number): void;
  log(x: number): number;
  quantile(p: number): number;
  bits(n: number, y: number, seed: number, stream: number, step: number, first: bigint): void;
}

/** The compiled entry; `input` and `output` are BLOCK floats each. */
export interface Internals extends Exports {
  input: Float32Array;
  output: Float32Array;
  /** Runs an array function over `input`, into `output`. */
  apply(name: "exp" | "sigmoid" | "tanh" | "expOfOne" | "expAll", count: number): Float32Array;
  /** Runs an array function that takes any count over `input`, into `output`. */
  applyTo(name: "sigmoidAll" | "tanhAll", count: number): Float32Array;
  /** Returns 64 random bits for each of `count` ≤ BLOCK indices. */
  draw(count: number, seed: number, stream: number, step: number, first?: bigint): BigUint64Array;
}

/** Compiles the entry, with the settings of the release module. */
export async function compileInternals(): Promise<Internals> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const options = [
    "--runtime",
    "stub",
    "--enable",
    "simd,bulk-memory",
    "--memoryBase",
    "1024",
    "--initialMemory",
    "64",
  ];
  const { error, stderr } = await asc.main(["entry.ts", "--outFile", "entry.wasm", ...options, "-O3", "--converge"], {
    readFile: (name) => {
      if (name === "entry.ts") return ENTRY;
      if (!name.startsWith("assembly/core/")) return null;
      try {
        return readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
      } catch {
        return null;
      }
    },
    writeFile: (_name, contents) => {
      binary = new Uint8Array(contents as Uint8Array<ArrayBuffer>);
    },
    listFiles: () => [],
  });
  if (error || !binary) throw new Error(`the entry did not compile: ${stderr}`, { cause: error });
  const abort = (): never => {
    throw new Error("the entry aborted");
  };
  const { instance } = await WebAssembly.instantiate(binary, { env: { abort } });
  const exports = instance.exports as unknown as Exports;
  const { buffer } = exports.memory;
  const input = new Float32Array(buffer, INPUT, BLOCK);
  const output = new Float32Array(buffer, OUTPUT, BLOCK);
  return {
    ...exports,
    input,
    output,
    apply: (name, count) => {
      exports[name](Math.ceil(count / 4) * 4, INPUT, OUTPUT);
      return output.subarray(0, count);
    },
    applyTo: (name, count) => {
      exports[name](count, INPUT, OUTPUT);
      return output.subarray(0, count);
    },
    draw: (count, seed, stream, step, first = 0n) => {
      exports.bits(count, OUTPUT, seed, stream, step, first);
      return new BigUint64Array(buffer, OUTPUT, count).slice();
    },
  };
}
