// Strict scanner for the JSON header of a safetensors file. Not a JSON parser: it knows this one grammar, so what JSON.parse
// hides (a repeated key, of which it keeps the last) is an error.
//
//   header   = "{" [ member *( "," member ) ] "}" *" "      white space of JSON is allowed between tokens
//   member   = "__metadata__" ":" "{" [ key ":" string *( "," … ) ] "}"
//            | name ":" "{" "dtype" ":" string "," "shape" ":" [numbers] "," "data_offsets" ":" [begin "," end] "}"
//
// The three fields of an entry come in any order, each exactly once. Counts are limited while scanning, not afterwards.
// Sizes and offsets are only read here; `layout.ts` decides whether they fit together.

import { ModelError } from "../errors.ts";
import {
  checkDtype,
  MAX_DIMENSIONS,
  MAX_TENSORS,
  METADATA_KEY,
  shapeDimensions,
  shapeFraction,
  shapeNegative,
  type TensorDtype,
  tensorCount,
} from "./tensor.ts";
import { TokenReader } from "./tokens.ts";
import { GET_A_FRESH_COPY, quote } from "./wording.ts";

/** What the header says about a tensor. `begin` and `end` are bytes from the start of the data; not yet checked. */
export interface HeaderEntry {
  name: string;
  dtype: TensorDtype;
  shape: number[];
  begin: number;
  end: number;
}

/** A scanned header, in file order. */
export interface Header {
  metadata: Map<string, string>;
  entries: Map<string, HeaderEntry>;
}

const repeated = (code: string, subject: string, what: string) =>
  new ModelError(code, `${subject}: header has ${what} twice, expected once. ${GET_A_FRESH_COPY}`);
const unknownField = (subject: string, name: string, field: string) =>
  new ModelError(
    "MODEL_FIELD_UNKNOWN",
    `${subject}: tensor ${quote(name)} has field ${quote(field)}, expected dtype, shape and data_offsets only. ${GET_A_FRESH_COPY}`,
  );
const missingField = (subject: string, name: string, field: string) =>
  new ModelError(
    "MODEL_FIELD_MISSING",
    `${subject}: tensor ${quote(name)} has no ${field}, expected dtype, shape and data_offsets. ${GET_A_FRESH_COPY}`,
  );
const offsetsCount = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_OFFSETS_COUNT",
    `${subject}: tensor ${quote(name)} has ${got} data_offsets, expected two: begin and end. ${GET_A_FRESH_COPY}`,
  );
const offsetsNumber = (subject: string, name: string, got: string) =>
  new ModelError(
    "MODEL_OFFSETS_NUMBER",
    `${subject}: tensor ${quote(name)} has data offset ${quote(got)}, expected a whole number from 0 written in digits. ${GET_A_FRESH_COPY}`,
  );

/**
 * Scans the header of a safetensors file.
 * @param text the header, decoded from UTF-8, padding included
 * @param subject file name for messages
 * @throws ModelError `MODEL_HEADER_SYNTAX`, `MODEL_HEADER_TRAILING`, `MODEL_HEADER_SURROGATE`, `MODEL_DUPLICATE_TENSOR`,
 * `MODEL_DUPLICATE_FIELD`, `MODEL_DUPLICATE_METADATA`, `MODEL_DUPLICATE_METADATA_KEY`, `MODEL_METADATA_TYPE`,
 * `MODEL_METADATA_VALUE`, `MODEL_ENTRY_TYPE`, `MODEL_FIELD_TYPE`, `MODEL_FIELD_UNKNOWN`, `MODEL_FIELD_MISSING`,
 * `MODEL_DTYPE`, `MODEL_SHAPE_NEGATIVE`, `MODEL_SHAPE_FRACTION`, `MODEL_SHAPE_DIMENSIONS`, `MODEL_OFFSETS_COUNT`,
 * `MODEL_OFFSETS_NUMBER`, `MODEL_TENSOR_COUNT`
 */
export function scanHeader(text: string, subject: string): Header {
  const tokens = new TokenReader(text, subject);
  const entries = new Map<string, HeaderEntry>();
  let metadata: Map<string, string> | undefined;
  tokens.object("MODEL_HEADER_SYNTAX", "header", (key) => {
    if (key === METADATA_KEY) {
      if (metadata) throw repeated("MODEL_DUPLICATE_METADATA", subject, METADATA_KEY);
      metadata = readMetadata(tokens, subject);
      return;
    }
    if (entries.has(key)) throw repeated("MODEL_DUPLICATE_TENSOR", subject, `tensor ${quote(key)}`);
    if (entries.size === MAX_TENSORS) throw tensorCount(subject, `more than ${MAX_TENSORS}`);
    entries.set(key, readEntry(tokens, subject, key));
  });
  tokens.end();
  return { metadata: metadata ?? new Map(), entries };
}

function readMetadata(tokens: TokenReader, subject: string): Map<string, string> {
  const metadata = new Map<string, string>();
  tokens.object("MODEL_METADATA_TYPE", METADATA_KEY, (key) => {
    if (metadata.has(key)) throw repeated("MODEL_DUPLICATE_METADATA_KEY", subject, `metadata key ${quote(key)}`);
    metadata.set(key, tokens.string("MODEL_METADATA_VALUE", `metadata ${quote(key)}`));
  });
  return metadata;
}

function readEntry(tokens: TokenReader, subject: string, name: string): HeaderEntry {
  let dtype: TensorDtype | undefined;
  let shape: number[] | undefined;
  let offsets: [begin: number, end: number] | undefined;
  const once = (field: string, earlier: unknown) => {
    if (earlier) throw repeated("MODEL_DUPLICATE_FIELD", subject, `${field} of tensor ${quote(name)}`);
  };
  tokens.object("MODEL_ENTRY_TYPE", `tensor ${quote(name)}`, (field) => {
    switch (field) {
      case "dtype":
        once(field, dtype);
        dtype = readDtype(tokens, subject, name);
        break;
      case "shape":
        once(field, shape);
        shape = readShape(tokens, subject, name);
        break;
      case "data_offsets":
        once(field, offsets);
        offsets = readOffsets(tokens, subject, name);
        break;
      default:
        throw unknownField(subject, name, field);
    }
  });
  if (!dtype) throw missingField(subject, name, "dtype");
  if (!shape) throw missingField(subject, name, "shape");
  if (!offsets) throw missingField(subject, name, "data_offsets");
  return { name, dtype, shape, begin: offsets[0], end: offsets[1] };
}

function readDtype(tokens: TokenReader, subject: string, name: string): TensorDtype {
  const dtype = tokens.string("MODEL_FIELD_TYPE", `dtype of tensor ${quote(name)}`);
  checkDtype(subject, name, dtype);
  return dtype;
}

function readShape(tokens: TokenReader, subject: string, name: string): number[] {
  const shape: number[] = [];
  tokens.numbers("MODEL_FIELD_TYPE", `shape of tensor ${quote(name)}`, (token) => {
    if (shape.length === MAX_DIMENSIONS) throw shapeDimensions(subject, name, `more than ${MAX_DIMENSIONS}`);
    if (token.startsWith("-")) throw shapeNegative(subject, name, quote(token));
    if (/[.eE]/.test(token)) throw shapeFraction(subject, name, quote(token));
    shape.push(Number(token));
  });
  return shape;
}

function readOffsets(tokens: TokenReader, subject: string, name: string): [begin: number, end: number] {
  const offsets: number[] = [];
  tokens.numbers("MODEL_FIELD_TYPE", `data_offsets of tensor ${quote(name)}`, (token) => {
    if (offsets.length === 2) throw offsetsCount(subject, name, "more than two");
    if (/[-.eE]/.test(token)) throw offsetsNumber(subject, name, token);
    offsets.push(Number(token));
  });
  if (offsets.length < 2) throw offsetsCount(subject, name, String(offsets.length));
  return [offsets[0], offsets[1]];
}
