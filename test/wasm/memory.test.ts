import { describe, expect, test, vi } from "vitest";
import { createMemory, Memory } from "../../src/wasm/memory.ts";

describe("memory", () => {
  test("plans addresses one after the other, aligned to 16 bytes, above the module's own data", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(1001);
    expect(memory.planF32(1)).toBe(1008);
    expect(memory.planI32(5)).toBe(1024);
    expect(memory.planF64(1)).toBe(1056);
    expect(memory.planF32(0)).toBe(1072);
    expect(memory.planF32(1)).toBe(1072);
  });

  test("keeps what was written when it grows, and views see the new buffer", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(0);
    const first = memory.planF32(4);
    memory.f32(first, 4).set([1, 2, 3, 4]);
    const buffer = memory.wasm.buffer;
    const far = memory.planF32(1_000_000);
    expect(memory.wasm.buffer).not.toBe(buffer);
    memory.f32(far, 1_000_000).fill(5);
    expect([...memory.f32(first, 4)]).toEqual([1, 2, 3, 4]);
    expect(memory.i32(far, 1)[0]).toBe(0x40a00000);
    expect(memory.f64(memory.planF64(1), 1)).toHaveLength(1);
  });

  test("uses released space again", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(0);
    memory.planF32(10);
    const mark = memory.mark();
    const step = memory.planF32(100);
    memory.release(mark);
    expect(memory.planF32(7)).toBe(step);
    expect(memory.peakBytes).toBe(48 + 400);
  });

  test("places integers", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(64);
    const at = memory.place([7, -1, 2 ** 31 - 1]);
    expect([...memory.i32(at, 3)]).toEqual([7, -1, 2 ** 31 - 1]);
  });

  test("says how much a plan beyond 4 GiB would need, and stays usable", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(0);
    expect(() => memory.planF32(2 ** 30)).toThrow(
      expect.objectContaining({ code: "MEMORY_LIMIT", message: expect.stringContaining("4,096 MiB") }),
    );
    expect(() => memory.planF32(2 ** 45)).toThrow(expect.objectContaining({ code: "MEMORY_LIMIT" }));
    expect(memory.planF32(1)).toBe(0);
  });

  test("says so when the runtime has none at all", () => {
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function refuse() {
      throw new RangeError("could not allocate memory");
    });
    try {
      expect(() => createMemory(true)).toThrow(expect.objectContaining({ code: "MEMORY_REFUSED" }));
    } finally {
      vi.restoreAllMocks();
    }
  });

  test("says so when the runtime refuses to grow, and stays usable", () => {
    const memory = new Memory(createMemory(false));
    memory.startAt(0);
    memory.wasm.grow = () => {
      throw new RangeError("no");
    };
    expect(() => memory.planF32(100_000)).toThrow(expect.objectContaining({ code: "MEMORY_REFUSED" }));
    expect(memory.planF32(4)).toBe(0);
  });
});
