// The one owner of WebAssembly memory: growth, views, and the plan of who lives where. Kernels only get addresses.
//
//   0 … heapBase        data of the module (tables of log)
//   heapBase … mark     what lives as long as the model: parameters, gradients, optimiser
//   mark … end          the plan of one step or request, released before the next

import { CapacityError } from "../errors.ts";

const PAGE_BYTES = 65_536;
/** Pages a module needs to start. */
const INITIAL_PAGES = 2;
/** The limit of 32-bit WebAssembly: 4 GiB. */
const MAX_PAGES = 65_536;
const ALIGN_BYTES = 16;

const overLimit = (wantedBytes: number) =>
  new CapacityError(
    "MEMORY_LIMIT",
    `WebAssembly memory: this step needs at least ${mebibytes(wantedBytes)} MiB, the limit is ${mebibytes(MAX_PAGES * PAGE_BYTES)} MiB. ` +
      "Lower --set batch=…, embedding=… or window=…, or drop rare items with --k-core.",
  );
const refused = (wantedBytes: number) =>
  new CapacityError(
    "MEMORY_REFUSED",
    `WebAssembly memory: the runtime refused to grow it to ${mebibytes(wantedBytes)} MiB. Free memory or use a smaller model.`,
  );
const mebibytes = (bytes: number) => Math.ceil(bytes / 1_048_576).toLocaleString("en");

/**
 * Makes the memory of a module; the full module wants a shared one, the one for answers its own.
 * @throws CapacityError `MEMORY_REFUSED`
 */
export function createMemory(shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared });
  } catch {
    throw refused(INITIAL_PAGES * PAGE_BYTES);
  }
}

/** Linear memory with a bump plan above the module's own data. Addresses are byte offsets, 16-byte aligned. */
export class Memory {
  #next = 0;
  #peak = 0;
  #f32: Float32Array;
  #i32: Int32Array;
  #f64: Float64Array;

  /** @param wasm the memory itself, which may be shared between threads; one of them plans */
  constructor(readonly wasm: WebAssembly.Memory) {
    this.#f32 = new Float32Array(wasm.buffer);
    this.#i32 = new Int32Array(wasm.buffer);
    this.#f64 = new Float64Array(wasm.buffer);
  }

  /** Starts the plan at the first byte the module does not use itself. */
  startAt(heapBase: number): void {
    this.#next = align(heapBase);
  }

  /** Plans `count` floats and returns their address. Their content is undefined. */
  planF32(count: number): number {
    return this.#plan(count * 4);
  }

  /** Plans `count` 32-bit integers and returns their address. */
  planI32(count: number): number {
    return this.#plan(count * 4);
  }

  /** Plans `count` doubles and returns their address. */
  planF64(count: number): number {
    return this.#plan(count * 8);
  }

  /** Plans a copy of integers and returns its address. */
  place(values: ArrayLike<number>): number {
    const at = this.planI32(values.length);
    this.i32(at, values.length).set(values);
    return at;
  }

  /** Returns the state of the plan, for `release`. */
  mark(): number {
    return this.#next;
  }

  /** Forgets everything planned since `mark`. */
  release(mark: number): void {
    this.#next = mark;
  }

  /** Largest number of bytes planned at once so far. */
  get peakBytes(): number {
    return this.#peak;
  }

  /** Views `count` floats at an address; valid until the next plan, which may grow the memory. */
  f32(at: number, count: number): Float32Array {
    if (this.#f32.buffer !== this.wasm.buffer) this.#f32 = new Float32Array(this.wasm.buffer);
    return this.#f32.subarray(at >>> 2, (at >>> 2) + count);
  }

  /** Views `count` 32-bit integers at an address; valid until the next plan. */
  i32(at: number, count: number): Int32Array {
    if (this.#i32.buffer !== this.wasm.buffer) this.#i32 = new Int32Array(this.wasm.buffer);
    return this.#i32.subarray(at >>> 2, (at >>> 2) + count);
  }

  /** Views `count` bytes at an address; valid until the next plan. */
  u8(at: number, count: number): Uint8Array {
    return new Uint8Array(this.wasm.buffer, at, count);
  }

  /** Views `count` doubles at an address; valid until the next plan. */
  f64(at: number, count: number): Float64Array {
    if (this.#f64.buffer !== this.wasm.buffer) this.#f64 = new Float64Array(this.wasm.buffer);
    return this.#f64.subarray(at >>> 3, (at >>> 3) + count);
  }

  #plan(bytes: number): number {
    const at = this.#next;
    const end = at + align(bytes);
    const pages = Math.ceil(end / PAGE_BYTES);
    // The last page stays free, so that no end address wraps around at 2^32.
    if (!(pages < MAX_PAGES)) throw overLimit(end);
    const have = this.wasm.buffer.byteLength / PAGE_BYTES;
    if (pages > have) {
      try {
        // An eighth more than asked: the first answers after a model was planned need no growth of their own.
        this.wasm.grow(Math.min(MAX_PAGES, pages + (pages >> 3)) - have);
      } catch {
        throw refused(end);
      }
    }
    this.#next = end;
    if (end > this.#peak) this.#peak = end;
    return at;
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}
