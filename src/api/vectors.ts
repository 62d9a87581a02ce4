// Vectors from outside, as train() takes them: read, told apart by a digest that the model keeps, and fitted to the settings.

import { createHash } from "node:crypto";
import type { Histories } from "../data/histories.ts";
import { type VectorEntries, type Vectors, vectorsOf } from "../data/vectors.ts";
import type { Ids } from "../data/vocabulary.ts";
import { formatCount } from "../data/words.ts";
import { DataError, UsageError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { SuppliedVectors } from "../train/supplied.ts";

const missing = (option: string, setting: string) =>
  new UsageError(
    "VECTORS_MISSING",
    `${option}: got none, expected the vectors that ${setting} was written for. Give them, or set ${setting}=none.`,
  );
const differ = (option: string, got: string, expected: string) =>
  new UsageError(
    "VECTORS_DIFFER",
    `${option}: got vectors with digest ${got}, expected ${expected}. Give the ones the config was written for.`,
  );
const wrongWidth = (option: string, got: number, expected: number) =>
  new UsageError(
    "VECTORS_EMBEDDING",
    `${option}: got ${got} numbers a vector, expected embedding=${expected}. Set embedding=${got}, or give other vectors.`,
  );
const unmatched = (option: string, ids: number, kind: string) =>
  new DataError(
    "VECTORS_UNMATCHED",
    `${option}: got ${formatCount(ids)} ids, none of which the log has as ${kind}. Give vectors of the log's own ids.`,
  );

/** Vectors trained elsewhere: a path, a Map, or an iterable of [id, numbers]. */
export type VectorsSource = string | VectorEntries;

/** What train() takes. */
export interface VectorOptions {
  /** Interest of each user by id: frozen; who has none is served by the mean of the history. Implies `interest=user`. */
  interestVectors?: VectorsSource;
  /** Embeddings of items by id, to train on or, with `itemTuning=frozen`, to keep. */
  itemVectors?: VectorsSource;
}

const KINDS = [
  { option: "interestVectors", part: "interests", digest: "interestDigest", kind: "user" },
  { option: "itemVectors", part: "items", digest: "itemDigest", kind: "item" },
] as const;

/** Reads what was given. @throws DataError `VECTORS_…`, or of the file */
export async function readSupplied(options: VectorOptions): Promise<SuppliedVectors> {
  const supplied: SuppliedVectors = {};
  for (const { option, part } of KINDS) {
    const source = options[option];
    if (source === undefined) continue;
    if (typeof source === "string") {
      const { readVectors } = await import("../data/read/vectors.ts");
      supplied[part] = await readVectors(source);
    } else supplied[part] = vectorsOf(source, option);
  }
  return supplied;
}

/** Adds to settings what vectors say: their digests, `interest=user`, and the width where none was asked for. */
export function settingsWith(
  settings: { readonly [name: string]: unknown },
  preset: { readonly hidden?: unknown; readonly embedding?: unknown },
  supplied: SuppliedVectors,
): { readonly [name: string]: unknown } {
  const merged: Record<string, unknown> = Object.assign(Object.create(null), settings);
  for (const { option, part, digest } of KINDS) {
    const vectors = supplied[part];
    if (!vectors) continue;
    const own = digestOf(vectors);
    const stored = settings[digest];
    if (stored !== undefined && stored !== "none" && stored !== own) throw differ(option, own, String(stored));
    merged[digest] = own;
    if (part === "interests" && settings.interest === undefined) merged.interest = "user";
    if (merged.embedding !== undefined) continue;
    merged.embedding = vectors.width;
    if (settings.hidden === undefined && preset.hidden === preset.embedding) merged.hidden = vectors.width;
  }
  return merged;
}

/** Checks that the vectors are those of the config. @throws UsageError `VECTORS_MISSING`, `VECTORS_EMBEDDING` */
export function checkSupplied(config: ModelConfig, supplied: SuppliedVectors): void {
  for (const { option, part, digest } of KINDS) {
    const vectors = supplied[part];
    if (!vectors && config[digest] !== "none") throw missing(option, digest);
    if (vectors && vectors.width !== config.embedding) throw wrongWidth(option, vectors.width, config.embedding);
  }
}

/** Says how many ids of a log have vectors, one line a kind. @throws DataError `VECTORS_UNMATCHED` */
export function describeSupplied(supplied: SuppliedVectors, { userIds, items }: Histories): string[] {
  const lines: string[] = [];
  for (const { option, part, kind } of KINDS) {
    const vectors = supplied[part];
    if (!vectors) continue;
    const own: Ids = kind === "user" ? userIds : items;
    let known = 0;
    for (const id of own) if (vectors.ids.indexOf(id) >= 0) known++;
    if (known === 0) throw unmatched(option, vectors.ids.size, kind);
    const others = vectors.ids.size - known;
    lines.push(
      `${kind} vectors: for ${formatCount(known)} of ${formatCount(own.size)} ${kind}s` +
        (others > 0 ? `, and ${formatCount(others)} that are not in the log` : ""),
    );
  }
  return lines;
}

/** Returns the sha256 of vectors in hexadecimal: of their ids and f32 bytes, whatever order they came in. */
export function digestOf({ ids, width, values }: Vectors): string {
  const hash = createHash("sha256").update(`${width}\n`);
  for (const id of ids) hash.update(`${JSON.stringify(id)}\n`);
  return hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)).digest("hex");
}
