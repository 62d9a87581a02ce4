import { describe, expect, test } from "vitest";
import { ModelError } from "../../src/errors.ts";
import { decodeTensorFile, type TensorFile } from "../../src/format/safetensors.ts";
import { bytesOf, concat, entry, floats, rawFile, reseal, sealedFile } from "./handmade.ts";

const a = (shape: string, begin: number | string, end: number | string, dtype = "F32") =>
  `"a":${entry(dtype, shape, begin, end)}`;
const b = (shape: string, begin: number | string, end: number | string, dtype = "F32") =>
  `"b":${entry(dtype, shape, begin, end)}`;
const checksum = (begin: number, end: number, dtype = "U8", shape = "[4]") =>
  `"checksum":${entry(dtype, shape, begin, end)}`;
const one = floats(1);
const two = floats(1, 2);
const text = (value: string) => new TextEncoder().encode(value);
const megabyte = 2 ** 20;

/** Decodes, demands a ModelError of one line that begins with the file name, and gives its code. */
function codeOf(file: Uint8Array): string {
  try {
    decodeTensorFile(file, "shop.safetensors");
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the message must not contain any
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/);
    expect(error.message).toMatch(/^shop\.safetensors: .+, expected .+\.$/);
    expect(error.message.length).toBeLessThan(400);
    return error.code;
  }
  return "no error";
}

type Case = [name: string, code: string, file: () => Uint8Array];

const frame: Case[] = [
  ["an empty file", "MODEL_TOO_SHORT", () => bytesOf()],
  ["a file of seven bytes", "MODEL_TOO_SHORT", () => bytesOf(2, 0, 0, 0, 0, 0, 0)],
  ["a header length one beyond the file", "MODEL_HEADER_LENGTH", () => rawFile("{}", undefined, 3n)],
  ["a header length of 2^63", "MODEL_HEADER_LENGTH", () => rawFile("{}", undefined, 2n ** 63n)],
  ["a header length of 2^64 - 1", "MODEL_HEADER_LENGTH", () => rawFile("{}", undefined, 2n ** 64n - 1n)],
  ["a header length of 2^32 + 2", "MODEL_HEADER_LENGTH", () => rawFile("{}", undefined, 2n ** 32n + 2n)],
  ["a text file", "MODEL_HEADER_LENGTH", () => text("user,item,time\n1,2,3\n")],
  ["a header of 1 MiB and one byte", "MODEL_HEADER_TOO_LARGE", () => rawFile("{}".padEnd(megabyte + 1))],
  ["a header of no bytes", "MODEL_HEADER_START", () => rawFile("")],
  ["a header after a space", "MODEL_HEADER_START", () => rawFile(" {}")],
  ["a header after a byte order mark", "MODEL_HEADER_START", () => rawFile("\ufeff{}")],
  ["a header that is an array", "MODEL_HEADER_START", () => rawFile("[]")],
  [
    "a header with a stray continuation byte",
    "MODEL_HEADER_UTF8",
    () => rawFile(bytesOf(0x7b, 0x22, 0x80, 0x22, 0x7d)),
  ],
  ["a header with an overlong slash", "MODEL_HEADER_UTF8", () => rawFile(bytesOf(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d))],
  ["a header with a surrogate in UTF-8", "MODEL_HEADER_UTF8", () => rawFile(bytesOf(0x7b, 0xed, 0xa0, 0x80, 0x7d))],
];

const grammar: Case[] = [
  ["a header without its closing brace", "MODEL_HEADER_SYNTAX", () => rawFile("{")],
  ["an entry without its closing brace", "MODEL_HEADER_SYNTAX", () => rawFile('{"a":{"dtype":"F32"')],
  ["a string without end", "MODEL_HEADER_SYNTAX", () => rawFile('{"a')],
  ["a string that ends in its escape", "MODEL_HEADER_SYNTAX", () => rawFile('{"a\\"')],
  ["a comma before the closing brace", "MODEL_HEADER_SYNTAX", () => rawFile(`{${a("[]", 0, 4)},}`, one)],
  ["a comma before the closing bracket", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[1,]", 0, 4)], one)],
  ["no comma between two tensors", "MODEL_HEADER_SYNTAX", () => sealedFile([`${a("[]", 0, 4)}${b("[]", 4, 8)}`], two)],
  ["no comma between two dimensions", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[1 1]", 0, 4)], one)],
  ["no colon after a name", "MODEL_HEADER_SYNTAX", () => rawFile('{"a" {}}')],
  ["a name in single quotes", "MODEL_HEADER_SYNTAX", () => rawFile("{'a':{}}")],
  ["a name without quotes", "MODEL_HEADER_SYNTAX", () => rawFile("{a:{}}")],
  ["a comment", "MODEL_HEADER_SYNTAX", () => rawFile("{/* */}")],
  ["a dimension with a leading zero", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[01]", 0, 4)], one)],
  ["a dimension with a plus sign", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[+1]", 0, 4)], one)],
  ["a dimension in hexadecimal", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[0x1]", 0, 4)], one)],
  ["a dimension called NaN", "MODEL_HEADER_SYNTAX", () => sealedFile([a("[NaN]", 0, 4)], one)],
  ["a line feed inside a name", "MODEL_HEADER_SYNTAX", () => rawFile('{"a\n":{}}')],
  ["an unknown escape inside a name", "MODEL_HEADER_SYNTAX", () => rawFile('{"\\x41":{}}')],
  ["an incomplete unicode escape", "MODEL_HEADER_SYNTAX", () => rawFile('{"\\u00":{}}')],
  ["a no-break space between tokens", "MODEL_HEADER_SYNTAX", () => rawFile("{\u00a0}")],
  ["metadata that is no JSON at all", "MODEL_HEADER_SYNTAX", () => rawFile('{"__metadata__":?}')],
  ["a letter after the header", "MODEL_HEADER_TRAILING", () => rawFile("{}x")],
  ["a second object after the header", "MODEL_HEADER_TRAILING", () => rawFile("{} {}")],
  ["padding by line feeds", "MODEL_HEADER_TRAILING", () => rawFile("{}\n\n")],
  ["padding by zero bytes", "MODEL_HEADER_TRAILING", () => rawFile("{}  \0")],
  ["a name with half a surrogate pair", "MODEL_HEADER_SURROGATE", () => rawFile('{"\\ud800":{}}')],
  ["metadata with half a surrogate pair", "MODEL_HEADER_SURROGATE", () => rawFile('{"__metadata__":{"k":"\\udc00"}}')],
];

const keys: Case[] = [
  ["a tensor twice", "MODEL_DUPLICATE_TENSOR", () => sealedFile([a("[]", 0, 4), a("[]", 0, 4)], one)],
  [
    "a tensor twice, once by escapes",
    "MODEL_DUPLICATE_TENSOR",
    () => sealedFile([a("[]", 0, 4), `"\\u0061":${entry("F32", "[]", 0, 4)}`], one),
  ],
  ["the checksum twice", "MODEL_DUPLICATE_TENSOR", () => sealedFile([checksum(0, 4)])],
  [
    "__proto__ twice",
    "MODEL_DUPLICATE_TENSOR",
    () => sealedFile(Array(2).fill(`"__proto__":${entry("U8", "[0]", 0, 0)}`)),
  ],
  [
    "a dtype twice",
    "MODEL_DUPLICATE_FIELD",
    () => sealedFile(['"a":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,4]}'], one),
  ],
  [
    "a shape twice, first empty",
    "MODEL_DUPLICATE_FIELD",
    () => sealedFile(['"a":{"dtype":"F32","shape":[],"shape":[1],"data_offsets":[0,4]}'], one),
  ],
  [
    "data_offsets twice",
    "MODEL_DUPLICATE_FIELD",
    () => sealedFile(['"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}'], one),
  ],
  ["metadata twice", "MODEL_DUPLICATE_METADATA", () => sealedFile(['"__metadata__":{}', '"__metadata__":{}'])],
  ["a metadata key twice", "MODEL_DUPLICATE_METADATA_KEY", () => sealedFile(['"__metadata__":{"k":"1","k":"1"}'])],
  [
    "a metadata key __proto__ twice",
    "MODEL_DUPLICATE_METADATA_KEY",
    () => sealedFile(['"__metadata__":{"__proto__":"1","__proto__":"2"}']),
  ],
  ["metadata that is null", "MODEL_METADATA_TYPE", () => sealedFile(['"__metadata__":null'])],
  ["metadata that is an array", "MODEL_METADATA_TYPE", () => sealedFile(['"__metadata__":[]'])],
  ["a metadata value that is a number", "MODEL_METADATA_VALUE", () => sealedFile(['"__metadata__":{"k":1}'])],
  ["a metadata value that is an object", "MODEL_METADATA_VALUE", () => sealedFile(['"__metadata__":{"k":{}}'])],
  [
    "metadata that poses as a tensor",
    "MODEL_METADATA_VALUE",
    () => sealedFile([`"__metadata__":${entry("F32", "[1]", 0, 4)}`], one),
  ],
  ["a tensor that is an array", "MODEL_ENTRY_TYPE", () => sealedFile(['"a":[]'])],
  ["a tensor that is a string", "MODEL_ENTRY_TYPE", () => sealedFile(['"a":"F32"'])],
  ["an array nested 100,000 deep", "MODEL_ENTRY_TYPE", () => rawFile(`{"a":${"[".repeat(100_000)}`)],
  ["an object nested 100,000 deep", "MODEL_FIELD_UNKNOWN", () => rawFile('{"a":'.repeat(100_000))],
  ["a field called offset", "MODEL_FIELD_UNKNOWN", () => sealedFile(['"a":{"offset":[0,4]}'], one)],
  ["a field called __proto__", "MODEL_FIELD_UNKNOWN", () => sealedFile(['"a":{"__proto__":{"dtype":"F32"}}'], one)],
  ["a tensor without fields", "MODEL_FIELD_MISSING", () => sealedFile(['"a":{}'])],
  ["a tensor without dtype", "MODEL_FIELD_MISSING", () => sealedFile(['"a":{"shape":[],"data_offsets":[0,4]}'], one)],
  [
    "a tensor without shape",
    "MODEL_FIELD_MISSING",
    () => sealedFile(['"a":{"dtype":"F32","data_offsets":[0,4]}'], one),
  ],
  ["a tensor without data_offsets", "MODEL_FIELD_MISSING", () => sealedFile(['"a":{"dtype":"F32","shape":[]}'], one)],
  ["a dtype that is a number", "MODEL_FIELD_TYPE", () => sealedFile(['"a":{"dtype":32}'])],
  ["a shape that is a number", "MODEL_FIELD_TYPE", () => sealedFile([a("1", 0, 4)], one)],
  ["a shape nested 100,000 deep", "MODEL_FIELD_TYPE", () => rawFile(`{"a":{"shape":${"[".repeat(100_000)}`)],
  ["a dimension that is a string", "MODEL_FIELD_TYPE", () => sealedFile([a('["1"]', 0, 4)], one)],
  ["a dimension that is null", "MODEL_FIELD_TYPE", () => sealedFile([a("[null]", 0, 4)], one)],
  ["data_offsets that are an object", "MODEL_FIELD_TYPE", () => sealedFile(['"a":{"data_offsets":{"begin":0}}'], one)],
];

const sizes: Case[] = [
  ["dtype F16", "MODEL_DTYPE", () => sealedFile([a("[1]", 0, 2, "F16")], bytesOf(0, 0))],
  ["dtype F64", "MODEL_DTYPE", () => sealedFile([a("[1]", 0, 8, "F64")], two)],
  ["dtype f32 in small letters", "MODEL_DTYPE", () => sealedFile([a("[1]", 0, 4, "f32")], one)],
  ["dtype toString", "MODEL_DTYPE", () => sealedFile([a("[1]", 0, 4, "toString")], one)],
  ["an empty dtype", "MODEL_DTYPE", () => sealedFile([a("[1]", 0, 4, "")], one)],
  [
    "a dtype that would clear the screen",
    "MODEL_DTYPE",
    () => sealedFile([a("[1]", 0, 4, "\\u001b[2J\\u009b\\u202e")], one),
  ],
  ["a negative dimension", "MODEL_SHAPE_NEGATIVE", () => sealedFile([a("[-1]", 0, 4)], one)],
  ["two negative dimensions of positive product", "MODEL_SHAPE_NEGATIVE", () => sealedFile([a("[-1,-1]", 0, 4)], one)],
  ["a dimension of minus zero", "MODEL_SHAPE_NEGATIVE", () => sealedFile([a("[-0]", 0, 0)])],
  ["a fractional dimension", "MODEL_SHAPE_FRACTION", () => sealedFile([a("[1.5]", 0, 4)], one)],
  ["a dimension of 1.0", "MODEL_SHAPE_FRACTION", () => sealedFile([a("[1.0]", 0, 4)], one)],
  ["a dimension with an exponent", "MODEL_SHAPE_FRACTION", () => sealedFile([a("[1e0]", 0, 4)], one)],
  ["five dimensions", "MODEL_SHAPE_DIMENSIONS", () => sealedFile([a("[1,1,1,1,1]", 0, 4)], one)],
  ["100,000 dimensions", "MODEL_SHAPE_DIMENSIONS", () => sealedFile([a(`[${"1,".repeat(99_999)}1]`, 0, 4)], one)],
  ["a dimension of 2^53", "MODEL_SHAPE_OVERFLOW", () => sealedFile([a("[9007199254740992]", 0, 4)], one)],
  ["a dimension of 400 digits", "MODEL_SHAPE_OVERFLOW", () => sealedFile([a(`[${"9".repeat(400)}]`, 0, 4)], one)],
  ["a product of 2^53", "MODEL_SHAPE_OVERFLOW", () => sealedFile([a("[134217728,67108864]", 0, 4)], one)],
  [
    "a product of 2^60 hidden by a later zero",
    "MODEL_SHAPE_OVERFLOW",
    () => sealedFile([a("[1073741824,1073741824,0]", 0, 0)]),
  ],
  [
    "a product of 2^60 hidden by an earlier zero",
    "MODEL_SHAPE_OVERFLOW",
    () => sealedFile([a("[0,1073741824,1073741824]", 0, 0)]),
  ],
  ["a tensor of 4 GiB", "MODEL_TENSOR_TOO_LARGE", () => sealedFile([a("[1073741824]", 0, 4)], one)],
  ["a tensor of 4 GiB of u8", "MODEL_TENSOR_TOO_LARGE", () => sealedFile([a("[65536,65536]", 0, 4, "U8")], one)],
  [
    "257 tensors",
    "MODEL_TENSOR_COUNT",
    () => sealedFile(Array.from({ length: 256 }, (_, i) => `"${i}":${entry("U8", "[0]", 0, 0)}`)),
  ],
];

const layout: Case[] = [
  [
    "one data offset",
    "MODEL_OFFSETS_COUNT",
    () => sealedFile(['"a":{"dtype":"F32","shape":[],"data_offsets":[0]}'], one),
  ],
  [
    "no data offset",
    "MODEL_OFFSETS_COUNT",
    () => sealedFile(['"a":{"dtype":"F32","shape":[],"data_offsets":[]}'], one),
  ],
  ["three data offsets", "MODEL_OFFSETS_COUNT", () => sealedFile([a("[]", 0, "4,8")], one)],
  ["a negative offset", "MODEL_OFFSETS_NUMBER", () => sealedFile([a("[]", -4, 0)], one)],
  ["a fractional offset", "MODEL_OFFSETS_NUMBER", () => sealedFile([a("[]", 0, "4.0")], one)],
  ["an offset with an exponent", "MODEL_OFFSETS_NUMBER", () => sealedFile([a("[]", 0, "4e0")], one)],
  ["an end before its begin", "MODEL_OFFSETS_REVERSED", () => sealedFile([a("[1]", 4, 0)], one)],
  ["an end beyond the file", "MODEL_OFFSETS_OUT_OF_RANGE", () => sealedFile([a("[3]", 0, 12)], one)],
  ["an end of 400 digits", "MODEL_OFFSETS_OUT_OF_RANGE", () => sealedFile([a("[1]", 0, "9".repeat(400))], one)],
  [
    "an end of 2^64 + 4, which wraps to 4",
    "MODEL_OFFSETS_OUT_OF_RANGE",
    () => sealedFile([a("[1]", 0, "18446744073709551620")], one),
  ],
  ["a range shorter than its shape", "MODEL_OFFSETS_LENGTH", () => sealedFile([a("[2]", 0, 4)], one)],
  ["a range longer than its shape", "MODEL_OFFSETS_LENGTH", () => sealedFile([a("[1]", 0, 8)], two)],
  ["a range for no elements", "MODEL_OFFSETS_LENGTH", () => sealedFile([a("[0]", 0, 4)], one)],
  ["no range for one element", "MODEL_OFFSETS_LENGTH", () => sealedFile([a("[]", 0, 0)])],
  ["two tensors over the same bytes", "MODEL_OFFSETS_OVERLAP", () => sealedFile([a("[1]", 0, 4), b("[1]", 0, 4)], one)],
  [
    "two tensors that overlap by half",
    "MODEL_OFFSETS_OVERLAP",
    () => sealedFile([a("[2]", 0, 8), b("[2]", 4, 12)], floats(1, 2, 3)),
  ],
  ["a tensor over the checksum", "MODEL_OFFSETS_OVERLAP", () => sealedFile([a("[2]", 0, 8)], one)],
  [
    "a tensor without elements inside another",
    "MODEL_OFFSETS_OVERLAP",
    () => sealedFile([a("[2]", 0, 8), b("[0]", 4, 4)], two),
  ],
  ["a hole before the first tensor", "MODEL_OFFSETS_HOLE", () => sealedFile([a("[1]", 4, 8)], two)],
  [
    "a hole between two tensors",
    "MODEL_OFFSETS_HOLE",
    () => sealedFile([a("[1]", 0, 4), b("[1]", 8, 12)], floats(1, 2, 3)),
  ],
  ["a hole before the checksum", "MODEL_OFFSETS_HOLE", () => sealedFile([a("[1]", 0, 4)], two)],
  ["a tensor without elements that bridges no hole", "MODEL_OFFSETS_HOLE", () => sealedFile([a("[0]", 2, 2)], one)],
  ["bytes after the last tensor", "MODEL_TRAILING_BYTES", () => concat(sealedFile([a("[1]", 0, 4)], one), bytesOf(0))],
  ["data without any tensor", "MODEL_TRAILING_BYTES", () => rawFile("{}", bytesOf(1))],
  ["a zip archive after the model", "MODEL_TRAILING_BYTES", () => concat(sealedFile([]), text("PK\u0003\u0004"))],
];

const integrity: Case[] = [
  ["no tensors at all", "MODEL_CHECKSUM_MISSING", () => rawFile("{}")],
  [
    "a valid file of another program",
    "MODEL_CHECKSUM_MISSING",
    () => rawFile(`{"__metadata__":{"format":"pt"},${a("[1]", 0, 4)}}`, one),
  ],
  [
    "a checksum of type I32",
    "MODEL_CHECKSUM_FORM",
    () => reseal(rawFile(`{${checksum(0, 16, "I32")}}`, new Uint8Array(16))),
  ],
  [
    "a checksum of five bytes",
    "MODEL_CHECKSUM_FORM",
    () => reseal(rawFile(`{${checksum(0, 5, "U8", "[5]")}}`, new Uint8Array(5))),
  ],
  [
    "a checksum of shape [2,2]",
    "MODEL_CHECKSUM_FORM",
    () => reseal(rawFile(`{${checksum(0, 4, "U8", "[2,2]")}}`, new Uint8Array(4))),
  ],
  ["an empty checksum", "MODEL_CHECKSUM_FORM", () => rawFile(`{${checksum(0, 0, "U8", "[0]")}}`)],
  [
    "a checksum before a tensor",
    "MODEL_CHECKSUM_POSITION",
    () => reseal(rawFile(`{${checksum(0, 4)},${a("[1]", 4, 8)}}`, new Uint8Array(8))),
  ],
  ["a tensor without elements after the checksum", "MODEL_CHECKSUM_POSITION", () => sealedFile([a("[0]", 4, 4)])],
  [
    "a weight changed by one bit",
    "MODEL_CHECKSUM_MISMATCH",
    () => {
      const file = sealedFile([a("[1]", 0, 4)], one);
      file[file.length - 5] ^= 1;
      return file;
    },
  ],
  [
    "a letter of the metadata changed",
    "MODEL_CHECKSUM_MISMATCH",
    () => {
      const file = sealedFile(['"__metadata__":{"k":"v"}']);
      file[file.indexOf("v".charCodeAt(0))] ^= 1;
      return file;
    },
  ],
  [
    "a NaN under a wrong checksum (the checksum is judged first)",
    "MODEL_CHECKSUM_MISMATCH",
    () => {
      const file = sealedFile([a("[1]", 0, 4)], floats(Number.NaN));
      file[file.length - 1] ^= 0x80;
      return file;
    },
  ],
  ["a NaN as first element", "MODEL_NOT_FINITE", () => sealedFile([a("[5]", 0, 20)], floats(Number.NaN, 1, 2, 3, 4))],
  ["a NaN as last element", "MODEL_NOT_FINITE", () => sealedFile([a("[5]", 0, 20)], floats(0, 1, 2, 3, Number.NaN))],
  ["an infinity", "MODEL_NOT_FINITE", () => sealedFile([a("[4]", 0, 16)], floats(0, 1, Number.POSITIVE_INFINITY, 3))],
  [
    "both infinities",
    "MODEL_NOT_FINITE",
    () => sealedFile([a("[2]", 0, 8)], floats(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)),
  ],
  [
    "a NaN at an odd byte",
    "MODEL_NOT_FINITE",
    () => sealedFile([b("[1]", 0, 1, "U8"), a("[1]", 1, 5)], concat(bytesOf(7), floats(Number.NaN))),
  ],
];

describe.each([
  ["frame", frame],
  ["grammar", grammar],
  ["keys and types", keys],
  ["dtypes and shapes", sizes],
  ["layout", layout],
  ["checksum and values", integrity],
])("bad files: %s", (_, cases) => {
  test.each(cases)("%s is refused with %s", (_name, code, file) => {
    expect(codeOf(file())).toBe(code);
  });
});

// Whole texts of the most likely or most hostile cases: subject, got, expected, next step.
const again = "Copy or download the file again, or train the model again.";
test.each<[string, () => Uint8Array]>([
  [
    `shop.safetensors: tensor "a" has 4 bytes, expected 4,194,304 for f32[1024,1024]. ${again}`,
    () => sealedFile([a("[1024,1024]", 0, 4)], one),
  ],
  [
    `shop.safetensors: header length is 18,446,744,073,709,551,615, expected at most 2, the bytes left in the file. The file is cut short or is not a model. ${again}`,
    () => rawFile("{}", undefined, 2n ** 64n - 1n),
  ],
  [`shop.safetensors: header has its end at character 5, expected a colon. ${again}`, () => rawFile('{"a" ')],
  [
    `shop.safetensors: header has "a" at character 1, expected a string in double quotes. ${again}`,
    () => rawFile("{a:{}}"),
  ],
  [
    `shop.safetensors: header has a string without end at character 1, expected a closing quote. ${again}`,
    () => rawFile('{"a'),
  ],
  [
    `shop.safetensors: tensor "a" has dtype "\\u001b[2J\\u009b\\u202e", expected F32, I32 or U8. Convert the tensor, or load a model that attune wrote.`,
    () => sealedFile([a("[1]", 0, 4, "\\u001b[2J\\u009b\\u202e")], one),
  ],
  [
    `shop.safetensors: header has tensor "${"x".repeat(60)}…" twice, expected once. ${again}`,
    () => sealedFile([1, 2].map(() => `"${"x".repeat(500)}":${entry("U8", "[0]", 0, 0)}`)),
  ],
  [
    'shop.safetensors: a safetensors file, but without a tensor "checksum", expected a model that attune wrote. Train one with "attune train".',
    () => rawFile(`{${a("[1]", 0, 4)}}`, one),
  ],
  [
    'shop.safetensors: tensor "a" has NaN at element 4, expected finite numbers only. Train again with a lower learning rate, or use an earlier model.',
    () => sealedFile([a("[5]", 0, 20)], floats(0, 1, 2, 3, Number.NaN)),
  ],
])("the message reads: %s", (message, file) => {
  expect(() => decodeTensorFile(file(), "shop.safetensors")).toThrow(expect.objectContaining({ message }));
});

type Odd = [name: string, file: () => Uint8Array, check: (file: TensorFile) => void];

const odd: Odd[] = [
  ["nothing but a checksum", () => sealedFile([]), ({ tensors }) => expect(tensors.size).toBe(0)],
  [
    "a tensor without elements",
    () => sealedFile([a("[3,0]", 0, 0)]),
    ({ tensors }) => expect(tensors.get("a")!.shape).toEqual([3, 0]),
  ],
  [
    "two tensors without elements between two with",
    () =>
      sealedFile(
        [a("[1]", 0, 4), b("[1]", 4, 8), `"c":${entry("F32", "[0]", 4, 4)}`, `"d":${entry("U8", "[0,9]", 4, 4)}`],
        two,
      ),
    ({ tensors }) => expect([...tensors.values()].map(({ data }) => [...data])).toEqual([[1], [2], [], []]),
  ],
  [
    "a scalar",
    () => sealedFile([a("[]", 0, 4)], one),
    ({ tensors }) => expect([...tensors.get("a")!.data]).toEqual([1]),
  ],
  [
    "four dimensions",
    () => sealedFile([a("[1,2,1,1]", 0, 8)], two),
    ({ tensors }) => expect(tensors.get("a")!.shape).toEqual([1, 2, 1, 1]),
  ],
  ["empty metadata", () => sealedFile(['"__metadata__":{}']), ({ metadata }) => expect(metadata.size).toBe(0)],
  [
    "metadata after the tensors",
    () => sealedFile([a("[]", 0, 4), '"__metadata__":{"k":""}'], one),
    ({ metadata }) => expect([...metadata]).toEqual([["k", ""]]),
  ],
  [
    "names in other scripts, raw and escaped",
    () =>
      sealedFile(
        [`"ключ 😀":${entry("U8", "[1]", 0, 1)}`, `"\\ud83d\\ude00\\n\\/":${entry("U8", "[1]", 1, 2)}`],
        bytesOf(5, 6),
      ),
    ({ tensors }) => expect([...tensors.keys()]).toEqual(["ключ 😀", "😀\n/"]),
  ],
  [
    "an empty name",
    () => sealedFile([`"":${entry("U8", "[1]", 0, 1)}`], bytesOf(5)),
    ({ tensors }) => expect(tensors.get("")!.data[0]).toBe(5),
  ],
  [
    "names of Object.prototype",
    () =>
      sealedFile(
        [
          '"__metadata__":{"__proto__":"1","constructor":"2"}',
          `"__proto__":${entry("U8", "[1]", 0, 1)}`,
          `"toString":${entry("U8", "[1]", 1, 2)}`,
        ],
        bytesOf(5, 6),
      ),
    ({ metadata, tensors }) => {
      expect([...metadata]).toEqual([
        ["__proto__", "1"],
        ["constructor", "2"],
      ]);
      expect([...tensors.keys()]).toEqual(["__proto__", "toString"]);
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    },
  ],
  [
    "a header padded to exactly 1 MiB",
    () => {
      const bare = sealedFile([]);
      return sealedFile([], undefined, " ".repeat(megabyte - (bare.length - 12)));
    },
    ({ tensors }) => expect(tensors.size).toBe(0),
  ],
  [
    "padding by 5,000 spaces",
    () => sealedFile([a("[]", 0, 4)], one, " ".repeat(5000)),
    ({ tensors }) => expect(tensors.get("a")!.data[0]).toBe(1),
  ],
  [
    "white space between all tokens",
    () => sealedFile([' "a" :\t{ "shape" : [ 1 , 1 ] ,\r\n "data_offsets" : [ 0 , 4 ] , "dtype" : "F32" } '], one),
    ({ tensors }) => expect(tensors.get("a")!.shape).toEqual([1, 1]),
  ],
  [
    "tensors in another order than their data, f32 at an odd byte",
    () => sealedFile([a("[1]", 1, 5), b("[1]", 0, 1, "U8")], concat(bytesOf(7), floats(2.5))),
    ({ tensors }) => expect([...tensors.values()].map(({ data }) => data[0])).toEqual([2.5, 7]),
  ],
  [
    "extreme finite values",
    () => sealedFile([a("[4]", 0, 16)], floats(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0)),
    ({ tensors }) =>
      expect([...tensors.get("a")!.data]).toEqual([
        3.4028234663852886e38, -3.4028234663852886e38, 1.401298464324817e-45, -0,
      ]),
  ],
  [
    "i32 with the bits of a NaN",
    () => sealedFile([a("[1]", 0, 4, "I32")], bytesOf(0, 0, 0xc0, 0x7f)),
    ({ tensors }) => expect(tensors.get("a")!.data[0]).toBe(0x7fc00000),
  ],
  [
    "256 tensors",
    () => sealedFile(Array.from({ length: 255 }, (_, i) => `"${i}":${entry("U8", "[0]", 0, 0)}`)),
    ({ tensors }) => expect(tensors.size).toBe(255),
  ],
];

test.each(odd)("odd but valid: %s loads", (_, file, check) => {
  check(decodeTensorFile(file(), "odd"));
});

describe("gaps that other readers had", () => {
  test("mlx #3364: a shape of 4 MiB over offsets of 4 bytes is refused", () => {
    expect(codeOf(sealedFile([a("[1024,1024]", 0, 4)], one))).toBe("MODEL_OFFSETS_LENGTH");
  });

  test("safetensors-cpp: a shape whose product is 4 modulo 2^64 is refused", () => {
    // (2^62 + 1) · 4 = 2^64 + 4, and 274177 · 67280421310721 · 4 = 4 · (2^64 + 1): both wrap to 4.
    expect(codeOf(sealedFile([a("[4611686018427387905,4]", 0, 4, "U8")], one))).toBe("MODEL_SHAPE_OVERFLOW");
    expect(codeOf(sealedFile([a("[274177,67280421310721,4]", 0, 4, "U8")], one))).toBe("MODEL_SHAPE_OVERFLOW");
  });

  test("a header of 100,000 tensors is refused by its size, and at the 257th tensor if it fits into 1 MiB", () => {
    const members = Array.from({ length: 100_000 }, (_, i) => `"${i}":${entry("U8", "[0]", 0, 0)}`);
    expect(codeOf(sealedFile(members))).toBe("MODEL_HEADER_TOO_LARGE");
    expect(codeOf(sealedFile(members.slice(0, 18_000)))).toBe("MODEL_TENSOR_COUNT");
  });

  test("a header of 100,000 metadata keys loads in a time that is linear in them", () => {
    const pairs = Array.from({ length: 100_000 }, (_, i) => `"${i.toString(36)}":""`);
    const file = sealedFile([`"__metadata__":{${pairs.join(",")}}`]);
    const start = performance.now();
    expect(decodeTensorFile(file, "many").metadata.size).toBe(100_000);
    // Every key compared with every other would take minutes; a loaded machine, a few seconds.
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test("a tensor without elements cannot share the inside of another, nor stand for bytes that it does not have", () => {
    expect(codeOf(sealedFile([a("[2]", 0, 8), b("[0]", 4, 4)], two))).toBe("MODEL_OFFSETS_OVERLAP");
    expect(codeOf(sealedFile([a("[1]", 0, 4), b("[0,1]", 4, 8)], two))).toBe("MODEL_OFFSETS_LENGTH");
    expect(codeOf(sealedFile([a("[1]", 0, 4), b("[0]", 400, 400)], one))).toBe("MODEL_OFFSETS_OUT_OF_RANGE");
  });
});
