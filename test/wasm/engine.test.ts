import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compile, createEngine, createEngineSync } from "../../src/wasm/engine.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";

const inference = readFileSync(new URL("../../dist/inference.wasm", import.meta.url));

test("engines have memories of their own", async () => {
  const [one, two] = [await createTrainingEngine(), await createTrainingEngine()];
  const at = one.memory.planF32(4);
  one.memory.f32(at, 4).fill(1);
  two.memory.f32(two.memory.planF32(4), 4).fill(2);
  expect([...one.memory.f32(at, 4)]).toEqual([1, 1, 1, 1]);
});

test("a module can be instantiated at once where it is compiled already", async () => {
  const engine = createEngineSync(await compile(inference));
  expect(engine.kernels.abiVersion()).toBe(1);
  expect(engine.memory.planF32(1)).toBeGreaterThanOrEqual(engine.kernels.heapBase());
});

test("the full module is refused where no thread shares the memory", async () => {
  const full = readFileSync(new URL("../../dist/attune.wasm", import.meta.url));
  await expect(createEngine(await compile(full))).rejects.toMatchObject({ code: "MODULE_MISMATCH" });
});

test("bytes that are no module are refused with a code", async () => {
  await expect(compile(new Uint8Array([0, 97, 115, 109]))).rejects.toMatchObject({ code: "SIMD_MISSING", exitCode: 1 });
});

test("a module of another interface is refused", async () => {
  // (module (func (export "abiVersion") (result i32) (i32.const 99)))
  const other = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 7, 14, 1, 10, 97, 98, 105, 86, 101, 114, 115, 105,
    111, 110, 0, 0, 10, 7, 1, 5, 0, 65, 227, 0, 11,
  ]);
  await expect(createEngine(await compile(other))).rejects.toMatchObject({ code: "ABI_MISMATCH" });
});
