import fc from "fast-check";
import { expect, test } from "vitest";
import { ModelError } from "../../src/errors.ts";
import { decodeTensorFile, encodeTensorFile, type Tensor, type TensorDtype } from "../../src/format/safetensors.ts";
import { slowCrc32 } from "./handmade.ts";

const none = new Map<string, string>();
const f32 = (name: string, shape: number[], ...values: number[]): Tensor => ({
  name,
  dtype: "F32",
  shape,
  data: Float32Array.from(values),
});
const u8 = (name: string, ...values: number[]): Tensor => ({
  name,
  dtype: "U8",
  shape: [values.length],
  data: Uint8Array.from(values),
});

/** Text of the header with its padding. */
function headerOf(file: Uint8Array): string {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length));
}

/** Runs `encode` and gives the code of its ModelError. */
function codeOf(encode: () => unknown): string {
  try {
    encode();
  } catch (error) {
    if (error instanceof ModelError) {
      expect(error.message).toMatch(/^model to write: [^\n]+\.$/);
      return error.code;
    }
    throw error;
  }
  return "no error";
}

// Made by Python's standard library, not by attune. Its header is not padded, so 4-byte elements are misaligned on purpose.
//   import json, struct, zlib
//   names = {"gru.weight_ih_l0": ("F32", [2, 2], struct.pack("<4f", 1, -2.5, 0.1, 1e-40)),
//            "offsets": ("I32", [3], struct.pack("<3i", 0, 5, -1)), "items": ("U8", [5], "aéé".encode()), "ключ": ("F32", [0, 4], b"")}
//   data, header = b"", {"__metadata__": {"format": "attune", "config": "{\"k\": 1}"}}
//   for name, (dtype, shape, raw) in names.items():
//       header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
//       data += raw
//   header["checksum"] = {"dtype": "U8", "shape": [4], "data_offsets": [len(data), len(data) + 4]}
//   text = json.dumps(header, ensure_ascii=False).encode()
//   file = struct.pack("<Q", len(text)) + text + data
//   print((file + struct.pack("<I", zlib.crc32(file))).hex())
const GOLDEN = `
a3010000000000007b225f5f6d657461646174615f5f223a207b22666f726d6174223a2022617474756e65222c2022636f6e666967223a20
227b5c226b5c223a20317d227d2c20226772752e7765696768745f69685f6c30223a207b226474797065223a2022463332222c2022736861
7065223a205b322c20325d2c2022646174615f6f666673657473223a205b302c2031365d7d2c20226f666673657473223a207b2264747970
65223a2022493332222c20227368617065223a205b335d2c2022646174615f6f666673657473223a205b31362c2032385d7d2c2022697465
6d73223a207b226474797065223a20225538222c20227368617065223a205b355d2c2022646174615f6f666673657473223a205b32382c20
33335d7d2c2022d0bad0bbd18ed187223a207b226474797065223a2022463332222c20227368617065223a205b302c20345d2c2022646174
615f6f666673657473223a205b33332c2033335d7d2c2022636865636b73756d223a207b226474797065223a20225538222c202273686170
65223a205b345d2c2022646174615f6f666673657473223a205b33332c2033375d7d7d0000803f000020c0cdcccc3dc21601000000000005
000000ffffffff61c3a9c3a90cc07572`.replace(/\s/g, "");

test("a file made by Python decodes to its metadata, names, shapes and exact values", () => {
  const { metadata, tensors } = decodeTensorFile(Uint8Array.from(Buffer.from(GOLDEN, "hex")), "golden");
  expect([...metadata]).toEqual([
    ["format", "attune"],
    ["config", '{"k": 1}'],
  ]);
  expect([...tensors.values()]).toEqual([
    f32("gru.weight_ih_l0", [2, 2], 1, -2.5, 0.1, 1e-40),
    { name: "offsets", dtype: "I32", shape: [3], data: Int32Array.of(0, 5, -1) },
    u8("items", ...new TextEncoder().encode("aéé")),
    f32("ключ", [0, 4]),
  ]);
});

test("an encoded file is plain safetensors: JSON header from {, __metadata__ of strings, contiguous offsets to the end", () => {
  const file = encodeTensorFile({
    metadata: new Map([["a", "1"]]),
    tensors: [u8("bytes", 1, 2, 3), f32("w", [1, 2], 0.5, -1)],
  });
  const header = headerOf(file);
  expect(header).toMatch(/^\{.*\} *$/);
  expect(JSON.parse(header)).toEqual({
    __metadata__: { a: "1" },
    bytes: { dtype: "U8", shape: [3], data_offsets: [8, 11] },
    w: { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] },
    checksum: { dtype: "U8", shape: [4], data_offsets: [11, 15] },
  });
  expect(8 + new TextEncoder().encode(header).length + 15).toBe(file.length);
});

test("the last four bytes are the little-endian CRC-32 of every byte before them", () => {
  const file = encodeTensorFile({ metadata: none, tensors: [f32("w", [1], 3)] });
  const stored = new DataView(file.buffer).getUint32(file.length - 4, true);
  expect(stored).toBe(slowCrc32(file.subarray(0, -4)));
});

test("the data starts at a multiple of 16 for 40 lengths of metadata, and f32 tensors after odd u8 tensors are views", () => {
  for (let length = 0; length < 40; length++) {
    const metadata = new Map([["k", "x".repeat(length)]]);
    const file = encodeTensorFile({ metadata, tensors: [u8("odd", 1, 2, 3), f32("w", [2], 1, 2)] });
    const dataStart = 8 + new TextEncoder().encode(headerOf(file)).length;
    expect(dataStart % 16, `length=${length}`).toBe(0);
    const w = decodeTensorFile(file, "f").tensors.get("w")!;
    expect(w.data.buffer).toBe(file.buffer);
    expect(w.data.byteOffset).toBe(dataStart);
  }
});

test("a file without metadata has no __metadata__ in its header", () => {
  expect(headerOf(encodeTensorFile({ metadata: none, tensors: [] }))).not.toContain("metadata");
});

test("a file that starts at any byte of a larger buffer, or is a plain ArrayBuffer, decodes to the same tensors", () => {
  const file = encodeTensorFile({ metadata: none, tensors: [f32("w", [2], 1.5, -2), u8("b", 9)] });
  const expected = decodeTensorFile(file, "f");
  expect(decodeTensorFile(file.buffer, "f")).toEqual(expected);
  for (let shift = 0; shift < 8; shift++) {
    const larger = new Uint8Array(file.length + 16).fill(0xee);
    larger.set(file, shift);
    const found = decodeTensorFile(larger.subarray(shift, shift + file.length), "f");
    expect(found, `shift=${shift}`).toEqual(expected);
  }
});

test("a file in shared memory decodes", () => {
  const file = encodeTensorFile({ metadata: none, tensors: [f32("w", [1], 2)] });
  const shared = new Uint8Array(new SharedArrayBuffer(file.length));
  shared.set(file);
  expect(decodeTensorFile(shared, "f").tensors.get("w")!.data[0]).toBe(2);
});

const name = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "0", "10", "\u0000", '"\\\n'),
);
const size = { F32: Float32Array, I32: Int32Array, U8: Uint8Array };
const tensor = fc
  .record({
    name: name.filter((text) => text !== "checksum" && text !== "__metadata__"),
    dtype: fc.constantFrom<TensorDtype>("F32", "I32", "U8"),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    fill: fc.float({ noNaN: true, noDefaultInfinity: true }),
  })
  .map(({ fill, ...rest }): Tensor => {
    const length = rest.shape.reduce((product, dimension) => product * dimension, 1);
    return { ...rest, data: new size[rest.dtype](length).map((_, i) => (i % 2 ? fill : i)) };
  });

test("500 random files survive: encode, decode and encode again gives the same tensors, order and bytes", () => {
  const property = fc.property(
    fc.array(fc.tuple(name, fc.string({ unit: "grapheme" })), { maxLength: 5 }),
    fc.uniqueArray(tensor, { selector: (t) => t.name, maxLength: 8 }),
    (pairs, tensors) => {
      const file = { metadata: new Map(pairs), tensors };
      const bytes = encodeTensorFile(file);
      const decoded = decodeTensorFile(bytes, "f");
      expect([...decoded.metadata]).toEqual([...file.metadata]);
      expect([...decoded.tensors.values()]).toEqual(tensors);
      expect(encodeTensorFile({ metadata: decoded.metadata, tensors: [...decoded.tensors.values()] })).toEqual(bytes);
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test("hostile names and metadata keys come back as data, and Object.prototype stays as it was", () => {
  const before = Reflect.ownKeys(Object.prototype);
  const hostile = ["__proto__", "constructor", "prototype", "toString", "valueOf", "__defineGetter__", "2", "1", ""];
  const file = encodeTensorFile({
    metadata: new Map(hostile.map((key, i) => [key, `{"__proto__":${i}}`])),
    tensors: hostile.map((key, i) => f32(key, [], i)),
  });
  const { metadata, tensors } = decodeTensorFile(file, "f");
  expect([...metadata]).toEqual(hostile.map((key, i) => [key, `{"__proto__":${i}}`]));
  expect([...tensors].map(([key, value]) => [key, value.data[0]])).toEqual(hostile.map((key, i) => [key, i]));
  expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("the largest file in tensors, 255 and the checksum, is written and read; one more is refused", () => {
  const tensors = Array.from({ length: 255 }, (_, i) => u8(`t${i}`, i));
  expect(decodeTensorFile(encodeTensorFile({ metadata: none, tensors }), "f").tensors.size).toBe(255);
  expect(codeOf(() => encodeTensorFile({ metadata: none, tensors: [...tensors, u8("x", 1)] }))).toBe(
    "MODEL_TENSOR_COUNT",
  );
});

test("the largest header that aligns the data, 8 bytes below 1 MiB, is written and read; sixteen bytes more are refused", () => {
  const frame = headerOf(encodeTensorFile({ metadata: new Map([["k", ""]]), tensors: [] })).trimEnd().length;
  const metadata = (extra: number) => new Map([["k", "x".repeat(2 ** 20 - 8 - frame + extra)]]);
  const file = encodeTensorFile({ metadata: metadata(0), tensors: [] });
  expect(decodeTensorFile(file, "f").metadata).toEqual(metadata(0));
  expect(codeOf(() => encodeTensorFile({ metadata: metadata(16), tensors: [] }))).toBe("MODEL_HEADER_TOO_LARGE");
});

test.each<[string, string, () => Tensor[]]>([
  ["a tensor named checksum", "MODEL_NAME_RESERVED", () => [u8("checksum", 1, 2, 3, 4)]],
  ["a tensor named __metadata__", "MODEL_NAME_RESERVED", () => [u8("__metadata__", 1)]],
  ["two tensors of one name", "MODEL_DUPLICATE_TENSOR", () => [u8("a", 1), u8("a", 1)]],
  ["a name with half a surrogate pair", "MODEL_HEADER_SURROGATE", () => [u8("a\ud800", 1)]],
  ["a dtype of another format", "MODEL_DTYPE", () => [{ ...u8("a", 1), dtype: "F16" as TensorDtype }]],
  ["f32 data called i32", "MODEL_DATA_TYPE", () => [{ ...f32("a", [1], 1), dtype: "I32" }]],
  ["more data than the shape", "MODEL_DATA_LENGTH", () => [f32("a", [2], 1, 2, 3)]],
  ["less data than the shape", "MODEL_DATA_LENGTH", () => [f32("a", [4], 1, 2, 3)]],
  ["five dimensions", "MODEL_SHAPE_DIMENSIONS", () => [f32("a", [1, 1, 1, 1, 1], 1)]],
  ["a negative dimension", "MODEL_SHAPE_NEGATIVE", () => [f32("a", [-1], 1)]],
  ["a fractional dimension", "MODEL_SHAPE_FRACTION", () => [f32("a", [1.5], 1)]],
  ["a dimension that is not a number", "MODEL_SHAPE_FRACTION", () => [f32("a", [Number.NaN], 1)]],
  ["an infinite dimension", "MODEL_SHAPE_OVERFLOW", () => [f32("a", [Number.POSITIVE_INFINITY], 1)]],
  ["a shape of 4 GiB", "MODEL_TENSOR_TOO_LARGE", () => [f32("a", [2 ** 30], 1)]],
  ["a NaN", "MODEL_NOT_FINITE", () => [f32("a", [5], 1, 2, 3, 4, Number.NaN)]],
  ["an infinity", "MODEL_NOT_FINITE", () => [f32("a", [4], 1, Number.NEGATIVE_INFINITY, 3, 4)]],
])("the writer refuses %s with %s", (_, code, tensors) => {
  expect(codeOf(() => encodeTensorFile({ metadata: none, tensors: tensors() }))).toBe(code);
});

test("the writer refuses a file of 4 GiB before it allocates one", () => {
  const data = new Uint8Array(2 ** 28); // never touched, so it takes no memory
  const tensors = Array.from(
    { length: 16 },
    (_, i): Tensor => ({ name: `t${i}`, dtype: "U8", shape: [data.length], data }),
  );
  expect(codeOf(() => encodeTensorFile({ metadata: none, tensors }))).toBe("MODEL_FILE_TOO_LARGE");
});

test("the writer refuses metadata with half a surrogate pair, in key or value", () => {
  for (const pair of [
    ["\udfff", ""],
    ["", "a\ud83d"],
  ] as const) {
    expect(codeOf(() => encodeTensorFile({ metadata: new Map([pair]), tensors: [] }))).toBe("MODEL_HEADER_SURROGATE");
  }
});
