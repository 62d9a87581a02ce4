import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createEngineSync } from "../../src/wasm/engine.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { chooseScanner, instantiate, isRight, offerRelaxed, type Scanner, scannerOf } from "../../src/wasm/scanner.ts";
import { type Product, scanTwin } from "../reference/scan.ts";

const bytes = (name: string) => readFileSync(new URL(`../../dist/${name}`, import.meta.url));
const engine = createEngineSync(new WebAssembly.Module(bytes("inference.wasm")));
const plain: Scanner = { name: "i16", perWord: 2, scan: engine.kernels.scanCatalogue };
const twin = (product?: Product): Scanner => {
  const scan = scanTwin(engine.memory, 4, product);
  // What is timed has no room for positions and lists none: nothing is to be gained from running the twin on it.
  return { name: "relaxed-i8", perWord: 4, scan: (...args) => (args[13] === 0 ? undefined : scan(...args)) };
};
/** A clock by which whatever runs first, which is the relaxed form, is fast. */
const clock = (faster: boolean) => {
  let calls = 0;
  let ms = 0;
  return () => {
    const isEnd = calls % 2 === 1;
    const isOther = calls++ % 4 < 2;
    if (isEnd) ms += isOther === faster ? 1 : 2;
    return ms;
  };
};
const major = Number(process.versions.node.split(".")[0]);

describe("the self-test of the integer pass", () => {
  test("takes the i16 kernel, and twins of both forms, for right", () => {
    expect(isRight(engine, plain)).toBe(true);
    expect(isRight(engine, twin())).toBe(true);
    expect(isRight(engine, { ...plain, scan: scanTwin(engine.memory, 2) })).toBe(true);
  });

  const LIES: [string, Product][] = [
    ["takes queries for unsigned", (item, query) => item * (query & 255)],
    ["loses the lowest bit of a product", (item, query) => (item * query) & ~1],
    ["saturates a product at 2^13", (item, query) => Math.max(-8192, Math.min(8191, item * query))],
    ["is wrong for the smallest query alone", (item, query) => (query === -127 ? item * -126 : item * query)],
    ["is wrong for the largest item alone", (item, query) => (item === 127 ? 126 * query : item * query)],
    ["adds nothing", () => 0],
  ];
  for (const [name, product] of LIES) {
    test(`refuses a dot product that ${name}`, () => {
      expect(isRight(engine, twin(product))).toBe(false);
      expect(chooseScanner(engine, plain, twin(product), clock(true))).toBe(plain);
    });
  }

  test("refuses one that begins to lie once it is compiled for speed", () => {
    let calls = 0;
    const honest = twin().scan;
    const lying = twin((item, query) => item * query + 1).scan;
    const turncoat: Scanner = { ...twin(), scan: (...args) => (calls++ < 20 ? honest : lying)(...args) };
    expect(chooseScanner(engine, plain, turncoat, clock(true))).toBe(plain);
  });
});

describe("the choice", () => {
  test("falls on the relaxed form where it is right and faster, and on no other", () => {
    const relaxed = twin();
    expect(chooseScanner(engine, plain, relaxed, clock(true))).toBe(relaxed);
    expect(chooseScanner(engine, plain, relaxed, clock(false))).toBe(plain);
    expect(
      chooseScanner(engine, plain, relaxed, () => 0),
      "a clock that stands still",
    ).toBe(plain);
  });

  test("falls on i16 where another module is offered, and on Node 20 always", async () => {
    const other = createEngineSync(new WebAssembly.Module(bytes("inference.wasm")));
    offerRelaxed(other, new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])));
    expect(scannerOf(other).name).toBe("i16");
    if (major === 20) expect(scannerOf(await createTrainingEngine()).name).toBe("i16");
  });

  test("plans nothing that stays", () => {
    const mark = engine.memory.mark();
    chooseScanner(engine, plain, twin(), clock(true));
    expect(engine.memory.mark()).toBe(mark);
  });
});

test("the relaxed module is right wherever it compiles, Node 20 aside", () => {
  const compiles = WebAssembly.validate(bytes("relaxed.wasm"));
  console.log(`relaxed.wasm: Node ${process.version} ${compiles ? "compiles it" : "does not know its instructions"}`);
  if (!compiles || major === 20) return;
  const relaxed = instantiate(engine, new WebAssembly.Module(bytes("relaxed.wasm")))!;
  expect(isRight(engine, relaxed)).toBe(true);
});
