// What a tensor is in an attune file, and how many bytes it takes. Shared by reader and writer, so that neither accepts
// what the other refuses. No bytes are touched here.

import { ModelError } from "../errors.ts";
import type { Checks } from "./checks.ts";
import { digits, GET_A_FRESH_COPY, quote } from "./wording.ts";

/** Element types of an attune file: IEEE f32, two's-complement i32, u8. All little-endian. */
export type TensorDtype = "F32" | "I32" | "U8";

/** The array that holds a tensor's elements: `Float32Array` for F32, `Int32Array` for I32, `Uint8Array` for U8. */
export type TensorData = Float32Array | Int32Array | Uint8Array;

/** A named array with a shape, row-major. */
export interface Tensor {
  /** Any text except the reserved `checksum` and `__metadata__`. */
  name: string;
  dtype: TensorDtype;
  /** 0 to 4 dimensions, each a whole number from 0; `[]` is a scalar (one element). */
  shape: number[];
  /** As many elements as the product of `shape`. */
  data: TensorData;
}

/** The content of a file: texts and tensors, both in file order. Maps, because `__proto__` is a name like any other. */
export interface TensorFile {
  metadata: Map<string, string>;
  /** By tensor name, without the checksum. */
  tensors: Map<string, Tensor>;
}

/** Largest number of tensors in a file, the checksum included. */
export const MAX_TENSORS = 256;
/** Largest number of dimensions of a tensor. */
export const MAX_DIMENSIONS = 4;
/** Largest header, in bytes: 1 MiB. */
export const MAX_HEADER_BYTES = 1024 * 1024;
/** Bytes that neither a tensor nor a file may reach: wasm32 addresses 4 GiB. */
export const LIMIT_BYTES = 4_294_967_296;
/** Name of the last tensor: U8 [4], the little-endian CRC-32 of every byte of the file before it. */
export const CHECKSUM_NAME = "checksum";
/** Bytes of the checksum tensor. */
export const CHECKSUM_BYTES = 4;
/** Header key of the metadata; cannot name a tensor. */
export const METADATA_KEY = "__metadata__";
/** Bytes per element, by dtype. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
  ["F32", 4],
  ["I32", 4],
  ["U8", 1],
]);

const LIMIT_PRODUCT = Number.MAX_SAFE_INTEGER + 1;
const LONE_SURROGATE = /\p{Surrogate}/u;

const at = (subject: string, name: string) => `${subject}: tensor ${quote(name)}`;
const dtypeUnknown = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_DTYPE",
    `${at(subject, name)} has dtype ${quote(got)}, expected F32, I32 or U8. Convert the tensor, or load a model that attune wrote.`,
  );
export const shapeNegative = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_SHAPE_NEGATIVE",
    `${at(subject, name)} has dimension ${got}, expected a whole number from 0. ${GET_A_FRESH_COPY}`,
  );
export const shapeFraction = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_SHAPE_FRACTION",
    `${at(subject, name)} has dimension ${got}, expected a whole number written in digits. ${GET_A_FRESH_COPY}`,
  );
export const shapeDimensions = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_SHAPE_DIMENSIONS",
    `${at(subject, name)} has ${got} dimensions, expected at most ${MAX_DIMENSIONS}. Reshape the tensor.`,
  );
const textSurrogate = (subject: string, text: string) =>
  new ModelError(
    "MODEL_HEADER_SURROGATE",
    `${subject}: header text ${quote(text)} has half of a surrogate pair, expected whole Unicode characters. Correct the name or the metadata.`,
  );
const shapeOverflow = (subject: string, name: string, shape: readonly number[]) =>
  new ModelError(
    "MODEL_SHAPE_OVERFLOW",
    `${at(subject, name)} has shape [${shape.join(", ")}], expected fewer than 2^53 elements. ${GET_A_FRESH_COPY}`,
  );
const tensorTooLarge = (subject: string, name: string, bytes: number) =>
  new ModelError(
    "MODEL_TENSOR_TOO_LARGE",
    `${at(subject, name)} has ${digits(bytes)} bytes, expected fewer than ${digits(LIMIT_BYTES)} (4 GiB). Use a smaller model.`,
  );
export const tensorCount = (subject: string, got: string) =>
  new ModelError(
    "MODEL_TENSOR_COUNT",
    `${subject}: got ${got} tensors, expected at most ${MAX_TENSORS} with the checksum. Merge tensors, or load a model that attune wrote.`,
  );
const valueNotFinite = (subject: string, name: string, index: number, value: number) =>
  new ModelError(
    "MODEL_NOT_FINITE",
    `${at(subject, name)} has ${value} at element ${digits(index)}, expected finite numbers only. Train again with a lower learning rate, or use an earlier model.`,
  );

/**
 * Checks that a name or metadata text survives UTF-8: no half of a surrogate pair.
 * @throws ModelError `MODEL_HEADER_SURROGATE`
 */
export function checkText(subject: string, text: string): void {
  if (LONE_SURROGATE.test(text)) throw textSurrogate(subject, text);
}

/**
 * Checks a dtype by name.
 * @throws ModelError `MODEL_DTYPE`
 */
export function checkDtype(subject: string, name: string, dtype: string): asserts dtype is TensorDtype {
  if (!DTYPE_BYTES.has(dtype)) throw dtypeUnknown(subject, name, dtype);
}

/**
 * Counts the bytes of a tensor, in safe integers. The limit of 2^53 elements is checked with zero dimensions left out, so
 * that it does not depend on their place.
 * @param shape dimensions as found, not yet checked
 * @returns whole number of bytes below 2^32
 * @throws ModelError `MODEL_SHAPE_DIMENSIONS`, `MODEL_SHAPE_NEGATIVE`, `MODEL_SHAPE_FRACTION`, `MODEL_SHAPE_OVERFLOW`,
 * `MODEL_TENSOR_TOO_LARGE`
 */
export function tensorBytes(subject: string, name: string, dtype: TensorDtype, shape: readonly number[]): number {
  if (shape.length > MAX_DIMENSIONS) throw shapeDimensions(subject, name, digits(shape.length));
  let product = 1;
  let empty = false;
  for (const dimension of shape) {
    if (dimension < 0) throw shapeNegative(subject, name, String(dimension));
    if (dimension >= LIMIT_PRODUCT) throw shapeOverflow(subject, name, shape);
    if (!Number.isInteger(dimension)) throw shapeFraction(subject, name, String(dimension));
    if (dimension === 0) empty = true;
    else product *= dimension;
    if (product >= LIMIT_PRODUCT) throw shapeOverflow(subject, name, shape);
  }
  if (empty) return 0;
  const bytes = product * DTYPE_BYTES.get(dtype)!;
  if (bytes >= LIMIT_BYTES) throw tensorTooLarge(subject, name, bytes);
  return bytes;
}

/**
 * Checks that every f32 is finite.
 * @param data any tensor data; integers pass
 * @throws ModelError `MODEL_NOT_FINITE` with the first bad element
 */
export function checkFinite(subject: string, name: string, data: TensorData, { areFinite }: Checks): void {
  if (data[Symbol.toStringTag] !== "Float32Array" || areFinite(data as Float32Array)) return;
  const index = data.findIndex((value) => !Number.isFinite(value));
  throw valueNotFinite(subject, name, index, data[index]);
}
