// What every byte of a file is checked by. In an engine the kernels do it, at the speed of memory from the first call on; without one the
// same answers come from plain code.

import type { Engine } from "../wasm/engine.ts";
import { crc32 } from "./crc32.ts";

/** Bytes [begin, end) of a file. */
export interface ByteRange {
  readonly begin: number;
  readonly end: number;
}

/** Questions to bytes. */
export interface Checks {
  /** CRC-32 of bytes, and whether it is known of the f32 in `floats`, seen on the way, that all are finite. */
  checksum(bytes: Uint8Array, floats: readonly ByteRange[]): { crc: number; areFinite: boolean };
  /** Whether all values are finite. */
  areFinite(values: Float32Array): boolean;
  /** Whether no value is below zero. */
  areNatural(values: Int32Array): boolean;
}

/** Bytes worked on at once, which stay in the second-level cache, and of a block. */
const CHUNK_BYTES = 131_072;
const BLOCK_BYTES = 16;
/** What folding leaves: 300 blocks, as in assembly/kernel/verify.ts. */
const LEFT_BYTES = 300 * BLOCK_BYTES;

/** Checks in plain code. */
export const PLAIN_CHECKS: Checks = {
  checksum: (bytes) => ({ crc: crc32(bytes), areFinite: false }),
  areFinite: hasOnlyFinite,
  areNatural: (values) => values.every((value) => value >= 0),
};

/** Four sums of `x · 0` stay 0 unless a value is NaN or infinite: no branch per element. */
function hasOnlyFinite(values: Float32Array): boolean {
  const end = values.length - (values.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < end; i += 4) {
    a += values[i] * 0;
    b += values[i + 1] * 0;
    c += values[i + 2] * 0;
    d += values[i + 3] * 0;
  }
  for (let i = end; i < values.length; i++) a += values[i] * 0;
  return a + b + c + d === 0;
}

/** Checks by an engine's kernels, in memory above what is planned there. */
export function checksOf({ kernels, memory }: Engine): Checks {
  return {
    checksum(bytes, floats) {
      // Enough for the last piece, which takes what no whole piece follows, to have the blocks that folding leaves.
      const pieces = Math.floor(bytes.length / CHUNK_BYTES) - 1;
      if (pieces < 0) return PLAIN_CHECKS.checksum(bytes, floats);
      let areFinite = floats.every(({ begin }) => begin % 4 === 0);
      const mark = memory.mark();
      const before = memory.planI32((LEFT_BYTES + 2 * CHUNK_BYTES) / 4);
      const at = before + LEFT_BYTES;
      memory.u8(before, LEFT_BYTES).fill(0);
      for (let piece = 0; piece <= pieces; piece++) {
        const part = bytes.subarray(piece * CHUNK_BYTES, piece < pieces ? (piece + 1) * CHUNK_BYTES : bytes.length);
        memory.u8(at, part.length).set(part);
        // What is in cache by now is looked at for both answers.
        for (const { begin, end } of areFinite ? floats : []) {
          const from = Math.max(0, begin - piece * CHUNK_BYTES);
          const count = (Math.min(part.length, end - piece * CHUNK_BYTES) - from) / 4;
          if (count > 0 && kernels.firstNotFiniteF32(count, at + from) !== count) areFinite = false;
        }
        // The register starts with ones, which meet the first four bytes.
        if (piece === 0) memory.i32(at, 1)[0] ^= -1;
        kernels.foldChecksum(Math.floor(part.length / BLOCK_BYTES), before, piece < pieces ? 1 : 0);
      }
      const last = bytes.length - pieces * CHUNK_BYTES;
      const rest = last % BLOCK_BYTES;
      // Folding has no register: zeros where the bytes before have gone.
      const crc = crc32(memory.u8(at + last - rest - LEFT_BYTES, LEFT_BYTES + rest), -1);
      memory.release(mark);
      return { crc, areFinite };
    },
    areFinite: (values) => inParts(values, (count, at) => kernels.firstNotFiniteF32(count, at) === count),
    areNatural: (values) => inParts(values, (count, at) => kernels.firstNegativeI32(count, at) === count),
  };

  /** Whether something holds for each part of an array, while it is in memory. */
  function inParts(values: Float32Array | Int32Array, holds: (count: number, at: number) => boolean): boolean {
    const mark = memory.mark();
    const most = CHUNK_BYTES / 4;
    const at = memory.planI32(most);
    let all = true;
    for (let first = 0; first < values.length && all; first += most) {
      const part = values.subarray(first, first + most);
      const view =
        part[Symbol.toStringTag] === "Float32Array" ? memory.f32(at, part.length) : memory.i32(at, part.length);
      view.set(part);
      all = holds(part.length, at);
    }
    memory.release(mark);
    return all;
  }
}
