import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createEngineSync, type Engine } from "../../src/wasm/engine.ts";
import { instantiate, type Scanner, useScanner } from "../../src/wasm/scanner.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { scanTwin } from "../reference/scan.ts";
import { allWays, bruteForce, type Case } from "./exact.ts";

const moduleAt = (path: string) => new WebAssembly.Module(readFileSync(new URL(`../../${path}`, import.meta.url)));
const RELAXED = new URL("../../dist/relaxed.wasm", import.meta.url);
const inference = moduleAt("dist/inference.wasm");
/** Node 20 knows relaxed SIMD behind a flag only, and gets it wrong then. */
const relaxed =
  WebAssembly.validate(readFileSync(RELAXED)) && !process.version.startsWith("v20.")
    ? new WebAssembly.Module(readFileSync(RELAXED))
    : undefined;
const debug = moduleAt("build/inference.debug.wasm");

/** Makes an engine whose integer pass is in a form of i8: the relaxed module's where it compiles, the twin of it elsewhere. */
function withI8(name: Scanner["name"]): Engine {
  const engine = createEngineSync(inference);
  const form = relaxed && instantiate(engine, relaxed).find((scanner) => scanner.name === name);
  if (relaxed && !form) throw new Error(`relaxed.wasm has no form ${name}`);
  useScanner(engine, form ?? { name, perWord: 4, inPairs: 0, scan: scanTwin(engine.memory, 4) });
  return engine;
}

const ENGINES: [string, () => Engine][] = [
  ["the small module, i16", () => createEngineSync(inference)],
  [relaxed ? "the relaxed module, i8" : "the twin of the relaxed module, i8", () => withI8("relaxed-i8")],
  ...(relaxed ? [["the relaxed module, i8 in pairs", () => withI8("relaxed-pairs")] as [string, () => Engine]] : []),
  ["its debug build", () => createEngineSync(debug)],
];

/** One way to draw the rows of a catalogue. */
type Draw = (random: Random, rows: number, width: number) => number[][];
const each =
  (draw: (random: Random) => number): Draw =>
  (random, rows, width) =>
    Array.from({ length: rows }, () => Array.from({ length: width }, () => Math.fround(draw(random))));
const signed = (random: Random) => random.unit() * 2 - 1;
const normal = (random: Random) => signed(random) + signed(random) + signed(random);

/** Rows around a few centres, with lengths from short to long: what training makes of a catalogue. */
const clustered: Draw = (random, rows, width) => {
  const centres = Array.from({ length: 4 }, () => Array.from({ length: width }, () => normal(random)));
  return Array.from({ length: rows }, () => {
    const centre = random.choose(centres);
    const size = random.unit() ** 3 + 0.05;
    return centre.map((value) => Math.fround(size * (value + 0.2 * normal(random))));
  });
};

const KINDS: [string, Draw][] = [
  ["random", each(normal)],
  ["clustered", clustered],
  ["all equal", (random, rows, width) => new Array(rows).fill(each(normal)(random, 1, width)[0])],
  ["zero", each(() => 0)],
  ["nearly all zero", each((random) => (random.unit() < 0.02 ? normal(random) : 0))],
  ["huge", each((random) => signed(random) * 3.4e38)],
  ["large", each((random) => signed(random) * 1e15)],
  ["tiny", each((random) => signed(random) * 1e-16)],
  ["denormal", each((random) => random.integer(-5, 5) * 2 ** -149)],
  ["of every size", each((random) => signed(random) * 2 ** random.integer(-55, 40))],
  [
    "duplicates",
    (random, rows, width) => {
      const few = each(normal)(random, 3, width);
      return Array.from({ length: rows }, () => random.choose(few));
    },
  ],
  ["one ULP apart", each((random) => 1 + random.integer(0, 2) * 2 ** -23)],
  [
    "one-hot",
    (random, rows, width) =>
      Array.from({ length: rows }, () => {
        const hot = random.integer(0, width - 1);
        return Array.from({ length: width }, (_, d) => (d === hot ? Math.fround(normal(random)) : 0));
      }),
  ],
  [
    "infinite and NaN here and there",
    each((random) =>
      random.unit() < 0.01
        ? random.choose([Number.NaN, Number.POSITIVE_INFINITY, -Number.POSITIVE_INFINITY])
        : normal(random),
    ),
  ],
];

const BIASES: ((random: Random) => number)[] = [
  normal,
  (random) => 100 * normal(random),
  () => 0,
  (random) => random.integer(0, 2),
];

function drawCase(random: Random, draw: Draw): Case {
  const items = random.choose([1, 2, 7, 8, 9, 63, 64, 65, 130, 300, 700]);
  const width = random.choose([1, 2, 3, 4, 5, 8, 15, 16, 33, 64]);
  const rows = random.choose([1, 2, 3, 4, 5, 9]);
  const share = random.choose([0, 0, 0.1, 0.7, 1]);
  const some = () => Array.from({ length: items }, (_, item) => item).filter(() => random.unit() < share);
  const bias = random.choose(BIASES);
  return {
    table: draw(random, items, width),
    biases: random.unit() < 0.3 ? Array.from({ length: items }, () => Math.fround(bias(random))) : undefined,
    y: random.choose([each(normal), each(normal), draw])(random, rows, width),
    excluded: Array.from({ length: rows }, some),
    barred: some(),
    k: random.choose([1, 2, 3, 20, random.integer(1, items), items, items + 3]),
  };
}

describe.each(ENGINES)("exact top-K in %s equals brute force", (name, makeEngine) => {
  const runs = name.includes("debug") || name.includes("twin") ? 12 : 60;
  for (const [kind, draw] of KINDS) {
    test(`catalogues ${kind}: V=1…700, D=1…64, K from 1 to beyond V, exclusions none to all, with and without biases`, () => {
      forSeeds(runs, (random) => {
        const one = drawCase(random, draw);
        const want = bruteForce(one);
        for (const [way, got] of Object.entries(allWays(makeEngine(), one))) {
          if (got) expect(got, `${way}: V=${one.table.length}, K=${one.k}`).toEqual(want);
        }
      });
    });
  }

  test("every K from 1 to V + 1, with ties", () => {
    forSeeds(2, (random) => {
      const one = drawCase(
        random,
        each((draws) => draws.integer(-1, 1)),
      );
      const table = Array.from({ length: 70 }, (_, item) => one.table[item % one.table.length]);
      const without = { ...one, table, biases: undefined, excluded: one.y.map(() => [3, 5]), barred: [] };
      for (let k = 1; k <= 71; k++) {
        const want = bruteForce({ ...without, k });
        for (const [way, got] of Object.entries(allWays(makeEngine(), { ...without, k }))) {
          if (got) expect(got, `${way}: K=${k}`).toEqual(want);
        }
      }
    });
  });
});
