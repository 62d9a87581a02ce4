// Writes an attune file: a valid `.safetensors` file whose last tensor is a CRC-32 of everything before it. Equal input gives
// equal bytes. What the reader would refuse is refused here, with the same codes, so an unreadable file is never written.
//
//   u64 header length | JSON header, padded with spaces to 16 bytes | 4-byte elements | 1-byte elements | checksum u8[4]
//
// The header keeps the order given; data of 4-byte elements comes first, so that every reader can use views.

import { ModelError } from "../errors.ts";
import { PLAIN_CHECKS } from "./checks.ts";
import { crc32 } from "./crc32.ts";
import {
  CHECKSUM_BYTES,
  CHECKSUM_NAME,
  checkDtype,
  checkFinite,
  checkText,
  DTYPE_BYTES,
  LIMIT_BYTES,
  MAX_HEADER_BYTES,
  MAX_TENSORS,
  METADATA_KEY,
  type Tensor,
  type TensorDtype,
  tensorBytes,
  tensorCount,
} from "./tensor.ts";
import { digits, quote } from "./wording.ts";

const SUBJECT = "model to write";
const LENGTH_BYTES = 8;
const ALIGNMENT = 16;
const ARRAY_TAGS: Record<TensorDtype, string> = { F32: "Float32Array", I32: "Int32Array", U8: "Uint8Array" };

const nameReserved = (name: string) =>
  new ModelError(
    "MODEL_NAME_RESERVED",
    `${SUBJECT}: a tensor is named ${quote(name)}, expected another name: the file format uses this one. Rename the tensor.`,
  );
const nameTwice = (name: string) =>
  new ModelError(
    "MODEL_DUPLICATE_TENSOR",
    `${SUBJECT}: two tensors are named ${quote(name)}, expected one. Rename one of them.`,
  );
const wrongArray = (tensor: Tensor, got: string) =>
  new ModelError(
    "MODEL_DATA_TYPE",
    `${SUBJECT}: tensor ${quote(tensor.name)} holds a ${got}, expected ${ARRAY_TAGS[tensor.dtype]} for ${tensor.dtype}. Convert the data.`,
  );
const wrongLength = (tensor: Tensor, bytes: number) =>
  new ModelError(
    "MODEL_DATA_LENGTH",
    `${SUBJECT}: tensor ${quote(tensor.name)} has ${digits(tensor.data.byteLength)} bytes, expected ${digits(bytes)} for ${tensor.dtype.toLowerCase()}[${tensor.shape.join(",")}]. Correct its shape or its data.`,
  );
const headerTooLarge = (bytes: number) =>
  new ModelError(
    "MODEL_HEADER_TOO_LARGE",
    `${SUBJECT}: header has ${digits(bytes)} bytes, expected at most ${digits(MAX_HEADER_BYTES)}. Store long texts as u8 tensors.`,
  );
const fileTooLarge = (bytes: number) =>
  new ModelError(
    "MODEL_FILE_TOO_LARGE",
    `${SUBJECT}: file would have ${digits(bytes)} bytes, expected fewer than ${digits(LIMIT_BYTES)} (4 GiB). Use fewer items or a smaller model.`,
  );

/**
 * Writes metadata and tensors as the bytes of a tensor file.
 * @param file `metadata` and `tensors` in the order in which readers shall see them; names are unique
 * @returns the whole file; the data starts at a multiple of 16 bytes
 * @throws ModelError `MODEL_NAME_RESERVED`, `MODEL_DUPLICATE_TENSOR`, `MODEL_TENSOR_COUNT`, `MODEL_DTYPE`, `MODEL_DATA_TYPE`,
 * `MODEL_DATA_LENGTH`, `MODEL_NOT_FINITE`, `MODEL_HEADER_SURROGATE`, `MODEL_HEADER_TOO_LARGE`, `MODEL_FILE_TOO_LARGE`, and
 * those of `tensorBytes`
 * @example
 * const bytes = encodeTensorFile({
 *   metadata: new Map([["config", "{}"]]),
 *   tensors: [{ name: "bias", dtype: "F32", shape: [2], data: new Float32Array([0.5, 1]) }],
 * });
 */
export function encodeTensorFile(file: {
  metadata: ReadonlyMap<string, string>;
  tensors: readonly Tensor[];
}): Uint8Array<ArrayBuffer> {
  const placed = placeTensors(file.tensors);
  const header = encodeHeader(file.metadata, placed);
  const dataStart = LENGTH_BYTES + header.length;
  const dataBytes = placed.reduce((sum, { bytes }) => sum + bytes, 0);
  const fileBytes = dataStart + dataBytes + CHECKSUM_BYTES;
  if (fileBytes >= LIMIT_BYTES) throw fileTooLarge(fileBytes);
  for (const { tensor } of placed) checkFinite(SUBJECT, tensor.name, tensor.data, PLAIN_CHECKS);

  const out = new Uint8Array(fileBytes);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(header.length), true);
  out.set(header, LENGTH_BYTES);
  for (const { tensor, begin } of placed) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    out.set(new Uint8Array(buffer, byteOffset, byteLength), dataStart + begin);
  }
  const covered = fileBytes - CHECKSUM_BYTES;
  view.setUint32(covered, crc32(out.subarray(0, covered)), true);
  return out;
}

interface PlacedTensor {
  tensor: Tensor;
  /** Bytes from the start of the data. */
  begin: number;
  bytes: number;
}

/** Checks the tensors and gives each its place: 4-byte elements first. Returned in the order given. */
function placeTensors(tensors: readonly Tensor[]): PlacedTensor[] {
  if (tensors.length >= MAX_TENSORS) throw tensorCount(SUBJECT, `${digits(tensors.length + 1)}`);
  const names = new Set<string>();
  const placed = tensors.map((tensor) => {
    if (tensor.name === CHECKSUM_NAME || tensor.name === METADATA_KEY) throw nameReserved(tensor.name);
    if (names.has(tensor.name)) throw nameTwice(tensor.name);
    names.add(tensor.name);
    return { tensor, begin: 0, bytes: checkedBytes(tensor) };
  });
  let end = 0;
  for (const elementBytes of [4, 1]) {
    for (const place of placed) {
      if (DTYPE_BYTES.get(place.tensor.dtype) !== elementBytes) continue;
      place.begin = end;
      end += place.bytes;
    }
  }
  return placed;
}

function checkedBytes(tensor: Tensor): number {
  checkDtype(SUBJECT, tensor.name, tensor.dtype);
  const tag = tensor.data[Symbol.toStringTag];
  if (tag !== ARRAY_TAGS[tensor.dtype]) throw wrongArray(tensor, tag);
  const bytes = tensorBytes(SUBJECT, tensor.name, tensor.dtype, tensor.shape);
  if (tensor.data.byteLength !== bytes) throw wrongLength(tensor, bytes);
  return bytes;
}

/** Writes the header piece by piece: an object literal would reorder numeric names and lose `__proto__`. */
function encodeHeader(metadata: ReadonlyMap<string, string>, placed: readonly PlacedTensor[]): Uint8Array {
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = Array.from(metadata, ([key, value]) => `${json(key)}:${json(value)}`);
    members.push(`"${METADATA_KEY}":{${pairs.join(",")}}`);
  }
  let end = 0;
  for (const { tensor, begin, bytes } of placed) {
    members.push(entry(tensor.name, tensor.dtype, tensor.shape, begin, bytes));
    end += bytes;
  }
  members.push(entry(CHECKSUM_NAME, "U8", [CHECKSUM_BYTES], end, CHECKSUM_BYTES));
  const text = new TextEncoder().encode(`{${members.join(",")}}`);
  const paddedBytes = Math.ceil((LENGTH_BYTES + text.length) / ALIGNMENT) * ALIGNMENT - LENGTH_BYTES;
  if (paddedBytes > MAX_HEADER_BYTES) throw headerTooLarge(paddedBytes);
  const header = new Uint8Array(paddedBytes).fill(0x20);
  header.set(text);
  return header;
}

function entry(name: string, dtype: TensorDtype, shape: readonly number[], begin: number, bytes: number): string {
  return `${json(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${begin + bytes}]}`;
}

function json(text: string): string {
  checkText(SUBJECT, text);
  return JSON.stringify(text);
}
