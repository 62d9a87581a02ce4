import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Vocabulary } from "../../src/data/vocabulary.ts";
import { type Checks, checksOf, PLAIN_CHECKS } from "../../src/format/checks.ts";
import { decodeIds, encodeIds } from "../../src/format/ids.ts";
import { createEngineSync } from "../../src/wasm/engine.ts";
import { HOSTILE_IDS } from "../data/support.ts";
import { randomOf } from "../reference/random.ts";

const module = new WebAssembly.Module(readFileSync(new URL("../../dist/inference.wasm", import.meta.url)));
const fail = (why: string, at?: number) => new Error(`${why} ${at}`);
const whole = (text: string) => !/\p{Surrogate}/u.test(text);

test("ids read as bytes answer as a vocabulary does, for any strings", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(
        fc.oneof(fc.string({ unit: "binary" }).filter(whole), fc.constantFrom(...HOSTILE_IDS.filter(whole))),
        {
          minLength: 1,
          maxLength: 60,
        },
      ),
      fc.array(fc.string({ unit: "binary" }), { maxLength: 20 }),
      (ids, others) => {
        const { bytes, offsets } = encodeIds(Vocabulary.from(ids));
        const engine = createEngineSync(module);
        const stored = decodeIds(offsets, bytes, engine, fail);
        const plain = decodeIds(offsets, bytes, undefined, fail);
        expect(stored).not.toBeInstanceOf(Vocabulary);
        expect([...stored]).toEqual(ids);
        expect([...plain]).toEqual(ids);
        // Twice: what was found once is remembered.
        for (const id of [...ids, ...others, ...ids, ...others, "\ud800", "\ufffd"]) {
          expect(stored.indexOf(id)).toBe(ids.indexOf(id));
          expect(plain.indexOf(id)).toBe(ids.indexOf(id));
        }
        for (const index of [-1, ids.length, 0.5, Number.NaN]) {
          expect(() => stored.idOf(index)).toThrow(expect.objectContaining({ code: "VOCABULARY_INDEX" }));
        }
      },
    ),
  );
});

test.each<[string, string[], number[] | undefined, number[] | undefined, string]>([
  ["come twice", ["a", "b", "a"], undefined, undefined, "come twice 2"],
  ["run backwards", ["a", "bcd", "e"], [0, 3, 2, 5], undefined, "run backwards 1"],
  ["do not start at 0", ["a", "b"], [1, 1, 2], undefined, "do not fill their 2 bytes undefined"],
  ["do not end with the bytes", ["a", "b"], [0, 1, 1], undefined, "do not fill their 2 bytes undefined"],
  ["are none", [], [0], undefined, "do not fill their 0 bytes undefined"],
  ["are not UTF-8", ["a", "b"], [0, 1, 2], [0x61, 0xff], "are not UTF-8 1"],
  ["share a character", ["é"], [0, 1, 2], undefined, "are not UTF-8 0"],
])("ids that %s are refused with the place, with an engine and without", (_, ids, offsets, bytes, message) => {
  const good = encodeIds(Vocabulary.from(ids));
  const raw = bytes ? Uint8Array.from(bytes) : new TextEncoder().encode(ids.join(""));
  for (const engine of [createEngineSync(module), undefined]) {
    const mark = engine?.memory.mark();
    expect(() => decodeIds(Int32Array.from(offsets ?? encodedOffsets(ids, good.offsets)), raw, engine, fail)).toThrow(
      message,
    );
    expect(engine?.memory.mark(), "what stays planned").toBe(mark);
  }
});

/** Offsets of ids of one byte each, where a vocabulary would drop the second of two equal ones. */
function encodedOffsets(ids: readonly string[], offsets: Int32Array): Int32Array {
  return offsets.length === ids.length + 1 ? offsets : Int32Array.from({ length: ids.length + 1 }, (_, i) => i);
}

test("ids made to collide are read one by one instead", () => {
  const engine = createEngineSync(module);
  const { bytes, offsets } = encodeIds(Vocabulary.from(["a", "b"]));
  vi.spyOn(engine, "kernels", "get").mockReturnValue({ ...engine.kernels, indexIds: () => 1 });
  const mark = engine.memory.mark();
  const ids = decodeIds(offsets, bytes, engine, fail);
  expect(ids).toBeInstanceOf(Vocabulary);
  expect([...ids]).toEqual(["a", "b"]);
  expect(engine.memory.mark()).toBe(mark);
});

test("an engine's checks answer as plain ones do, around the pieces they work in", () => {
  const checks = checksOf(createEngineSync(module));
  const crcOf = (own: Checks, content: Uint8Array) => own.checksum(content, []).crc;
  const random = randomOf(3);
  const piece = 131_072;
  const bytes = Uint8Array.from({ length: 3 * piece + 40 }, () => random.integer(0, 255));
  for (const length of [0, 1, 15, 16, 4800, piece - 1, piece, piece + 1, 2 * piece - 1, 2 * piece, 3 * piece + 37]) {
    for (const start of [0, 1, 3]) {
      const part = bytes.subarray(start, start + length);
      expect(crcOf(checks, part), `start=${start} length=${length}`).toBe(crcOf(PLAIN_CHECKS, part));
    }
  }
  const whole = crcOf(PLAIN_CHECKS, bytes);
  for (const bit of [0, 7, 8 * piece - 1, 8 * piece, 16 * piece + 5, 8 * bytes.length - 1]) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    expect(crcOf(checks, bytes), `bit ${bit}`).not.toBe(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
  const floats = piece / 4;
  for (const size of [0, 1, floats - 1, floats, floats + 1, 2 * floats + 5]) {
    for (const place of [-1, 0, floats - 1, floats, size - 1]) {
      if (place >= size) continue;
      const [values, counts] = [new Float32Array(size).fill(-1e38), new Int32Array(size).fill(3)];
      if (place >= 0) [values[place], counts[place]] = [Number.NaN, -1];
      for (const { areFinite, areNatural } of [checks, PLAIN_CHECKS]) {
        expect(areFinite(values), `size=${size} place=${place}`).toBe(place < 0);
        expect(areNatural(counts), `size=${size} place=${place}`).toBe(place < 0);
      }
    }
  }
});

test("floats seen on the way to a checksum are known to be finite, and only where they are: at either end of ranges and pieces", () => {
  const checks = checksOf(createEngineSync(module));
  const piece = 131_072;
  const floats = new Float32Array((3 * piece) / 4).fill(-1e38);
  const bytes = new Uint8Array(floats.buffer);
  const ranges = [
    { begin: 8, end: piece + 8 },
    { begin: 2 * piece - 4, end: 2 * piece + 4 },
    { begin: 2 * piece + 8, end: 3 * piece },
  ];
  const known = (at: typeof ranges) => checks.checksum(bytes, at).areFinite;
  expect(known(ranges)).toBe(true);
  expect(known([])).toBe(true);
  expect(known([{ begin: 2, end: 6 }]), "floats that pieces may cut").toBe(false);
  for (const at of [8, piece - 4, piece, piece + 4, 2 * piece - 4, 2 * piece, 2 * piece + 8, 3 * piece - 4]) {
    floats[at / 4] = Number.NaN;
    expect(known(ranges), `byte ${at}`).toBe(false);
    floats[at / 4] = 0;
  }
  for (const at of [0, 4, piece + 8, 2 * piece - 8, 2 * piece + 4]) {
    floats[at / 4] = Number.POSITIVE_INFINITY;
    expect(known(ranges), `byte ${at}`).toBe(true);
    floats[at / 4] = 0;
  }
});
