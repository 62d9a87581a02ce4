import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createEngineSync } from "../../src/wasm/engine.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { chooseScanner, instantiate, isRight, offerRelaxed, type Scanner, scannerOf } from "../../src/wasm/scanner.ts";
import { type Product, scanTwin } from "../reference/scan.ts";

const bytes = (name: string) => readFileSync(new URL(`../../dist/${name}`, import.meta.url));
const engine = createEngineSync(new WebAssembly.Module(bytes("inference.wasm")));
const plain: Scanner = { name: "i16", perWord: 2, inPairs: 0, scan: engine.kernels.scanCatalogue };
const twin = (product?: Product): Scanner => {
  const scan = scanTwin(engine.memory, 4, product);
  // What is timed has no room for positions and lists none: nothing is to be gained from running the twin on it.
  return {
    name: "relaxed-i8",
    perWord: 4,
    inPairs: 0,
    scan: (...args) => (args[13] === 0 ? undefined : scan(...args)),
  };
};
/** Milliseconds a form takes at its n-th measured call. */
type Times = (call: number) => number;
const from =
  (at: number, before: number, after: number): Times =>
  (call) =>
    call < at ? before : after;
/** Forms that take so long by a clock that only they move, and how often the first was measured. */
const timed = (relaxed: Times, i16: Times) => {
  let ms = 0;
  const calls = [0, 0];
  const take = (form: number, times: Times, { scan, ...rest }: Scanner): Scanner => ({
    ...rest,
    scan: (...args) => {
      if (args[6] > 1) ms += times(calls[form]++);
      if (args[6] === 1) scan(...args);
    },
  });
  return { other: take(0, relaxed, twin()), usual: take(1, i16, plain), now: () => ms, calls };
};
const FAST = from(10, 0.044, 0.011);
const SLOW = from(10, 0.044, 0.04);
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
    ["saturates a product at 2^12", (item, query) => Math.max(-4096, Math.min(4095, item * query))],
    ["is wrong for the smallest query alone", (item, query) => (query === -63 ? item * -62 : item * query)],
    ["is wrong for the largest item alone", (item, query) => (item === 127 ? 126 * query : item * query)],
    ["adds nothing", () => 0],
    ["adds one too many", (item, query) => item * query + 1],
    ["adds one too few", (item, query) => item * query - 1],
  ];
  for (const [name, product] of LIES) {
    test(`refuses a dot product that ${name}`, () => {
      expect(isRight(engine, twin(product))).toBe(false);
      const { usual, now } = timed(FAST, from(10, 0.073, 0.024));
      expect(chooseScanner(engine, usual, [twin(product)], now)).toBe(usual);
    });
  }

  test("refuses one that begins to lie once it is compiled for speed", () => {
    let calls = 0;
    const honest = twin().scan;
    const lying = twin((item, query) => item * query + 1).scan;
    const turncoat: Scanner = { ...twin(), scan: (...args) => (calls++ < 20 ? honest : lying)(...args) };
    const { usual, now } = timed(FAST, from(10, 0.073, 0.024));
    expect(chooseScanner(engine, usual, [turncoat], now)).toBe(usual);
    expect(calls).toBeGreaterThan(20);
  });
});

describe("the choice", () => {
  const CASES: [string, Times, Times, boolean][] = [
    ["compiled at once", FAST, from(10, 0.073, 0.024), true],
    ["compiled first", FAST, from(3000, 0.073, 0.024), true],
    ["compiled long after the other", from(3000, 0.044, 0.011), from(10, 0.073, 0.024), true],
    ["disturbed most of the time", (call) => (call % 50 === 49 ? 0.011 : 0.044), from(10, 0.073, 0.024), true],
    ["faster before it is compiled alone", from(100, 0.044, 0.03), from(100, 0.073, 0.024), false],
    ["slower", SLOW, from(10, 0.073, 0.024), false],
    ["a little faster", from(10, 0.044, 0.022), from(10, 0.073, 0.024), false],
    ["never compiled for speed", () => 0.044, from(10, 0.073, 0.024), false],
    ["measured by a clock that stands still", () => 0, () => 0, false],
  ];
  for (const [name, relaxed, i16, wanted] of CASES) {
    test(`falls on ${wanted ? "the relaxed form" : "i16"} where the relaxed form is ${name}`, () => {
      const { other, usual, now, calls } = timed(relaxed, i16);
      expect(chooseScanner(engine, usual, [other], now)).toBe(wanted ? other : usual);
      expect(now(), "the time it took").toBeLessThan(401);
      expect(calls[0]).toBe(calls[1]);
    });
  }

  test("falls on the faster of two forms, and on none that lies, however fast it is", () => {
    let ms = 0;
    const taking = (time: number, scanner: Scanner): Scanner => {
      let calls = 0;
      const scan: Scanner["scan"] = (...args) => {
        if (args[6] > 1) ms += calls++ < 10 ? 4 * time : time;
        else scanner.scan(...args);
      };
      return { ...scanner, scan };
    };
    const usual = taking(0.024, plain);
    const forms = [taking(0.017, twin()), taking(0.011, twin()), taking(0.013, twin())];
    expect(chooseScanner(engine, usual, forms, () => ms)).toBe(forms[1]);
    const liar = taking(
      0.005,
      twin(() => 0),
    );
    expect(chooseScanner(engine, usual, [forms[0], liar], () => ms)).toBe(forms[0]);
  });

  test("takes some tens of rounds where both are compiled soon, and five where the clock stands still", () => {
    const soon = timed(FAST, from(10, 0.073, 0.024));
    chooseScanner(engine, soon.usual, [soon.other], soon.now);
    expect(soon.calls[0]).toBeLessThan(60);
    const still = timed(
      () => 0,
      () => 0,
    );
    chooseScanner(engine, still.usual, [still.other], still.now);
    expect(still.calls[0]).toBe(5);
  });

  test("falls on i16 where another module is offered, and on Node 20 always", async () => {
    const other = createEngineSync(new WebAssembly.Module(bytes("inference.wasm")));
    offerRelaxed(other, new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])));
    expect(scannerOf(other).name).toBe("i16");
    if (major === 20) expect(scannerOf(await createTrainingEngine()).name).toBe("i16");
  });

  test("plans nothing that stays", () => {
    const mark = engine.memory.mark();
    const { usual, other, now } = timed(FAST, from(10, 0.073, 0.024));
    chooseScanner(engine, usual, [other], now);
    expect(engine.memory.mark()).toBe(mark);
  });
});

test("the relaxed module is right wherever it compiles, Node 20 aside", () => {
  const compiles = WebAssembly.validate(bytes("relaxed.wasm"));
  console.log(`relaxed.wasm: Node ${process.version} ${compiles ? "compiles it" : "does not know its instructions"}`);
  if (!compiles || major === 20) return;
  const forms = instantiate(engine, new WebAssembly.Module(bytes("relaxed.wasm")));
  expect(forms.map((form) => [form.name, isRight(engine, form)])).toEqual([
    ["relaxed-i8", true],
    ["relaxed-pairs", true],
  ]);
});
