import { expect, test } from "vitest";
import { crc32 } from "../../src/format/crc32.ts";
import { forSeeds } from "../reference/random.ts";
import { reads, run, SIZES, updates } from "./harness.ts";

const LEFT = 300;
const wordsOf = (bytes: Uint8Array) => {
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return new Int32Array(padded.buffer);
};
/** CRC-32 from a register of 0, without the final inversion. */
const remainder = (bytes: Uint8Array) => ~crc32(bytes, -1);

test("folding blocks, in one piece or two, leaves 300 with the same CRC-32", () => {
  forSeeds(12, (random) => {
    const first = random.choose([0, LEFT, LEFT + 1, LEFT + 7]);
    const blocks = LEFT + random.choose([0, 1, 3, 4, 5, 15, 144, 145, 299, 300, 301, 700]);
    const bytes = Uint8Array.from({ length: (first + blocks) * 16 }, () => random.integer(0, 255));
    const words = wordsOf(bytes);
    const zeros = new Int32Array(4 * LEFT);
    const buffers = { all: updates.i32([...zeros, ...words.subarray(0, 4 * Math.max(first, blocks))]) };
    const out = run(buffers, ({ kernels, at, views }) => {
      if (first > 0) {
        views.all.set(words.subarray(0, 4 * first), 4 * LEFT);
        kernels.foldChecksum(first, at.all, 1);
      }
      views.all.set(words.subarray(4 * first), 4 * LEFT);
      kernels.foldChecksum(blocks, at.all, 0);
    });
    const left = out.all.slice(4 * blocks, 4 * (LEFT + blocks));
    expect(remainder(new Uint8Array(left.buffer))).toBe(remainder(bytes));
  });
});

test("the first value that is not finite, or below zero, is found wherever it stands; else the count comes back", () => {
  for (const size of [...SIZES, 8, 27]) {
    for (const [k, bad] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].entries()) {
      for (let place = 0; place <= size; place++) {
        const values = Float32Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 3.4e38 : -0));
        const counts = Int32Array.from({ length: size }, (_, i) => (i % 2 === 0 ? 0x7fffffff : 0));
        if (place < size) [values[place], counts[place]] = [bad, k === 0 ? -1 : -0x80000000];
        run({ values: reads.f32(values), counts: reads.i32(counts) }, ({ kernels, at }) => {
          expect(kernels.firstNotFiniteF32(size, at.values)).toBe(place);
          expect(kernels.firstNegativeI32(size, at.counts)).toBe(place);
        });
      }
    }
  }
});

test("ids are indexed once each; one that comes twice, lies outside, or starts inside a character stops it", () => {
  const encode = (texts: readonly string[]) => {
    const encoded = texts.map((text) => new TextEncoder().encode(text));
    const offsets = [0];
    for (const { length } of encoded) offsets.push(offsets[offsets.length - 1] + length);
    return { bytes: Uint8Array.from(encoded.flatMap((bytes) => [...bytes])), offsets };
  };
  const index = (bytes: Uint8Array, offsets: readonly number[], slots: number) => {
    const count = offsets.length - 1;
    const buffers = {
      bytes: reads.i32(wordsOf(bytes)),
      offsets: reads.i32(offsets),
      slots: updates.i32(new Array(slots).fill(0)),
    };
    let done = 0;
    const out = run(buffers, ({ kernels, at }) => {
      done = kernels.indexIds(count, bytes.length, at.offsets, at.bytes, slots - 1, at.slots);
    });
    return { done, listed: [...out.slots].filter((slot) => slot > 0).sort((a, b) => a - b) };
  };
  const ids = ["", "a", "b", "ab", "abcd", "abcde", "é", "日本語", "x".repeat(37), "12345678"];
  const good = encode(ids);
  expect(index(good.bytes, good.offsets, 16)).toEqual({ done: 10, listed: ids.map((_, i) => i + 1) });
  for (let twice = 0; twice < ids.length; twice++) {
    const { bytes, offsets } = encode([...ids, ids[twice]]);
    expect(index(bytes, offsets, 16).done, `id ${twice} again`).toBe(10);
  }
  expect(index(good.bytes, [0, 2, 1, 3], 16).done, "running backwards").toBe(1);
  expect(index(good.bytes, [0, 1, 9999], 16).done, "beyond the bytes").toBe(1);
  expect(index(good.bytes, [-4, 1], 16).done, "before the bytes").toBe(0);
  expect(index(new TextEncoder().encode("aé"), [0, 2, 3], 16).done, "inside a character").toBe(1);
  // As many as fit, and then more collisions than an id may cost: a table as full as that is walked for long.
  const many = encode(Array.from({ length: 1024 }, (_, i) => `${i}`));
  expect(index(many.bytes, many.offsets, 2048).done).toBe(1024);
  const crowded = encode(Array.from({ length: 4096 }, (_, i) => `${i}`));
  expect(index(crowded.bytes, crowded.offsets, 4096).done).toBeLessThan(4096);
});
