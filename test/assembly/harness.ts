/**
 * Runs kernels under guard. Every buffer stands between canaries, inputs must come out as they went in, outputs start as poison,
 * and every case runs on every module that has the kernels (release, debug, inference), and once more cut into shares that each
 * start from the same memory, as threads would. All of that has to give the same bits.
 */

import { existsSync, readFileSync } from "node:fs";
import { createEngineSync, type TrainingEngine } from "../../src/wasm/engine.ts";
import type { TrainingKernels } from "../../src/wasm/kernels.ts";
import { createMemory, Memory } from "../../src/wasm/memory.ts";
import { expectClose, type Numbers } from "../reference/compare.ts";
import { ulpDistance } from "../reference/math.ts";
import type { Random } from "../reference/random.ts";

/** Bytes of canary on either side of a buffer. */
const CANARY_BYTES = 64;
/** What canaries and outputs hold: a quiet NaN as a float, so that whatever is computed from it shows, and no index. */
const POISON = 0x7fc5a5a5;

/** Sizes around the four lanes of a vector: 0, 1, lanes − 1, lanes, lanes + 1, 3·lanes + 3. */
export const SIZES = [0, 1, 3, 4, 5, 15];

type View = Float32Array | Int32Array | Float64Array;
type Kind = "f32" | "i32" | "f64";

/** One buffer of a run. */
export interface Buffer<V extends View = View> {
  kind: Kind;
  length: number;
  /** What it starts as; poison if there are none. */
  values?: ArrayLike<number>;
  /** Whether the kernels have to leave it alone. */
  fixed: boolean;
  /** Only carries the type. */
  view?: V;
}

const made = <V extends View>(kind: Kind, fixed: boolean, values?: ArrayLike<number>, length = 0): Buffer<V> => ({
  kind,
  fixed,
  values,
  length: values?.length ?? length,
});

/** Inputs: the run fails if a bit of them changes. */
export const reads = {
  f32: (values: ArrayLike<number>) => made<Float32Array>("f32", true, values),
  i32: (values: ArrayLike<number>) => made<Int32Array>("i32", true, values),
  f64: (values: ArrayLike<number>) => made<Float64Array>("f64", true, values),
};

/** Buffers that a kernel adds to, or uses up. */
export const updates = {
  f32: (values: ArrayLike<number>) => made<Float32Array>("f32", false, values),
  i32: (values: ArrayLike<number>) => made<Int32Array>("i32", false, values),
};

/** Outputs, poison until written. */
export const writes = {
  f32: (length: number) => made<Float32Array>("f32", false, undefined, length),
  i32: (length: number) => made<Int32Array>("i32", false, undefined, length),
  f64: (length: number) => made<Float64Array>("f64", false, undefined, length),
};

type Buffers = Record<string, Buffer>;
type Views<B extends Buffers> = { [Name in keyof B]: B[Name] extends Buffer<infer V> ? V : never };

/** What the body of a run works with. */
export interface Call<B extends Buffers> {
  kernels: TrainingKernels;
  /** Address of each buffer. */
  at: Record<keyof B, number>;
  /** A buffer as the kernels see it, to look at or change between two of them. */
  views: Views<B>;
  /** Calls a kernel over [0, extent), whole or in shares of multiples of `grain`, as `Engine.each` does. */
  each(extent: number, grain: number, call: (begin: number, end: number) => void): void;
}

interface Variant {
  name: string;
  engine: TrainingEngine;
}

function load(path: string, index: number): Variant {
  const file = new URL(`../../${path}`, import.meta.url);
  if (!existsSync(file)) throw new Error(`${path}: not built. Run: node scripts/build.mjs wasm`);
  // The full modules share their memory between threads.
  const memory = new Memory(createMemory(index < COMPLETE));
  const engine = createEngineSync<TrainingKernels>(new WebAssembly.Module(readFileSync(file)), memory);
  return { name: path, engine };
}

/** How many of the modules have every kernel. */
const COMPLETE = 2;

/** The modules: the two that have every kernel first, then the one that has what an answer needs. */
export const variants: Variant[] = ["dist/attune.wasm", "build/attune.debug.wasm", "dist/inference.wasm"].map(load);
const BYTES = { f32: 4, i32: 4, f64: 8 };

/** A kernel that this module does not have. */
class Missing extends Error {}

/**
 * Runs `body` on every variant that has its kernels, whole, and on the release module in shares.
 *
 * @param quick only the release module, whole: for the many evaluations of a finite difference
 * @returns what each buffer holds at the end
 */
export function run<B extends Buffers>(buffers: B, body: (call: Call<B>) => void, quick = false): Views<B> {
  const first = execute(variants[0], buffers, body, false);
  if (quick) return first;
  for (const [index, variant] of variants.entries()) {
    if (index === 0) continue;
    try {
      expectSameBits(`${variant.name} against ${variants[0].name}`, execute(variant, buffers, body, false), first);
    } catch (error) {
      if (!(error instanceof Missing) || index < COMPLETE) throw error;
    }
  }
  expectSameBits("in shares against as a whole", execute(variants[0], buffers, body, true), first);
  return first;
}

/** Throws unless all buffers are the same, bit for bit; any NaN equals any other. */
function expectSameBits(what: string, got: Record<string, View>, want: Record<string, View>): void {
  for (const name of Object.keys(want)) {
    if (got[name].length !== want[name].length) {
      throw new Error(`${what}: ${name} has ${got[name].length} entries, want ${want[name].length}`);
    }
    for (let i = 0; i < want[name].length; i++) {
      if (!Object.is(got[name][i], want[name][i])) {
        const ulps = ulpDistance(got[name][i], want[name][i]);
        throw new Error(`${what}: ${name}[${i}]: got ${got[name][i]}, want ${want[name][i]}, ${ulps} ULP (limit 0)`);
      }
    }
  }
}

/** Throws unless an output still is what it was before the run. */
export function expectUntouched(name: string, view: Float32Array, indices: Iterable<number>): void {
  const words = new Int32Array(view.buffer, view.byteOffset, view.length);
  for (const i of indices) {
    if (words[i] !== POISON) throw new Error(`${name}[${i}]: got ${view[i]}, want it untouched`);
  }
}

function execute<B extends Buffers>(
  { name, engine }: Variant,
  buffers: B,
  body: (call: Call<B>) => void,
  inShares: boolean,
): Views<B> {
  const { memory } = engine;
  const mark = memory.mark();
  const blocks = Object.entries(buffers).map(([buffer, { kind, length, values, fixed }]) => {
    const bytes = length * BYTES[kind];
    const block = memory.planF32((bytes + 2 * CANARY_BYTES) / 4);
    return { buffer, kind, length, values, fixed, block, at: block + CANARY_BYTES, bytes };
  });
  const end = memory.mark();
  try {
    // Views only now: planning may have grown the memory.
    const words = memory.i32(mark, (end - mark) / 4).fill(POISON);
    const viewOf = ({ kind, at, length }: (typeof blocks)[number]): View => memory[kind](at, length);
    for (const block of blocks) if (block.values) viewOf(block).set(block.values);
    const initial = words.slice();

    const checkCanaries = (): void => {
      for (const { buffer, block, at, bytes } of blocks) {
        const from = (block - mark) / 4;
        const begin = (at - mark) / 4;
        const stop = begin + bytes / 4;
        for (let i = from; i < begin; i++) {
          if (words[i] !== POISON) throw new Error(`${name}: canary ${4 * (begin - i)} bytes before ${buffer} is dead`);
        }
        for (let i = stop; i < stop + CANARY_BYTES / 4; i++) {
          if (words[i] !== POISON) throw new Error(`${name}: canary ${4 * (i - stop)} bytes after ${buffer} is dead`);
        }
      }
    };
    const whole: Call<B>["each"] = (extent, _grain, call) => {
      call(0, extent);
      checkCanaries();
    };
    const shared: Call<B>["each"] = (extent, grain, call) => {
      const before = words.slice();
      const merged = before.slice();
      for (const [begin, stop] of sharesOf(extent, grain)) {
        words.set(before);
        call(begin, stop);
        checkCanaries();
        for (let i = 0; i < words.length; i++) {
          if (words[i] === before[i]) continue;
          if (merged[i] !== before[i]) throw new Error(`${ownerOf(i)}: written by two shares of ${extent}`);
          merged[i] = words[i];
        }
      }
      words.set(merged);
    };
    const ownerOf = (word: number): string => {
      const owner = blocks.findLast(({ block }) => block <= mark + 4 * word);
      return owner ? `${name}: word ${word - (owner.at - mark) / 4} of ${owner.buffer}` : name;
    };

    const all = Object.fromEntries(blocks.map((block) => [block.buffer, viewOf(block)])) as Views<B>;
    body({
      kernels: guarded(engine.kernels),
      at: Object.fromEntries(blocks.map(({ buffer, at }) => [buffer, at])) as Record<keyof B, number>,
      views: all,
      each: inShares ? shared : whole,
    });
    checkCanaries();
    for (const { buffer, fixed, at, bytes } of blocks) {
      if (!fixed) continue;
      const begin = (at - mark) / 4;
      for (let i = begin; i < begin + bytes / 4; i++) {
        if (words[i] !== initial[i]) throw new Error(`${name}: input ${buffer}[${i - begin}] was changed`);
      }
    }
    return Object.fromEntries(blocks.map((block) => [block.buffer, viewOf(block).slice()])) as Views<B>;
  } finally {
    memory.release(mark);
  }
}

function guarded(kernels: TrainingKernels): TrainingKernels {
  return new Proxy(kernels, {
    get(target, name) {
      const kernel = Reflect.get(target, name);
      if (kernel === undefined) throw new Missing(String(name));
      return kernel;
    },
  });
}

/** Three uneven shares, last first; some of them are empty for small extents. */
function sharesOf(extent: number, grain: number): [number, number][] {
  const cut = (share: number): number => Math.min(extent, Math.ceil((extent * share) / grain) * grain);
  const [a, b] = [cut(0.3), cut(0.62)];
  return [
    [b, extent],
    [a, b],
    [0, a],
  ];
}

/** Draws floats from [−bound, bound), each a value that f32 has. */
export function floats(random: Random, length: number, bound = 1): number[] {
  return random.vector(length, bound).map(Math.fround);
}

/** Draws rows of such floats. */
export function floatRows(random: Random, rows: number, columns: number, bound = 1): number[][] {
  return random.matrix(rows, columns, bound).map((row) => row.map(Math.fround));
}

/** A packed batch: step t of sequence b is row offsets[t] + b. */
export interface Packing {
  /** Falling. */
  lengths: number[];
  /** First row of each step, and the number of rows. */
  offsets: number[];
  steps: number;
  rows: number;
}

/** Packs lengths, which have to fall. */
export function packing(lengths: number[]): Packing {
  const steps = lengths[0] ?? 0;
  const offsets = [0];
  for (let t = 0; t < steps; t++) offsets.push(offsets[t] + lengths.filter((length) => length > t).length);
  return { lengths, offsets, steps, rows: offsets[steps] };
}

/** Draws a packing: ragged, all equal, or one sequence. */
export function randomPacking(random: Random, sequences = 6, steps = 7): Packing {
  const count = random.choose([1, random.integer(2, sequences)]);
  const longest = random.integer(1, steps);
  const equal = random.choose([true, false, false]);
  const lengths = Array.from({ length: count }, () => (equal ? longest : random.integer(1, longest)));
  return packing(lengths.sort((one, other) => other - one));
}

/** Lays [b][t][d] out in packed rows. */
export function packRows({ lengths, offsets, rows }: Packing, sequences: readonly number[][][]): number[] {
  const packed: number[][] = new Array(rows);
  for (let b = 0; b < lengths.length; b++) {
    for (let t = 0; t < lengths[b]; t++) packed[offsets[t] + b] = sequences[b][t];
  }
  return packed.flat();
}

/** Lays [b][t] out in packed rows. */
export function packNumbers(batch: Packing, sequences: readonly number[][]): number[] {
  return packRows(
    batch,
    sequences.map((sequence) => sequence.map((value) => [value])),
  );
}

/** Takes packed rows apart into [b][t][d]. */
export function unpackRows({ lengths, offsets }: Packing, flat: ArrayLike<number>, width: number): number[][][] {
  return lengths.map((length, b) =>
    Array.from({ length }, (_, t) => Array.from({ length: width }, (_, d) => flat[(offsets[t] + b) * width + d])),
  );
}

/** Takes packed numbers apart into [b][t]. */
export function unpackNumbers(batch: Packing, flat: ArrayLike<number>): number[][] {
  return unpackRows(batch, flat, 1).map((sequence) => sequence.flat());
}

/** Largest normalised mean squared error, Σ (got − want)² / Σ want², of anything. */
const NMSE_LIMIT = 1e-7;

/**
 * Throws unless got is within `limit` of want, in units of the largest |want|, and Σ (got − want)² ≤ limit²·Σ want² (1e-7 at
 * most).
 *
 * @param limit 1e-5 leaves room for sums of a few hundred floats in another order
 */
export function expectNear(name: string, axes: string[], got: Numbers, want: Numbers, limit = 1e-5): void {
  const wanted = leaves(want);
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
  expectClose(name, axes, got, want, { absolute: limit * scale, relative: 0 });
  const gotten = leaves(got);
  let error = 0;
  let size = 0;
  for (let i = 0; i < wanted.length; i++) {
    error += (gotten[i] - wanted[i]) ** 2;
    size += wanted[i] ** 2;
  }
  const most = Math.min(NMSE_LIMIT, limit * limit);
  if (size > 1e-6 * wanted.length && !(error <= most * size)) {
    throw new Error(`${name}: normalised mean squared error ${error / size} (limit ${most})`);
  }
}

function leaves(numbers: Numbers): number[] {
  return typeof numbers === "number" ? [numbers] : (numbers as Numbers[]).flatMap(leaves);
}

/** f32 steps: wide enough that rounding (1e-7 of a loss of about 1) stays below 1e-4 of a difference. */
const STEP = 2 ** -7;
const MEAN_LIMIT = 2e-4;
const WORST_LIMIT = 3e-3;

/**
 * Throws unless a gradient that kernels gave agrees with central differences of the loss that kernels gave: mean absolute error
 * ≤ 2e-4, none above 3e-3.
 *
 * @param values moved in place and put back
 */
export function expectDifferences(
  name: string,
  loss: () => number,
  values: number[],
  gradient: ArrayLike<number>,
  step = STEP,
): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    const before = values[i];
    const [high, low] = [Math.fround(before + step), Math.fround(before - step)];
    values[i] = high;
    const above = loss();
    values[i] = low;
    const below = loss();
    values[i] = before;
    const numeric = (above - below) / (high - low);
    const error = Math.abs(gradient[i] - numeric);
    if (!(error <= WORST_LIMIT)) throw new Error(`${name}[${i}]: gradient ${gradient[i]}, difference ${numeric}`);
    sum += error;
  }
  if (!(sum <= MEAN_LIMIT * values.length)) {
    throw new Error(`${name}: mean error of the gradient ${sum / values.length} (limit ${MEAN_LIMIT})`);
  }
}

/** Returns Σ a·b in f64: the loss whose gradient for a is b. */
export function weigh(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
