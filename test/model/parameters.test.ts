import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Parameters } from "../../src/model/parameters.ts";
import { createEngineSync } from "../../src/wasm/engine.ts";

const module = new WebAssembly.Module(readFileSync(new URL("../../dist/inference.wasm", import.meta.url)));
const [ROWS, WIDTH] = [5000, 37];

function deferred() {
  const engine = createEngineSync(module);
  const { memory } = engine;
  const init = { kind: "constant", size: 0 } as const;
  const parameters = new Parameters(engine, [{ name: "table", shape: [ROWS, WIDTH], init }], false);
  const table = parameters.get("table");
  memory.f32(parameters.values, parameters.floats).fill(Number.NaN);
  const numbers = Float32Array.from({ length: ROWS * WIDTH }, (_, i) => i);
  table.defer(numbers);
  const at = parameters.values;
  return { memory, table, numbers, at, now: () => memory.f32(at, ROWS * WIDTH) };
}

test("a deferred parameter brings its numbers when its address is asked for, and is then its own", () => {
  const { table, numbers, at, now } = deferred();
  const wanted = numbers.slice();
  expect(now().every(Number.isNaN)).toBe(true);
  expect(table.value).toBe(at);
  expect(now()).toEqual(wanted);
  numbers.fill(-1);
  expect(table.value).toBe(at);
  expect(now()).toEqual(wanted);
});

test("few rows are brought one by one, many all at once", () => {
  const { table, numbers, at, now } = deferred();
  expect(table.valueOfRows([3, 4999, 3])).toBe(at);
  for (const row of [3, 4999]) {
    expect(now().slice(row * WIDTH, (row + 1) * WIDTH)).toEqual(numbers.slice(row * WIDTH, (row + 1) * WIDTH));
  }
  expect(now().filter((value) => !Number.isNaN(value)).length).toBe(2 * WIDTH);
  expect(table.valueOfRows(Array.from({ length: ROWS / 50 }, (_, row) => row))).toBe(at);
  expect(now()).toEqual(numbers);
});

test("all rows are shown once and in order, in parts while they are elsewhere, and at once when they are there", () => {
  const { memory, table, numbers, at } = deferred();
  const seen: number[] = [];
  const show = () =>
    table.eachPart((first, count, address) => {
      expect(first * WIDTH).toBe(seen.length);
      seen.push(...memory.f32(address, count * WIDTH));
    });
  const mark = memory.mark();
  show();
  expect(memory.mark()).toBe(mark);
  expect(seen).toEqual([...numbers]);
  expect(memory.f32(at, ROWS * WIDTH).every(Number.isNaN)).toBe(true);
  expect(table.value).toBe(at);
  seen.length = 0;
  let parts = 0;
  table.eachPart((first, count, address) => {
    parts++;
    expect([first, count, address]).toEqual([0, ROWS, at]);
  });
  expect(parts).toBe(1);
});

test("numbers whose bytes were transferred are missed at every way to them, and never made up", () => {
  for (const ask of ["value", "rows", "parts"] as const) {
    const { table, numbers } = deferred();
    structuredClone(numbers.buffer, { transfer: [numbers.buffer as ArrayBuffer] });
    const get = () =>
      ask === "value" ? table.value : ask === "rows" ? table.valueOfRows([1]) : table.eachPart(() => {});
    expect(get).toThrow(expect.objectContaining({ code: "MODEL_BYTES_GONE", exitCode: 2 }));
  }
});
