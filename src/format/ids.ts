// Ids as a model file has them: UTF-8 bytes and offsets. Of tens of thousands an answer needs a few, so they are checked and indexed as
// bytes, and become strings when they are asked for.

import { badIndex, type Ids, Vocabulary } from "../data/vocabulary.ts";
import type { Engine } from "../wasm/engine.ts";
import type { Memory } from "../wasm/memory.ts";

/** Ids up to which they are indexed as bytes. */
const MOST_INDEXED = 0x1000000;
/** Lookups that are remembered, as a Map refuses its entry 2^24 + 1. */
const MOST_KNOWN = 0x800000;

const ENCODER = new TextEncoder();
const newDecoder = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where ids and the hash table over them stand in an engine's memory, as `indexIds` wants them (assembly/kernel/verify.ts). */
interface Place {
  size: number;
  /** Slots, a power of two. */
  slots: number;
  slotsAt: number;
  offsetsAt: number;
  total: number;
  bytesAt: number;
}

/** Ids in bytes, with a hash table over them. Those that were asked for are remembered as strings. */
class StoredIds implements Ids {
  readonly #decoder = newDecoder();
  readonly #known = new Map<string, number>();
  readonly #texts = new Map<number, string>();

  constructor(
    private readonly memory: Memory,
    private readonly place: Place,
  ) {}

  get size(): number {
    return this.place.size;
  }

  indexOf(id: string): number {
    let index = this.#known.get(id);
    if (index !== undefined) return index;
    index = this.#find(ENCODER.encode(id));
    // Half of a surrogate pair encodes as another character, so that only the text itself tells.
    if (index < 0 || this.idOf(index) !== id) return -1;
    if (this.#known.size < MOST_KNOWN) this.#known.set(id, index);
    return index;
  }

  idOf(index: number): string {
    const known = this.#texts.get(index);
    if (known !== undefined) return known;
    const { size, offsetsAt, bytesAt } = this.place;
    if (!(Number.isInteger(index) && index >= 0 && index < size)) throw badIndex(index, size);
    const [from, to] = this.memory.i32(offsetsAt + 4 * index, 2);
    // A copy, because decoders refuse shared memory.
    const id = this.#decoder.decode(this.memory.u8(bytesAt + from, to - from).slice());
    if (this.#texts.size < MOST_KNOWN) this.#texts.set(index, id);
    return id;
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let index = 0; index < this.size; index++) yield this.idOf(index);
  }

  #find(wanted: Uint8Array): number {
    const { size, slots: count, slotsAt, offsetsAt, total, bytesAt } = this.place;
    const slots = this.memory.i32(slotsAt, count);
    const offsets = this.memory.i32(offsetsAt, size + 1);
    const bytes = this.memory.u8(bytesAt, total);
    const mask = count - 1;
    for (let slot = hashBytes(wanted) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const index = slots[slot] - 1;
      const from = offsets[index];
      if (offsets[index + 1] - from !== wanted.length) continue;
      let same = 0;
      while (same < wanted.length && bytes[from + same] === wanted[same]) same++;
      if (same === wanted.length) return index;
    }
    return -1;
  }
}

/** Hashes as `indexIds` does. */
function hashBytes(bytes: Uint8Array): number {
  const mix = (hash: number, word: number) => {
    const mixed = Math.imul(hash ^ word, 0x85ebca6b);
    return mixed ^ (mixed >>> 15);
  };
  let hash = 0x9e3779b1 ^ bytes.length;
  const full = bytes.length & ~3;
  for (let at = 0; at < full; at += 4) {
    hash = mix(hash, bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24));
  }
  for (let at = full; at < bytes.length; at++) hash = mix(hash, bytes[at]);
  return hash;
}

/** Encodes ids as bytes and offsets, i32[ids + 1]. */
export function encodeIds(ids: Ids): { bytes: Uint8Array; offsets: Int32Array } {
  const encoded = Array.from(ids, (id) => ENCODER.encode(id));
  const offsets = new Int32Array(encoded.length + 1);
  encoded.forEach((id, index) => {
    offsets[index + 1] = offsets[index] + id.length;
  });
  const bytes = new Uint8Array(offsets[encoded.length]);
  encoded.forEach((id, index) => {
    bytes.set(id, offsets[index]);
  });
  return { bytes, offsets };
}

/**
 * Decodes ids.
 * @param engine indexes them, fast; without one they become strings at once
 * @param fail makes the error of what is wrong with them: `item 3`, say, stands for `at 3`
 */
export function decodeIds(
  offsets: Int32Array,
  bytes: Uint8Array,
  engine: Engine | undefined,
  fail: (why: string, at?: number) => Error,
): Ids {
  if (offsets.length < 2 || offsets[0] !== 0 || offsets[offsets.length - 1] !== bytes.length) {
    throw fail(`do not fill their ${bytes.length} bytes`);
  }
  return (engine && indexIds(engine, offsets, bytes)) ?? readIds(offsets, bytes, fail);
}

/** Indexes ids in an engine's memory, for as long as it lives; undefined for ids that `readIds` has to look at: bad ones, or too alike. */
function indexIds({ memory, kernels }: Engine, offsets: Int32Array, bytes: Uint8Array): Ids | undefined {
  const count = offsets.length - 1;
  if (count > MOST_INDEXED) return undefined;
  try {
    // Texts that are UTF-8 one by one are so together; and apart, where none starts inside a character, which the kernel sees to.
    newDecoder().decode(bytes);
  } catch {
    return undefined;
  }
  // At most half full: a collision costs a comparison.
  const slots = 1 << (32 - Math.clz32(count * 2 - 1));
  const total = bytes.length;
  const mark = memory.mark();
  const slotsAt = memory.planI32(slots);
  const offsetsAt = memory.place(offsets);
  const bytesAt = memory.planI32(Math.ceil(total / 4));
  memory.i32(slotsAt, slots).fill(0);
  memory.u8(bytesAt, total).set(bytes);
  if (kernels.indexIds(count, total, offsetsAt, bytesAt, slots - 1, slotsAt) !== count) {
    memory.release(mark);
    return undefined;
  }
  return new StoredIds(memory, { size: count, slots, slotsAt, offsetsAt, total, bytesAt });
}

/** Reads ids one by one, to say of the first bad one what is wrong with it. */
function readIds(offsets: Int32Array, bytes: Uint8Array, fail: (why: string, at?: number) => Error): Vocabulary {
  const decoder = newDecoder();
  const vocabulary = new Vocabulary();
  for (let index = 0; index + 1 < offsets.length; index++) {
    if (offsets[index + 1] < offsets[index]) throw fail("run backwards", index);
    let id: string;
    try {
      id = decoder.decode(bytes.subarray(offsets[index], offsets[index + 1]));
    } catch {
      throw fail("are not UTF-8", index);
    }
    if (vocabulary.add(id) !== index) throw fail("come twice", index);
  }
  return vocabulary;
}
