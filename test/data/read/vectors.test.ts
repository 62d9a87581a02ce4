import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { readVectors } from "../../../src/data/read/vectors.ts";
import { type VectorEntries, type Vectors, vectorsOf } from "../../../src/data/vectors.ts";
import { DataError } from "../../../src/errors.ts";
import { errorOf } from "../support.ts";

const folder = mkdtempSync(join(tmpdir(), "attune-vectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function read(content: string | Uint8Array, extension = ".csv"): Promise<Vectors> {
  const path = join(folder, `vectors${files++}${extension}`);
  writeFileSync(path, content);
  return readVectors(path);
}

const entriesOf = ({ ids, width, values }: Vectors) =>
  [...ids].map((id, row) => [id, [...values.subarray(row * width, (row + 1) * width)]]);

const WANTED = [
  ["a", [1, -0.5]],
  ["b", [0.25, 2e3]],
];

test.each<[string, string | Uint8Array, string?]>([
  ["commas", "b,0.25,2e3\na,1,-.5\n"],
  ["a header, a byte order mark, CRLF, no line end", "\ufeffid,v1,v2\r\na,1,-0.5\r\nb,0.25,2000"],
  ["a header of two lines of which one is data", "item,first,second\na,1,-0.5\nb,.25,2000\n"],
  ["tabs", "a\t1\t-0.5\nb\t0.25\t2000\n", ".tsv"],
  ["semicolons and blank lines", "a;1;-0.5\n\nb;0.25;2000\n\n"],
  ["spaces, as word2vec writes them", "2 2\na 1 -0.5 \nb 0.25 2000 \n", ".txt"],
  ["quotes", '"a","1","-0.5"\n"b",0.25,2000\n'],
  ["JSONL", '{"id":"a","vector":[1,-0.5]}\n\n{"vector":[0.25,2000],"id":"b","more":1}\n', ".jsonl"],
  ["gzip", gzipSync("a,1,-0.5\nb,0.25,2000\n"), ".csv.gz"],
])("vectors with %s are read, in the order of their ids", async (_, content, extension) => {
  const vectors = await read(content, extension);
  expect(vectors.width).toBe(2);
  expect(entriesOf(vectors)).toEqual(WANTED);
});

test("one line, one number, and ids of any kind", async () => {
  expect(entriesOf(await read("x,7\n"))).toEqual([["x", [7]]]);
  expect(entriesOf(await read('__proto__,1\n"a,b",2\n"line\nbreak",3\n🎁,4\n007,5\n'))).toEqual([
    ["007", [5]],
    ["__proto__", [1]],
    ["a,b", [2]],
    ["line\nbreak", [3]],
    ["🎁", [4]],
  ]);
  expect(entriesOf(await read('{"id":12,"vector":[1]}\n', ".jsonl"))).toEqual([["12", [1]]]);
});

test("more vectors than fit the first block are all there", async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `item ${i},${Array.from({ length: 20 }, (_, d) => i + d / 32)}`);
  const { ids, width, values } = await read(`${lines.join("\n")}\n`);
  expect([ids.size, width]).toEqual([5000, 20]);
  for (const i of [0, 7, 4999]) expect(values[ids.indexOf(`item ${i}`) * 20 + 19]).toBe(i + 19 / 32);
});

test.each<[string, string | Uint8Array, string, RegExp, string?]>([
  ["a word for a number", "a,1,2\nb,x,2\n", "VECTORS_VALUE", /: line 2: got "x" as number 1, expected a finite/],
  ["NaN in the first line", "a,NaN,NaN\nb,1,2\n", "VECTORS_VALUE", /: line 1: got "NaN"/],
  ["an infinite number", "a,1,Infinity\n", "VECTORS_VALUE", /: line 1: got "Infinity" as number 2/],
  ["a number beyond 32 bits", "a,1,1e39\n", "VECTORS_VALUE", /: line 1: got 1e\+39 as number 2/],
  ["an empty number", "a,1,2\nb,1,\n", "VECTORS_VALUE", /: line 2: got "" as number 2/],
  ["a line too short", "a,1,2\nb,1\nc,1,2\n", "VECTORS_WIDTH", /: line 2: got 1 numbers, expected 2 as in the first/],
  ["a line too long", "a,1,2\nb,1,2\nc,1,2,3\n", "VECTORS_WIDTH", /: line 3: got 3 numbers/],
  ["ids alone", "a\nb\n", "VECTORS_WIDTH", /: line 1: got 0 numbers, expected 1 to 4096/],
  ["an id twice", "a,1\nb,2\na,3\n", "VECTORS_DUPLICATE", /: line 3: got id "a" again/],
  ["an empty id", "a,1\n,2\n", "VECTORS_INVALID", /: line 2: got "", expected an id that is not empty/],
  ["a header alone", "id,v1,v2\n", "VECTORS_EMPTY", /got no vector/],
  ["blank lines alone", "\n\n", "VECTORS_EMPTY", /got no vector/],
  ["nothing", "", "DATA_EMPTY", /got 0 bytes/],
  ["an open quote", 'a,1\n"b,2\n', "VECTORS_INVALID", /not separated values/],
  ["bytes that are not UTF-8", Buffer.from("a,1\n\xff,2\n", "latin1"), "VECTORS_INVALID", /: line 2: .*not UTF-8/],
  ["half a JSON line", '{"id":"a","vector":[1]}\n{"id":"b"', "VECTORS_INVALID", /: line 2: got /, ".jsonl"],
  ["JSON without vector", '{"id":"a"}\n', "VECTORS_INVALID", /: line 1: /, ".jsonl"],
  ["JSON null after a line", '{"id":"a","vector":[1]}\nnull\n', "VECTORS_INVALID", /: line 2: /, ".jsonl"],
  ["JSON without id", '{"vector":[1]}\n', "VECTORS_INVALID", /: line 1: got undefined/, ".jsonl"],
  ["JSON with a text for a number", '{"id":"a","vector":["1"]}\n', "VECTORS_VALUE", /got "1" as number 1/, ".jsonl"],
])("%s: a DataError with the line", async (_, content, code, message, extension) => {
  const error = await errorOf(() => read(content, extension));
  expect(error).toBeInstanceOf(DataError);
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
});

test("a missing file and a directory are named", async () => {
  expect(await errorOf(() => readVectors(join(folder, "none")))).toMatchObject({ code: "DATA_FILE_MISSING" });
  expect(await errorOf(() => readVectors(folder))).toMatchObject({ code: "DATA_FILE_DIRECTORY" });
});

test("vectors in memory come as a Map or as pairs, of arrays or typed arrays", () => {
  const map = new Map<string, ArrayLike<number>>([
    ["b", [0.25, 2000]],
    ["a", Float32Array.of(1, -0.5)],
  ]);
  expect(entriesOf(vectorsOf(map, "vectors"))).toEqual(WANTED);
  expect(entriesOf(vectorsOf([...map].reverse() as VectorEntries, "vectors"))).toEqual(WANTED);
});

test.each<[string, unknown, string]>([
  ["an object", { a: [1] }, "VECTORS_INVALID"],
  ["null", null, "VECTORS_INVALID"],
  ["no pairs", [["a"]], "VECTORS_INVALID"],
  ["a number as id", [[1, [1]]], "VECTORS_INVALID"],
  ["a number as vector", [["a", 1]], "VECTORS_INVALID"],
  ["a Set", new Set(["a"]), "VECTORS_INVALID"],
  ["nothing", [], "VECTORS_EMPTY"],
  ["NaN", [["a", [Number.NaN]]], "VECTORS_VALUE"],
  ["a hole", [["a", new Array(1)]], "VECTORS_VALUE"],
  [
    "two widths",
    [
      ["a", [1]],
      ["b", [1, 2]],
    ],
    "VECTORS_WIDTH",
  ],
  [
    "an id twice",
    [
      ["a", [1]],
      ["a", [1]],
    ],
    "VECTORS_DUPLICATE",
  ],
])("%s in memory: a DataError", async (_, entries, code) => {
  const error = await errorOf(() => vectorsOf(entries as VectorEntries, "vectors"));
  expect(error).toBeInstanceOf(DataError);
  expect(error.code).toBe(code);
});
