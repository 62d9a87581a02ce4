import { expect, test } from "vitest";
import { crc32 } from "../../src/format/crc32.ts";
import { randomNumbers, slowCrc32 } from "./handmade.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

// Vectors: the check value of the CRC catalogue (CRC-32/ISO-HDLC) and, by python3 -c "import zlib; print(hex(zlib.crc32(b'…')))".
test.each([
  ["", 0x00000000],
  ["a", 0xe8b7be43],
  ["123456789", 0xcbf43926],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
])("crc32 of %j is the published value", (text, expected) => {
  expect(crc32(ascii(text))).toBe(expected);
});

test("crc32 equals the bit-by-bit definition for 0 to 100 bytes at every alignment of the first 4", () => {
  const random = randomNumbers(1);
  const bytes = Uint8Array.from({ length: 104 }, () => random(256));
  for (let start = 0; start < 4; start++) {
    for (let length = 0; length <= 100; length++) {
      const part = bytes.subarray(start, start + length);
      expect(crc32(part), `start=${start} length=${length}`).toBe(slowCrc32(part));
    }
  }
});

test("crc32 of a file in two parts, the second seeded with the first, equals the whole for every cut of 70 bytes", () => {
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => (i * 37) & 0xff);
  const whole = crc32(bytes);
  for (let cut = 0; cut <= 70; cut++) {
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), `cut=${cut}`).toBe(whole);
  }
});

test("crc32 changes for each single-bit flip of 40 bytes", () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => 255 - i);
  const whole = crc32(bytes);
  for (let bit = 0; bit < 320; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    expect(crc32(bytes), `bit=${bit}`).not.toBe(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
});
