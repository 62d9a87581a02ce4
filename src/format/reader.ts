// Reads an attune file: a valid `.safetensors` file with stricter limits and a checksum. The order is fixed: frame (lengths),
// header (grammar), layout (ranges), checksum, and only then values. Nothing is allocated by a size that a file claims;
// after the header, tensors are views into the bytes given. A file holds numbers and texts only, so reading runs no code.

import { ModelError } from "../errors.ts";
import { type Checks, PLAIN_CHECKS } from "./checks.ts";
import { type HeaderEntry, scanHeader } from "./header.ts";
import { checkLayout } from "./layout.ts";
import {
  CHECKSUM_BYTES,
  CHECKSUM_NAME,
  checkFinite,
  MAX_HEADER_BYTES,
  type Tensor,
  type TensorData,
  type TensorFile,
} from "./tensor.ts";
import { digits, GET_A_FRESH_COPY } from "./wording.ts";

const LENGTH_BYTES = 8;
const OPENING_BRACE = 0x7b;

const tooShort = (subject: string, bytes: number) =>
  new ModelError(
    "MODEL_TOO_SHORT",
    `${subject}: file has ${digits(bytes)} bytes, expected at least ${LENGTH_BYTES} for the header length. ${GET_A_FRESH_COPY}`,
  );
const headerLength = (subject: string, got: bigint, left: number) =>
  new ModelError(
    "MODEL_HEADER_LENGTH",
    `${subject}: header length is ${digits(got)}, expected at most ${digits(left)}, the bytes left in the file. The file is cut short or is not a model. ${GET_A_FRESH_COPY}`,
  );
const headerTooLarge = (subject: string, got: bigint) =>
  new ModelError(
    "MODEL_HEADER_TOO_LARGE",
    `${subject}: header length is ${digits(got)}, expected at most ${digits(MAX_HEADER_BYTES)}. Load a model that attune wrote.`,
  );
const headerStart = (subject: string, got: string) =>
  new ModelError(
    "MODEL_HEADER_START",
    `${subject}: header starts with ${got}, expected {. The file is damaged or is not a model. ${GET_A_FRESH_COPY}`,
  );
const headerUtf8 = (subject: string) =>
  new ModelError(
    "MODEL_HEADER_UTF8",
    `${subject}: header has bytes that are not UTF-8, expected text. ${GET_A_FRESH_COPY}`,
  );
const checksumMissing = (subject: string) =>
  new ModelError(
    "MODEL_CHECKSUM_MISSING",
    `${subject}: a safetensors file, but without a tensor "${CHECKSUM_NAME}", expected a model that attune wrote. Train one with "attune train".`,
  );
const checksumForm = (subject: string, got: HeaderEntry) =>
  new ModelError(
    "MODEL_CHECKSUM_FORM",
    `${subject}: tensor "${CHECKSUM_NAME}" is ${got.dtype.toLowerCase()}[${got.shape.join(",")}], expected u8[${CHECKSUM_BYTES}]. Load a model that attune wrote.`,
  );
const checksumPosition = (subject: string, got: HeaderEntry) =>
  new ModelError(
    "MODEL_CHECKSUM_POSITION",
    `${subject}: tensor "${CHECKSUM_NAME}" starts at data byte ${digits(got.begin)} with tensors after it, expected it last. Load a model that attune wrote.`,
  );
const checksumMismatch = (subject: string, got: number, expected: number) =>
  new ModelError(
    "MODEL_CHECKSUM_MISMATCH",
    `${subject}: checksum of the content is ${hex(got)}, expected ${hex(expected)} as stored. The file is damaged. ${GET_A_FRESH_COPY}`,
  );
const hex = (value: number) => value.toString(16).padStart(8, "0");

/**
 * Reads a tensor file and checks all of it, values included.
 *
 * Tensors are views into `source` where a 4-byte boundary allows it, else copies; do not change `source` afterwards.
 * Files by `encodeTensorFile` always give views if `source` itself starts on a 4-byte boundary.
 * @param source the whole file
 * @param subject file name for messages
 * @param checks what looks at every byte
 * @returns metadata and tensors in header order, without the checksum; f32 values are finite
 * @throws ModelError frame: `MODEL_TOO_SHORT`, `MODEL_HEADER_LENGTH`, `MODEL_HEADER_TOO_LARGE`, `MODEL_HEADER_START`,
 * `MODEL_HEADER_UTF8`; header: see `scanHeader`; layout: see `checkLayout`; checksum: `MODEL_CHECKSUM_MISSING` (a valid
 * safetensors file of another program), `MODEL_CHECKSUM_FORM`, `MODEL_CHECKSUM_POSITION`, `MODEL_CHECKSUM_MISMATCH`;
 * values: `MODEL_NOT_FINITE`
 * @example
 * const { metadata, tensors } = decodeTensorFile(await readFile("shop.safetensors"), "shop.safetensors");
 * tensors.get("embedding.weight")?.data; // Float32Array
 */
export function decodeTensorFile(
  source: Uint8Array | ArrayBuffer,
  subject: string,
  checks: Checks = PLAIN_CHECKS,
): TensorFile {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  const { text, dataStart } = readHeader(bytes, subject);
  const { metadata, entries } = scanHeader(text, subject);
  const ordered = checkLayout(entries.values(), bytes.length - dataStart, subject);
  const areFinite = checkChecksum(bytes, dataStart, entries.get(CHECKSUM_NAME), ordered, checks, subject);

  const tensors = new Map<string, Tensor>();
  for (const entry of entries.values()) {
    if (entry.name === CHECKSUM_NAME) continue;
    const data = viewTensor(bytes, dataStart, entry);
    if (!areFinite) checkFinite(subject, entry.name, data, checks);
    tensors.set(entry.name, { name: entry.name, dtype: entry.dtype, shape: entry.shape, data });
  }
  return { metadata, tensors };
}

/** Finds and decodes the header; every length is compared with the bytes left before it is used. */
function readHeader(bytes: Uint8Array, subject: string): { text: string; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) throw tooShort(subject, bytes.length);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const left = bytes.length - LENGTH_BYTES;
  if (length > left) throw headerLength(subject, length, left);
  if (length > MAX_HEADER_BYTES) throw headerTooLarge(subject, length);
  const dataStart = LENGTH_BYTES + Number(length);
  if (length === 0n) throw headerStart(subject, "nothing");
  if (bytes[LENGTH_BYTES] !== OPENING_BRACE) {
    throw headerStart(subject, `byte 0x${bytes[LENGTH_BYTES].toString(16).padStart(2, "0")}`);
  }
  try {
    // A copy, because decoders refuse shared memory.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.slice(LENGTH_BYTES, dataStart),
    );
    return { text, dataStart };
  } catch {
    throw headerUtf8(subject);
  }
}

/** Compares the checksum with the content; returns whether all f32 are known to be finite. */
function checkChecksum(
  bytes: Uint8Array,
  dataStart: number,
  checksum: HeaderEntry | undefined,
  ordered: readonly HeaderEntry[],
  checks: Checks,
  subject: string,
): boolean {
  if (!checksum) throw checksumMissing(subject);
  if (checksum.dtype !== "U8" || checksum.shape.length !== 1 || checksum.shape[0] !== CHECKSUM_BYTES) {
    throw checksumForm(subject, checksum);
  }
  if (ordered[ordered.length - 1] !== checksum) throw checksumPosition(subject, checksum);
  const covered = bytes.length - CHECKSUM_BYTES;
  const stored = new DataView(bytes.buffer, bytes.byteOffset + covered).getUint32(0, true);
  const floats = ordered
    .filter(({ dtype }) => dtype === "F32")
    .map(({ begin, end }) => ({ begin: dataStart + begin, end: dataStart + end }));
  const { crc, areFinite } = checks.checksum(bytes.subarray(0, covered), floats);
  if (crc !== stored) throw checksumMismatch(subject, crc, stored);
  return areFinite;
}

/** Makes the typed array of a checked entry. Hosts of WebAssembly are little-endian, as the file is. */
function viewTensor(bytes: Uint8Array, dataStart: number, entry: HeaderEntry): TensorData {
  const part = bytes.subarray(dataStart + entry.begin, dataStart + entry.end);
  if (entry.dtype === "U8") return part;
  const { buffer, byteOffset, byteLength } = part.byteOffset % 4 === 0 ? part : part.slice();
  return entry.dtype === "F32"
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Int32Array(buffer, byteOffset, byteLength / 4);
}
