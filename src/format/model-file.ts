// A model as a tensor file: config and item ids beside the weights, all checked against each other. What the container itself
// promises (no holes, finite numbers, checksum) is reader.ts's business; here every tensor must be the one the config asks for.

import { type Ids, Vocabulary } from "../data/vocabulary.ts";
import { AttuneError, ModelError } from "../errors.ts";
import { LATER_SETTINGS, type ModelConfig, resolveConfig, SETTING_NAMES } from "../model/config.ts";
import { Network } from "../model/network.ts";
import type { Engine } from "../wasm/engine.ts";
import { checksOf, PLAIN_CHECKS } from "./checks.ts";
import { decodeIds, encodeIds } from "./ids.ts";
import { decodeTensorFile, encodeTensorFile, type Tensor, type TensorFile } from "./safetensors.ts";
import { GET_A_FRESH_COPY, quote } from "./wording.ts";

const FORMAT = "attune";
const VERSION = "1";
const ITEM_BYTES = "items.bytes";
const ITEM_OFFSETS = "items.offsets";
const ITEM_COUNTS = "items.counts";
const USER_BYTES = "users.bytes";
const USER_OFFSETS = "users.offsets";

const notAModel = (subject: string, got: string) =>
  new ModelError(
    "MODEL_FOREIGN",
    `${subject}: got format ${quote(got)}, expected ${quote(FORMAT)}. Give a file that attune train wrote.`,
  );
const wrongVersion = (subject: string, got: string) =>
  new ModelError(
    "MODEL_VERSION",
    `${subject}: got format version ${quote(got)}, expected ${quote(VERSION)}. Train again, or use the attune that wrote it.`,
  );
const badConfig = (subject: string, why: string) =>
  new ModelError("MODEL_CONFIG", `${subject}: the stored config does not hold: ${why} ${GET_A_FRESH_COPY}`);
const badTensor = (subject: string, name: string, got: string, expected: string) =>
  new ModelError(
    "MODEL_TENSOR",
    `${subject}: tensor ${quote(name)} is ${got}, expected ${expected}. Check the model's version, or train it again.`,
  );
const badIds = (subject: string, kind: IdKind, why: string) =>
  new ModelError(`MODEL_${kind.toUpperCase()}S`, `${subject}: the ${kind} ids ${why}. ${GET_A_FRESH_COPY}`);

type IdKind = "item" | "user";

const wrongKind = (subject: string, sequences: boolean) =>
  new ModelError(
    "MODEL_KIND",
    sequences
      ? `${subject}: a model of feature sequences, expected one that recommends. Load it with loadSequences().`
      : `${subject}: a model that recommends, expected one of feature sequences. Load it with load().`,
  );

/** Fails unless a model is of the kind asked for. @throws ModelError `MODEL_KIND` */
export function checkKind({ features }: ModelConfig, sequences: boolean, subject: string): void {
  if (features > 0 !== sequences) throw wrongKind(subject, !sequences);
}

/** What a model file holds. */
export interface StoredModel {
  config: ModelConfig;
  /** Item ids in item order. */
  items: Ids;
  /** Ids of the users with an interest of their own, in the order of `attention.users`; undefined unless `interest=user`. */
  users: Ids | undefined;
  /** Training events of each item, i32[V]. */
  counts: Int32Array;
  /** Epochs the weights were trained for. */
  epochs: number;
  /** Whether the weights have seen the held-out parts too. */
  refitted: boolean;
  /** Weights by parameter name, row-major. */
  weights: Map<string, Float32Array>;
}

/** Encodes a model; equal models give equal bytes. */
export function encodeModel(model: StoredModel): Uint8Array {
  const { config, items, users, counts, epochs, refitted, weights } = model;
  const shapes = Network.specs(config, items.size, users?.size);
  const tensors: Tensor[] = shapes.map(({ name, shape }) => ({
    name,
    dtype: "F32",
    shape: [...shape],
    data: weights.get(name)!,
  }));
  const addIds = (ids: Ids, offsetsName: string, bytesName: string) => {
    const { bytes, offsets } = encodeIds(ids);
    tensors.push({ name: offsetsName, dtype: "I32", shape: [offsets.length], data: offsets });
    tensors.push({ name: bytesName, dtype: "U8", shape: [bytes.length], data: bytes });
  };
  // Sequences of features alone have no catalogue.
  if (items.size > 0) {
    addIds(items, ITEM_OFFSETS, ITEM_BYTES);
    tensors.push({ name: ITEM_COUNTS, dtype: "I32", shape: [counts.length], data: counts });
  }
  if (users) addIds(users, USER_OFFSETS, USER_BYTES);
  const ordered = Object.fromEntries(SETTING_NAMES.map((name) => [name, config[name]]));
  const metadata = new Map([
    ["format", FORMAT],
    ["version", VERSION],
    ["config", JSON.stringify(ordered)],
    ["epochs", String(epochs)],
    ["refitted", String(refitted)],
  ]);
  return encodeTensorFile({ metadata, tensors });
}

/**
 * Decodes a model.
 * @param subject what messages call the file
 * @param engine checks it, fast, and keeps the ids; only models are planned above
 * @throws ModelError `MODEL_FOREIGN`, `MODEL_VERSION`, `MODEL_CONFIG`, `MODEL_TENSOR`, `MODEL_ITEMS`, `MODEL_USERS`, and every code of the container
 */
export function decodeModel(bytes: Uint8Array | ArrayBuffer, subject: string, engine?: Engine): StoredModel {
  const checks = engine ? checksOf(engine) : PLAIN_CHECKS;
  const file = decodeTensorFile(bytes, subject, checks);
  const { metadata, tensors } = file;
  const format = metadata.get("format") ?? "";
  if (format !== FORMAT) throw notAModel(subject, format);
  const version = metadata.get("version") ?? "";
  if (version !== VERSION) throw wrongVersion(subject, version);
  const config = readConfig(metadata.get("config") ?? "", subject);
  const epochs = Number(metadata.get("epochs"));
  if (!Number.isSafeInteger(epochs) || epochs < 0) throw badConfig(subject, "epochs is not a whole number.");
  const known = new Set<string>();
  const readIds = (offsetsName: string, bytesName: string, kind: IdKind): Ids => {
    known.add(offsetsName).add(bytesName);
    const offsets = take(file, offsetsName, "I32", undefined, subject).data as Int32Array;
    const bytes = take(file, bytesName, "U8", undefined, subject).data as Uint8Array;
    return decodeIds(offsets, bytes, engine, (why, at) =>
      badIds(subject, kind, at === undefined ? why : `${why} at ${kind} ${at}`),
    );
  };
  const itemless = config.features > 0 && !tensors.has(ITEM_OFFSETS);
  const items = itemless ? new Vocabulary() : readIds(ITEM_OFFSETS, ITEM_BYTES, "item");
  const users = config.interest === "user" ? readIds(USER_OFFSETS, USER_BYTES, "user") : undefined;
  if (!itemless) known.add(ITEM_COUNTS);
  const counts = itemless
    ? new Int32Array(0)
    : (take(file, ITEM_COUNTS, "I32", [items.size], subject).data as Int32Array);
  if (!checks.areNatural(counts)) throw badIds(subject, "item", "have a negative count");
  const weights = new Map<string, Float32Array>();
  for (const { name, shape } of Network.specs(config, items.size, users?.size)) {
    weights.set(name, take(file, name, "F32", shape, subject).data as Float32Array);
  }
  for (const name of tensors.keys()) {
    if (!weights.has(name) && !known.has(name)) throw badTensor(subject, name, "in the file", "no such tensor");
  }
  return { config, items, users, counts, epochs, refitted: metadata.get("refitted") === "true", weights };
}

function readConfig(text: string, subject: string): ModelConfig {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw badConfig(subject, "it is not JSON.");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw badConfig(subject, "it is not an object.");
  }
  const settings = parsed as Record<string, unknown>;
  const missing = SETTING_NAMES.find((name) => !Object.hasOwn(settings, name) && !LATER_SETTINGS.has(name));
  if (missing) throw badConfig(subject, `${missing} is missing.`);
  try {
    return resolveConfig(settings);
  } catch (error) {
    if (error instanceof AttuneError) throw badConfig(subject, error.message);
    throw error;
  }
}

function take(
  file: TensorFile,
  name: string,
  dtype: Tensor["dtype"],
  shape: readonly number[] | undefined,
  subject: string,
): Tensor {
  const tensor = file.tensors.get(name);
  const wanted = `${dtype} [${shape?.join(", ") ?? "n"}]`;
  if (!tensor) throw badTensor(subject, name, "missing", wanted);
  const sameShape = shape
    ? tensor.shape.length === shape.length && shape.every((size, i) => size === tensor.shape[i])
    : tensor.shape.length === 1;
  if (tensor.dtype !== dtype || !sameShape) {
    throw badTensor(subject, name, `${tensor.dtype} [${tensor.shape.join(", ")}]`, wanted);
  }
  return tensor;
}
