// The library's model: what recommends, and can be saved.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ModelError } from "../errors.ts";
import { writeFileAtomic } from "../format/atomic-write.ts";
import { checkKind, decodeModel, encodeModel } from "../format/model-file.ts";
import { Network } from "../model/network.ts";
import { Recommender, type RecommenderParts } from "../rank/recommender.ts";
import { createInferenceEngine } from "../wasm/node.ts";

const missing = (path: string) =>
  new ModelError(
    "MODEL_FILE_MISSING",
    `${path}: no such file, expected a model. Check the path, or train one with attune train.`,
  );
const unreadable = (path: string, why: string) =>
  new ModelError(
    "MODEL_FILE_UNREADABLE",
    `${path}: cannot be read (${why}), expected a model file. Check the path and its permissions.`,
  );

/** How the weights came to be. */
export interface ModelFacts {
  /** Epochs the weights were trained for. */
  epochs: number;
  /** Whether the weights have seen the held-out parts too. */
  refitted: boolean;
}

/** A trained model. */
export class Model extends Recommender {
  /** How the weights came to be. */
  readonly facts: Readonly<ModelFacts>;

  /** @internal */
  constructor(parts: RecommenderParts, facts: ModelFacts) {
    super(parts);
    this.facts = facts;
  }

  /** Number of items in the catalogue. */
  get itemCount(): number {
    return this.parts.items.size;
  }

  /** Number of trained numbers. */
  get parameterCount(): number {
    return this.parts.network.parameters.count;
  }

  /** Returns the bytes of the model file. Equal models give equal bytes. */
  toBytes(): Uint8Array {
    return bytesOf(this.parts, this.facts);
  }

  /**
   * Writes the model file, atomically: readers see the old file or the new one.
   * @returns sha256 of the file in hexadecimal
   * @throws OutputError when it cannot be written; an older file is still there then
   */
  async save(path: string): Promise<string> {
    const bytes = this.toBytes();
    await writeFileAtomic(path, bytes);
    return sha256(bytes);
  }

  /** @internal Network, ids and counts, for the code that measures models. */
  get internals(): RecommenderParts {
    return this.parts;
  }
}

/** Encodes a network with its ids as a model file. */
export function bytesOf({ network, items, users, counts }: RecommenderParts, facts: ModelFacts): Uint8Array {
  const { memory } = network.engine;
  const weights = new Map(network.parameters.list.map((p) => [p.name, memory.f32(p.value, p.size)]));
  return encodeModel({ config: network.config, items, users, counts, ...facts, weights });
}

/** Returns the sha256 of bytes in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Loads a model file. Everything in it is checked before it is used.
 * @throws ModelError `MODEL_FILE_MISSING`, `MODEL_FILE_UNREADABLE`, or what is wrong with the content
 */
export async function load(path: string): Promise<Model> {
  const bytes = await readModelFile(path);
  const engine = await createInferenceEngine();
  const { config, items, users, counts, weights, epochs, refitted } = decodeModel(bytes, path, engine);
  checkKind(config, false, path);
  const network = Network.fromWeights(engine, config, items.size, weights, users?.size);
  return new Model({ network, items, users, counts }, { epochs, refitted });
}

/** Reads the bytes of a model file. @throws ModelError `MODEL_FILE_MISSING`, `MODEL_FILE_UNREADABLE` */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw code === "ENOENT" ? missing(path) : unreadable(path, code ?? message);
  }
}
