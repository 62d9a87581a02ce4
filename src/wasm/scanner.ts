// The integer pass of exact top-K, as this runtime does it best: with i16 everywhere, and with relaxed SIMD's i8 where a module for
// it is at hand, tells the truth and is the faster one.

import type { Engine } from "./engine.ts";
import type { InferenceKernels } from "./kernels.ts";

/** A form of the integer pass. */
export interface Scanner {
  readonly name: "i16" | "relaxed-i8";
  /** Integers in a 32-bit word: 2 of 16 bits or 4 of 8. */
  readonly perWord: 2 | 4;
  readonly scan: InferenceKernels["scanCatalogue"];
}

const scanners = new WeakMap<Engine, Scanner>();

/** Returns the integer pass of an engine. */
export function scannerOf(engine: Engine): Scanner {
  let scanner = scanners.get(engine);
  if (!scanner) {
    scanner = { name: "i16", perWord: 2, scan: engine.kernels.scanCatalogue };
    scanners.set(engine, scanner);
  }
  return scanner;
}

/** Makes an engine use a form of the integer pass from now on. */
export function useScanner(engine: Engine, scanner: Scanner): void {
  scanners.set(engine, scanner);
}
