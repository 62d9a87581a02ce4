import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Vocabulary } from "../../src/data/vocabulary.ts";
import { InternalError } from "../../src/errors.ts";
import { errorOf, HOSTILE_IDS } from "./support.ts";

test("ids are numbered by first appearance, and a repeated id keeps its number", () => {
  const vocabulary = Vocabulary.from(["b", "a", "b", "", "a"]);
  expect([...vocabulary]).toEqual(["b", "a", ""]);
  expect(vocabulary.size).toBe(3);
  expect(vocabulary.add("a")).toBe(1);
  expect(vocabulary.add("c")).toBe(3);
  expect(vocabulary.indexOf("unknown")).toBe(-1);
});

test("any strings round-trip, whatever the shard size", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...HOSTILE_IDS)), { maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      (ids, shardIds) => {
        const vocabulary = new Vocabulary(shardIds);
        const unique = [...new Set(ids)];
        const indices = ids.map((id) => vocabulary.add(id));
        expect(vocabulary.size).toBe(unique.length);
        expect([...vocabulary]).toEqual(unique);
        ids.forEach((id, at) => {
          expect(indices[at]).toBe(unique.indexOf(id));
          expect(vocabulary.indexOf(id)).toBe(indices[at]);
          expect(vocabulary.idOf(indices[at])).toBe(id);
        });
      },
    ),
  );
});

test("no Map is filled beyond the shard size, as a Map ends at 2^24 entries", () => {
  const set = vi.spyOn(Map.prototype, "set");
  try {
    const vocabulary = new Vocabulary(3);
    for (let id = 0; id < 10; id++) vocabulary.add(String(id));
    const maps = new Set(set.mock.contexts as Map<string, number>[]);
    expect([...maps].map((map) => map.size)).toEqual([3, 3, 3, 1]);
  } finally {
    set.mockRestore();
  }
});

test("an id of 1 MB and lone surrogates come back unchanged", () => {
  for (const id of ["x".repeat(2 ** 20), `${"é".repeat(20)}\ud800`]) {
    const vocabulary = Vocabulary.from(["before", id]);
    expect(vocabulary.idOf(1)).toBe(id);
    expect(vocabulary.indexOf(id)).toBe(1);
  }
});

test("ids leave Object.prototype alone", () => {
  const before = Object.getOwnPropertyNames(Object.prototype).sort();
  Vocabulary.from(HOSTILE_IDS);
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
});

test("an index outside the vocabulary is an internal error", async () => {
  for (const index of [-1, 1, 0.5, Number.NaN]) {
    const error = await errorOf(() => Vocabulary.from(["a"]).idOf(index));
    expect(error).toBeInstanceOf(InternalError);
    expect(error.code).toBe("VOCABULARY_INDEX");
  }
});
