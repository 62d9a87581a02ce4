// Ids and their numbers. Ids are the caller's own strings, so only a Map is safe ("__proto__" is an id like any other).

import { InternalError } from "../errors.ts";

export const badIndex = (index: number, size: number) =>
  new InternalError(
    "VOCABULARY_INDEX",
    `vocabulary: got index ${index}, expected 0 to ${size - 1}. Please report this.`,
  );

// A JavaScript Map refuses its entry 2^24 + 1, and grows by doubling: a shard stops at half of that.
const SHARD_IDS = 8_388_608;

// From this length on, V8 cuts a string out of a text by reference; below, it copies.
const SHORTEST_SLICE = 13;

/** Ids and their numbers, to look up. */
export interface Ids extends Iterable<string> {
  /** Counts the ids. */
  readonly size: number;
  /** Finds the index of an id. @returns 0 to size - 1, or -1 for an unknown id */
  indexOf(id: string): number;
  /**
   * Returns the id with an index.
   * @throws InternalError `VOCABULARY_INDEX` for an index outside 0 to size - 1
   */
  idOf(index: number): string;
}

/** Numbers ids (any strings) in order of first appearance, from 0. */
export class Vocabulary implements Ids {
  private readonly ids: string[] = [];
  private readonly shards: Map<string, number>[] = [new Map()];

  /** @param shardIds ids a shard may hold, 1 to 2^24; smaller values are for tests */
  constructor(private readonly shardIds = SHARD_IDS) {}

  get size(): number {
    return this.ids.length;
  }

  /** Adds an id where it is new. @returns its index, old or new */
  add(id: string): number {
    const known = this.indexOf(id);
    if (known >= 0) return known;
    let shard = this.shards[this.shards.length - 1];
    if (shard.size >= this.shardIds) {
      shard = new Map();
      this.shards.push(shard);
    }
    const kept = detached(id);
    const index = this.ids.length;
    shard.set(kept, index);
    this.ids.push(kept);
    return index;
  }

  indexOf(id: string): number {
    for (const shard of this.shards) {
      const index = shard.get(id);
      if (index !== undefined) return index;
    }
    return -1;
  }

  idOf(index: number): string {
    const id = this.ids[index];
    if (id === undefined) throw badIndex(index, this.size);
    return id;
  }

  /** Iterates over the ids in index order. */
  [Symbol.iterator](): Iterator<string> {
    return this.ids.values();
  }

  /** Builds a vocabulary from ids; a repeated id keeps its first index. */
  static from(ids: Iterable<string>): Vocabulary {
    const vocabulary = new Vocabulary();
    for (const id of ids) vocabulary.add(id);
    return vocabulary;
  }
}

// An id cut out of a block of a file would keep the whole block alive; joining and cutting again leaves it its own copy.
function detached(id: string): string {
  return id.length < SHORTEST_SLICE ? id : ` ${id}`.slice(1);
}
