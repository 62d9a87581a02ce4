// The bytes of small ONNX models, written by hand: protobuf messages of onnx.proto3 with the few fields that are needed.

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const INTEGER_ATTRIBUTE = 2;

/** What a GRU that ranks by its own item table consists of, as PyTorch has it; as wide as its items. */
export interface Weights {
  items: number;
  width: number;
  /** f32[items, width] */
  table: Float32Array;
  /** f32[3·width, width] each. */
  weightIh: Float32Array;
  weightHh: Float32Array;
  /** f32[3·width] each. */
  biasIh: Float32Array;
  biasHh: Float32Array;
}

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
const integers = (name: string, values: readonly number[]): Field =>
  tensor(name, INT64, [values.length], BigInt64Array.from(values, BigInt));
const value = (field: number, name: string, type: number, dims: (number | string)[]): Field => {
  const shape = dims.map((dim): Field => [1, [typeof dim === "number" ? [1, dim] : [2, dim]]]);
  const tensorType: Field[] = [
    [1, type],
    [2, shape],
  ];
  return [
    field,
    [
      [1, name],
      [2, [[1, tensorType]]],
    ],
  ];
};
const node = (
  operator: string,
  inputs: string[],
  outputs: string[],
  attributes: Record<string, number> = {},
): Field => [
  1,
  [
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [4, operator],
    ...Object.entries(attributes).map(
      ([name, number]): Field => [
        5,
        [
          [1, name],
          [3, number],
          [20, INTEGER_ATTRIBUTE],
        ],
      ],
    ),
  ],
];

/** A model with its opset. */
const model = (graph: Field[]) =>
  encode([
    [1, 8],
    [8, [[2, 13]]],
    [7, graph],
  ]);

/** MatMul of h with the table, and TopK: scores f32[rows, k], items i64[rows, k]. */
function ranking(table: Float32Array, items: number, width: number, k: number): Field[] {
  const across = new Float32Array(table.length);
  for (let item = 0; item < items; item++) {
    for (let d = 0; d < width; d++) across[d * items + item] = table[item * width + d];
  }
  return [
    node("MatMul", ["h", "e"], ["s"]),
    node("TopK", ["s", "k"], ["scores", "items"]),
    [2, "ranking"],
    tensor("e", FLOAT, [width, items], across),
    integers("k", [k]),
    value(12, "scores", FLOAT, ["rows", k]),
    value(12, "items", INT64, ["rows", k]),
  ];
}

/** Ranks encoded queries: h f32[rows, width]. */
export function rankingModel({ table, items, width }: Weights, k: number): Uint8Array {
  return model([...ranking(table, items, width, k), value(11, "h", FLOAT, ["rows", width])]);
}

/** Answers requests: ids i32[steps, rows] → Gather → GRU → the last state ranks. */
export function requestModel(
  { table, items, width, weightIh, weightHh, biasIh, biasHh }: Weights,
  k: number,
): Uint8Array {
  // PyTorch has the gates as (r, z, n), ONNX as (z, r, n).
  const swap = (gates: Float32Array) => {
    const third = gates.length / 3;
    const swapped = gates.slice();
    swapped.set(gates.subarray(third, 2 * third), 0);
    swapped.set(gates.subarray(0, third), third);
    return swapped;
  };
  const bias = new Float32Array(6 * width);
  bias.set(swap(biasIh));
  bias.set(swap(biasHh), 3 * width);
  return model([
    node("Gather", ["table", "ids"], ["x"]),
    node("GRU", ["x", "w", "r", "b"], ["", "last"], { hidden_size: width, linear_before_reset: 1 }),
    node("Squeeze", ["last", "axis"], ["h"]),
    ...ranking(table, items, width, k),
    tensor("table", FLOAT, [items, width], table),
    tensor("w", FLOAT, [1, 3 * width, width], swap(weightIh)),
    tensor("r", FLOAT, [1, 3 * width, width], swap(weightHh)),
    tensor("b", FLOAT, [1, 6 * width], bias),
    integers("axis", [0]),
    value(11, "ids", INT32, ["steps", "rows"]),
  ]);
}
