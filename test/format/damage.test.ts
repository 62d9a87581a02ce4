// Damage by chance and on purpose. A case number and the seed are in every failure; ATTUNE_SEED=<seed> ATTUNE_FUZZ_RUNS=1
// replays one case, ATTUNE_FUZZ_RUNS=1000000 is the long run.

import { expect, test } from "vitest";
import { ModelError } from "../../src/errors.ts";
import { decodeTensorFile, encodeTensorFile } from "../../src/format/safetensors.ts";
import { concat, randomNumbers, reseal } from "./handmade.ts";

const SEED = Number(process.env.ATTUNE_SEED ?? 20261124);
const RUNS = Number(process.env.ATTUNE_FUZZ_RUNS ?? 10_000);

const small = encodeTensorFile({
  metadata: new Map([
    ["format", "attune"],
    ["config", '{"model":"attentive-gru","interest":"learned"}'],
  ]),
  tensors: [
    { name: "item_embedding.weight", dtype: "F32", shape: [3, 2], data: Float32Array.of(0.5, -1, 2, 0, 1e-30, 7) },
    { name: "items.offsets", dtype: "I32", shape: [4], data: Int32Array.of(0, 1, 2, 5) },
    { name: "items.bytes", dtype: "U8", shape: [5], data: Uint8Array.from([97, 98, 99, 100, 101]) },
    { name: "empty", dtype: "F32", shape: [0, 2], data: new Float32Array(0) },
  ],
});
const dataStart = 8 + Number(new DataView(small.buffer).getBigUint64(0, true));

/** "loads", or the code of the ModelError; anything else is a failure with the case in its text. */
function outcome(file: Uint8Array, label: string): string {
  try {
    decodeTensorFile(file, "damaged");
    return "loads";
  } catch (error) {
    if (error instanceof ModelError) return error.code;
    throw new Error(`${label}: ${String(error)} is no ModelError; file ${Buffer.from(file).toString("hex")}`);
  }
}

test("the small file itself loads", () => {
  expect(outcome(small, "whole")).toBe("loads");
});

test(`each of the ${small.length} truncations is refused`, () => {
  for (let length = 0; length < small.length; length++) {
    expect(outcome(small.slice(0, length), `length=${length}`), `length=${length}`).toMatch(/^MODEL_/);
  }
});

test("each truncation with a correct checksum at its end is refused too", () => {
  for (let length = 12; length < small.length; length++) {
    expect(outcome(reseal(small.slice(0, length)), `length=${length}`), `length=${length}`).toMatch(/^MODEL_/);
  }
});

test(`each of the ${small.length * 8} single-bit flips of the file is refused`, () => {
  for (let bit = 0; bit < small.length * 8; bit++) {
    const file = small.slice();
    file[bit >> 3] ^= 1 << (bit & 7);
    expect(outcome(file, `bit=${bit}`), `bit=${bit}`).toMatch(/^MODEL_/);
  }
});

test(`each of the ${dataStart * 8} header bit flips with a corrected checksum loads or is refused, never anything else`, () => {
  const codes = new Set<string>();
  for (let bit = 0; bit < dataStart * 8; bit++) {
    const file = small.slice();
    file[bit >> 3] ^= 1 << (bit & 7);
    codes.add(outcome(reseal(file), `bit=${bit}`));
  }
  // Proof that the flips reach every stage: lengths, UTF-8, grammar, fields, layout; and names may change freely.
  for (const code of ["LENGTH", "START", "UTF8", "SYNTAX", "TRAILING"]) expect(codes).toContain(`MODEL_HEADER_${code}`);
  for (const code of ["FIELD_UNKNOWN", "DTYPE", "OFFSETS_LENGTH"]) expect(codes).toContain(`MODEL_${code}`);
  expect(codes).toContain("loads");
});

/** One to four edits: flip, set, delete, insert, copy a stretch, or change a digit of the header. */
function mutate(random: (limit: number) => number): Uint8Array {
  let file: Uint8Array = small.slice();
  for (let edits = 1 + random(4); edits > 0; edits--) {
    const at = random(random(2) ? dataStart : file.length) % Math.max(1, file.length);
    const stretch = 1 + random(8);
    switch (random(6)) {
      case 0:
        file[at] ^= 1 << random(8);
        break;
      case 1:
        file[at] = random(256);
        break;
      case 2:
        file = concat(file.subarray(0, at), file.subarray(at + stretch));
        break;
      case 3:
        file = concat(
          file.subarray(0, at),
          Uint8Array.from({ length: stretch }, () => random(256)),
          file.subarray(at),
        );
        break;
      case 4:
        file.copyWithin(random(file.length), at, at + stretch);
        break;
      default: {
        const digits = [...file.keys()].slice(8, dataStart).filter((i) => file[i] >= 48 && file[i] <= 57);
        if (digits.length) file[digits[random(digits.length)]] = 48 + random(10);
      }
    }
  }
  return file;
}

test(`${RUNS} random mutations, seed ${SEED}: none loads changed, and with a corrected checksum none breaks the reader`, {
  timeout: 60_000 + RUNS,
}, () => {
  let past = 0;
  let longest = 0;
  for (let run = 0; run < RUNS; run++) {
    const label = `seed ${SEED + run}`;
    const file = mutate(randomNumbers(SEED + run));
    const start = performance.now();
    if (outcome(file, label) === "loads") expect(Buffer.compare(file, small), label).toBe(0);
    if (file.length >= 12 && outcome(reseal(file), label) === "loads") past++;
    longest = Math.max(longest, performance.now() - start);
  }
  expect(longest, "longest case in ms").toBeLessThan(1000);
  if (RUNS >= 1000) expect(past, "mutants that get past the checksum and load").toBeGreaterThan(RUNS / 100);
});
