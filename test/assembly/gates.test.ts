import { describe, expect, test } from "vitest";
import { BLOCK, compileInternals } from "./internals.ts";

const internals = await compileInternals();

/** Rows of gates, and the function of single vectors that says which bits they have. */
const PAIRS = [
  { row: "sigmoidAll", vector: "sigmoid" },
  { row: "tanhAll", vector: "tanh" },
] as const;

/** Around the places where a formula changes, and where there are no numbers. */
const SEAMS = [0, -0, 2 ** -149, 0.625, 87.33654, 88, 88.37626, 44.188, 1, 3.4e38, Number.POSITIVE_INFINITY];
/** Steps between the float patterns that are tried; a prime, so that all low bits take part. */
const STRIDE = 20_011;

const bits = (values: Float32Array) => Array.from(new Uint32Array(values.slice().buffer));

describe.each(PAIRS)("$row, activations of a row", ({ row, vector }) => {
  test("have the bits of single vectors: one float in 20,011 of all that are numbers, and infinity", () => {
    const patterns = new Uint32Array(internals.input.buffer, internals.input.byteOffset, BLOCK);
    const infinity = 0x7f800000;
    for (const sign of [0, 0x80000000]) {
      for (let first = 0; first <= infinity; first += STRIDE * BLOCK) {
        for (let i = 0; i < BLOCK; i++) patterns[i] = (Math.min(infinity, first + i * STRIDE) | sign) >>> 0;
        const want = bits(internals.apply(vector, BLOCK));
        expect(bits(internals.applyTo(row, BLOCK))).toEqual(want);
      }
    }
  });

  test("have them for 0 to 67 floats, at every seam and its neighbours, and write no more", () => {
    const patterns = new Uint32Array(internals.input.buffer, internals.input.byteOffset, BLOCK);
    internals.input.set(SEAMS.flatMap((seam) => [seam, seam, seam, -seam, -seam, -seam]));
    for (let i = 0; i < 6 * SEAMS.length; i += 3) {
      patterns[i + 1] += 1;
      patterns[i + 2] -= 1;
    }
    for (let count = 0; count <= 67; count++) {
      const want = bits(internals.apply(vector, count));
      internals.output.fill(7);
      const got = bits(internals.applyTo(row, count));
      for (let i = 0; i < count; i++) {
        if (!Number.isNaN(internals.input[i])) expect(got[i], `${internals.input[i]}, ${i} of ${count}`).toBe(want[i]);
        else expect(internals.output[i]).toBeNaN();
      }
      expect([...internals.output.subarray(count, count + 8)]).toEqual(Array(8).fill(7));
    }
  });
});
