// Vectors that somebody else trained: an id and D numbers each. Kept by id, so that their order says nothing.

import { DataError } from "../errors.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";
import { quote } from "./words.ts";

const nothing = (subject: string) =>
  new DataError("VECTORS_EMPTY", `${subject}: got no vector, expected at least one. Check where they come from.`);
const badEntry = (place: string, got: unknown) =>
  new DataError(
    "VECTORS_INVALID",
    `${place}: got ${quote(got)}, expected an id that is not empty and its numbers. Correct or drop it.`,
  );
const badSource = (subject: string, got: unknown) =>
  new DataError(
    "VECTORS_INVALID",
    `${subject}: got ${quote(got)}, expected a Map or an iterable of [id, numbers]. Pass one, or a path.`,
  );
const badWidth = (place: string, got: number, expected: string) =>
  new DataError("VECTORS_WIDTH", `${place}: got ${got} numbers, expected ${expected}. Correct or drop it.`);
const badNumber = (place: string, index: number, got: unknown) =>
  new DataError(
    "VECTORS_VALUE",
    `${place}: got ${quote(got)} as number ${index + 1}, expected a finite 32-bit number. Correct or drop it.`,
  );
const twice = (place: string, id: string) =>
  new DataError("VECTORS_DUPLICATE", `${place}: got id ${quote(id)} again, expected each once. Drop one of them.`);

/** Most numbers in a vector: the largest `embedding`. */
const WIDEST = 4096;

/** Vectors of equal width, in the order of their ids' UTF-16 code units. */
export interface Vectors {
  readonly ids: Ids;
  /** D, numbers in each. */
  readonly width: number;
  /** Row-major f32[ids, D]. */
  readonly values: Float32Array;
}

/** What the library takes as vectors: a Map, or any pairs. */
export type VectorEntries = Iterable<readonly [id: string, vector: ArrayLike<number>]>;

/** Collects vectors one by one. */
export class VectorsBuilder {
  readonly #ids = new Vocabulary();
  #width = 0;
  #values = new Float32Array(1024);

  /**
   * Adds a vector.
   * @param place what messages call it, such as `items.csv: line 7`
   * @throws DataError `VECTORS_INVALID`, `VECTORS_WIDTH`, `VECTORS_VALUE`, `VECTORS_DUPLICATE`
   */
  add(id: unknown, vector: ArrayLike<unknown>, place: string): void {
    if (typeof id !== "string" || id === "") throw badEntry(place, id);
    const index = this.#ids.size;
    if (index === 0) {
      if (vector.length < 1 || vector.length > WIDEST) throw badWidth(place, vector.length, `1 to ${WIDEST}`);
      this.#width = vector.length;
    }
    const width = this.#width;
    if (vector.length !== width) throw badWidth(place, vector.length, `${width} as in the first`);
    if (this.#ids.add(id) !== index) throw twice(place, id);
    if ((index + 1) * width > this.#values.length) {
      const larger = new Float32Array(Math.max(2 * this.#values.length, (index + 1) * width));
      larger.set(this.#values);
      this.#values = larger;
    }
    for (let d = 0; d < width; d++) {
      const value = vector[d];
      if (typeof value !== "number" || !Number.isFinite(Math.fround(value))) throw badNumber(place, d, value);
      this.#values[index * width + d] = value;
    }
  }

  /** Puts all in order. @throws DataError `VECTORS_EMPTY` */
  build(subject: string): Vectors {
    const width = this.#width;
    if (this.#ids.size === 0) throw nothing(subject);
    const sorted = [...this.#ids].sort();
    const values = new Float32Array(sorted.length * width);
    sorted.forEach((id, row) => {
      const from = this.#ids.indexOf(id) * width;
      values.set(this.#values.subarray(from, from + width), row * width);
    });
    return { ids: Vocabulary.from(sorted), width, values };
  }
}

/** Collects vectors from memory. @throws DataError `VECTORS_EMPTY`, and as {@link VectorsBuilder.add} */
export function vectorsOf(entries: VectorEntries, subject: string): Vectors {
  if (typeof entries?.[Symbol.iterator] !== "function") throw badSource(subject, entries);
  const builder = new VectorsBuilder();
  let position = 0;
  for (const entry of entries) {
    const place = `${subject}: entry ${position++}`;
    const vector: unknown = Array.isArray(entry) && entry.length === 2 ? entry[1] : undefined;
    if (!isNumbers(vector)) throw badEntry(place, entry);
    builder.add(entry[0], vector, place);
  }
  return builder.build(subject);
}

function isNumbers(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
