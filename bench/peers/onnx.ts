// The bytes of small ONNX models, written by hand: protobuf messages of onnx.proto3 with the few fields that are needed.

const FLOAT = 1;
const INT64 = 7;

/** A field: its number and, by its type, a varint, bytes, or a message's fields. */
type Field = [number, number | string | Uint8Array | Field[]];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return bytes;
}

function encode(fields: readonly Field[]): Uint8Array {
  const parts = fields.map(([number, value]) => {
    if (typeof value === "number") return Uint8Array.from([...varint(number * 8), ...varint(value)]);
    const body =
      typeof value === "string" ? new TextEncoder().encode(value) : value instanceof Uint8Array ? value : encode(value);
    const head = [...varint(number * 8 + 2), ...varint(body.length)];
    const out = new Uint8Array(head.length + body.length);
    out.set(head);
    out.set(body, head.length);
    return out;
  });
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const bytesOf = (array: Float32Array | BigInt64Array) =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const tensor = (name: string, type: number, dims: number[], data: Float32Array | BigInt64Array): Field => [
  5,
  [...dims.map((dim): Field => [1, dim]), [2, type], [8, name], [9, bytesOf(data)]],
];
const value = (field: number, name: string, type: number, dims: (number | string)[]): Field => [
  field,
  [
    [1, name],
    [
      2,
      [
        [
          1,
          [
            [1, type],
            [2, dims.map((dim): Field => [1, [typeof dim === "number" ? [1, dim] : [2, dim]]])],
          ],
        ],
      ],
    ],
  ],
];
const node = (operator: string, inputs: string[], outputs: string[]): Field => [
  1,
  [...inputs.map((name): Field => [1, name]), ...outputs.map((name): Field => [2, name]), [4, operator]],
];

/** A model: h f32[rows, width] → MatMul with the table → TopK: scores f32[rows, k], items i64[rows, k]. */
export function matMulTopK(table: Float32Array, items: number, width: number, k: number): Uint8Array {
  const across = new Float32Array(table.length);
  for (let item = 0; item < items; item++) {
    for (let d = 0; d < width; d++) across[d * items + item] = table[item * width + d];
  }
  return encode([
    [1, 8],
    [8, [[2, 13]]],
    [
      7,
      [
        node("MatMul", ["h", "e"], ["s"]),
        node("TopK", ["s", "k"], ["scores", "items"]),
        [2, "topk"],
        tensor("e", FLOAT, [width, items], across),
        tensor("k", INT64, [1], BigInt64Array.of(BigInt(k))),
        value(11, "h", FLOAT, ["rows", width]),
        value(12, "scores", FLOAT, ["rows", k]),
        value(12, "items", INT64, ["rows", k]),
      ],
    ],
  ]);
}
