import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { sigmoid, ulpError } from "../reference/math.ts";
import { forSeeds } from "../reference/random.ts";
import { variants } from "./harness.ts";
import { BLOCK, compileInternals } from "./internals.ts";

const release = await compileInternals();

type Name = "exp" | "sigmoid" | "tanh";
const word = new Int32Array(1);
const float = new Float32Array(word.buffer);
const bitsOf = (value: number): number => {
  float[0] = value;
  return word[0];
};

/** Distance between the float patterns that a sweep visits; a prime, so that all low bits take part. */
const STRIDE = 1021;

/** Visits floats of one sign in order of magnitude: all bit patterns from `from` to `to` by STRIDE, and `to` itself. */
function sweep(name: Name, from: number, to: number, visit: (x: number, y: number, before: number) => void): void {
  const [first, last] = [bitsOf(Math.abs(from)), bitsOf(Math.abs(to))];
  const sign = to < 0 ? 0x80000000 : 0;
  const patterns = new Int32Array(release.input.buffer, release.input.byteOffset, BLOCK);
  let before = Number.NaN;
  for (let block = first; block <= last; block += BLOCK * STRIDE) {
    const count = Math.min(BLOCK, Math.floor((last - block) / STRIDE) + 2);
    for (let i = 0; i < count; i++) patterns[i] = Math.min(last, block + i * STRIDE) | sign;
    const output = release.apply(name, count);
    for (let i = 0; i < count; i++) {
      visit(release.input[i], output[i], before);
      before = output[i];
    }
  }
}

/** Values of one function at a few points. */
function at(name: Name, ...points: number[]): number[] {
  release.input.set(points);
  return [...release.apply(name, points.length)];
}

const TINY = 2 ** -149;
const INFINITY = Number.POSITIVE_INFINITY;
/** The least x whose e^x is a normal float. */
const EXP_MIN = Math.fround(-87.3365447504);
const EXP_MAX = Math.fround(88.3762626647);

const FUNCTIONS: { name: Name; want: (x: number) => number; ranges: [number, number][]; limit: number }[] = [
  {
    name: "exp",
    want: Math.exp,
    ranges: [
      [0, EXP_MAX],
      [0, EXP_MIN],
    ],
    limit: 1,
  },
  {
    name: "sigmoid",
    want: sigmoid,
    ranges: [
      [0, 3e38],
      [0, -87.3365],
    ],
    limit: 2.5,
  },
  {
    name: "tanh",
    want: Math.tanh,
    ranges: [
      [0, 3e38],
      [0, -3e38],
    ],
    limit: 1.34,
  },
];

describe("elementary functions, one in 1021 of all floats, denormals included", () => {
  for (const { name, want, ranges, limit } of FUNCTIONS) {
    test(`${name} is within ${limit} ULP of f64 while the result is a normal float, and never falls`, () => {
      let [worst, where] = [0, 0];
      for (const [from, to] of ranges) {
        const rises = to > 0 ? 1 : -1;
        sweep(name, from, to, (x, y, before) => {
          const error = ulpError(y, want(x));
          if (!(error <= worst)) [worst, where] = [error, x];
          if ((y - before) * rises < 0) throw new Error(`${name}(${x}) is ${y}, and ${before} at the float before`);
        });
      }
      expect(worst, `${name}(${where}): ${worst} ULP`).toBeLessThanOrEqual(limit);
      expect(worst, "how near the bound it comes; tighten the bound").toBeGreaterThan(0.9 * limit);
    });
  }
});

test("neighbouring floats never fall where branches and roundings meet: every float for 65,536 after each seam", () => {
  const patterns = new Int32Array(release.input.buffer, release.input.byteOffset, BLOCK);
  // tanh changes its formula at 0.625; exp changes its power of two at odd halves of ln 2; 0.3125 doubled is 0.625.
  const seams = [0.3125, Math.LN2 / 2, 0.625, 1.5 * Math.LN2, 1, 8.664, 17.3, 44, 60.65, 87.3];
  for (const name of ["exp", "sigmoid", "tanh"] as const) {
    for (const seam of seams) {
      for (const sign of [1, -1]) {
        const first = bitsOf(sign * seam) - BLOCK / 2;
        for (let i = 0; i < BLOCK; i++) patterns[i] = first + i;
        const y = release.apply(name, BLOCK);
        for (let i = 1; i < BLOCK; i++) {
          if ((y[i] - y[i - 1]) * sign < 0) throw new Error(`${name}(${release.input[i]}): ${y[i]} after ${y[i - 1]}`);
        }
      }
    }
  }
});

test("exp, sigmoid and tanh have the bits they always had, on every engine", () => {
  const digests = (["exp", "sigmoid", "tanh"] as const).map((name) => {
    for (let i = 0; i < BLOCK; i++) release.input[i] = (i / BLOCK) * 40 - 20;
    const y = release.apply(name, BLOCK);
    return createHash("sha256")
      .update(new Uint8Array(y.buffer, y.byteOffset, 4 * BLOCK))
      .digest("hex")
      .slice(0, 16);
  });
  expect(digests).toMatchInlineSnapshot(`
    [
      "25a62afcf1135bf2",
      "43e78e47174478c7",
      "a44871d113b89be4",
    ]
  `);
});

test("expF32 of one float has the bits of a lane", () => {
  for (let i = 0; i < BLOCK; i++) release.input[i] = (i / BLOCK) * 200 - 100;
  const lanes = release.apply("exp", BLOCK).slice();
  const ones = release.apply("expOfOne", BLOCK);
  expect(lanes.findIndex((lane, i) => lane !== ones[i])).toBe(-1);
});

test("expAllF32 has the bits of exp for 0 and below, for even and odd numbers of vectors, and leaves their lane sums", () => {
  for (let i = 0; i < 1028; i++) release.input[i] = (i / 1028) * -100;
  for (const count of [0, 4, 8, 12, 1024, 1028]) {
    const lanes = release.apply("exp", count).slice();
    const all = release.apply("expAll", count);
    expect([...all]).toEqual([...lanes]);
    const sums = new Float32Array(4);
    for (let i = 0; i < count; i++) sums[i % 4] += lanes[i];
    expect([...release.output.subarray(count, count + 4)]).toEqual([...sums]);
  }
});

describe("expColumnsF32", () => {
  const [rows, columns] = [64, 24];
  const view = (at: number, count: number) => new Float32Array(release.memory.buffer, at, count);
  const [x, shift, sums] = [view(1 << 20, rows * columns), view(2 << 20, columns), view(3 << 20, 4 * columns)];
  const run = (values: (row: number, column: number) => number): void => {
    for (let i = 0; i < x.length; i++) x[i] = values(Math.floor(i / columns), i % columns);
    sums.fill(0);
    release.expColumns(rows, columns, x.byteOffset, shift.byteOffset, sums.byteOffset);
  };

  test("is e^(x − shift) within (4 + 2.25·|x − shift|)·2^−24, as if x − shift had been rounded, from 0 to −87.3", () => {
    forSeeds(200, (random) => {
      for (let c = 0; c < columns; c++) shift[c] = Math.fround(random.choose([0, 1, -30, 1000]));
      const power = random.integer(1, 3);
      const given: number[] = [];
      run((_, c) => {
        const value = Math.fround(shift[c] - 87.3 * random.unit() ** power);
        given.push(value);
        return value;
      });
      for (let i = 0; i < x.length; i++) {
        const below = given[i] - shift[i % columns];
        const error = Math.abs(x[i] / Math.exp(below) - 1) * 2 ** 24;
        if (!(error <= 4 - 2.25 * below)) throw new Error(`e^${below}: got ${x[i]}, off by ${error}·2^−24`);
      }
    });
  });

  test("adds row 4i + l to lane sum l, rows in order, on top of what is there", () => {
    shift.fill(0);
    run((row, column) => -row / 8 - column);
    for (let c = 0; c < columns; c++) {
      const want = new Float32Array(4);
      for (let row = 0; row < rows; row++) want[row % 4] += x[row * columns + c];
      expect([0, 1, 2, 3].map((lane) => sums[lane * columns + c])).toEqual([...want]);
    }
  });

  test("is 1 at the shift, 0 far below it, and keeps NaN", () => {
    shift.fill(3e38);
    run((_, column) => [3e38, -3e38, 0, Number.NaN, -INFINITY][column % 5]);
    expect([...x.subarray(0, 5)]).toEqual([1, 0, 0, Number.NaN, 0]);
    shift.fill(0);
    run((_, column) => [0, -0, -88.1, -104][column % 4]);
    expect([...x.subarray(0, 4)]).toEqual([1, 1, 0, 0]);
  });
});

test("exp is exact at 0, a denormal and then 0 below the normal floats, stays finite above, and keeps NaN", () => {
  expect(at("exp", 0, -0, TINY, -TINY)).toEqual([1, 1, 1, 1]);
  expect(at("exp", -87.69, -104, -3e38, -INFINITY)).toEqual([0, 0, 0, 0]);
  const [denormal] = at("exp", -87.5);
  expect(Math.abs(denormal - Math.exp(-87.5))).toBeLessThan(4 * TINY);
  const [most, ...above] = at("exp", EXP_MAX, 88.8, 3e38, INFINITY);
  expect(most).toBeCloseTo(2.406e38, -36);
  expect(above).toEqual([most, most, most]);
  expect(at("exp", Number.NaN)).toEqual([Number.NaN]);
});

test("sigmoid is 1/2 at 0, 1 from 18 on, at most 1.2e-38 below −87.4 and never negative, and keeps NaN", () => {
  expect(at("sigmoid", 0, -0, TINY, -TINY)).toEqual([0.5, 0.5, 0.5, 0.5]);
  expect(at("sigmoid", 18, 100, 3e38, INFINITY)).toEqual([1, 1, 1, 1]);
  for (const low of at("sigmoid", -87.4, -100, -3e38, -INFINITY)) {
    expect(low).toBeGreaterThanOrEqual(0);
    expect(low).toBeLessThan(1.2e-38);
  }
  expect(at("sigmoid", Number.NaN)).toEqual([Number.NaN]);
});

test("tanh is x near 0, ±1 from 9.1 on, odd, and keeps NaN", () => {
  expect(at("tanh", TINY, -TINY, 1e-20, -1e-20)).toEqual([TINY, -TINY, Math.fround(1e-20), -Math.fround(1e-20)]);
  expect(at("tanh", 9.1, 100, 3e38, INFINITY)).toEqual([1, 1, 1, 1]);
  expect(at("tanh", -9.1, -100, -3e38, -INFINITY)).toEqual([-1, -1, -1, -1]);
  expect(at("tanh", 0, -0).map(Math.abs)).toEqual([0, 0]);
  expect(at("tanh", Number.NaN)).toEqual([Number.NaN]);
  for (let i = 0; i < BLOCK; i++) release.input[i] = (10 * (i + 1)) / BLOCK;
  const positive = release.apply("tanh", BLOCK).slice();
  for (let i = 0; i < BLOCK; i++) release.input[i] = -release.input[i];
  const negative = release.apply("tanh", BLOCK);
  expect(negative.findIndex((y, i) => y !== -positive[i])).toBe(-1);
});

test("log2F64 is within 1e-15 of Math.log2 for every whole number in 2…1,000,000, on every module, and exact for powers of two", () => {
  for (const { name, engine } of variants) {
    const { log2F64 } = engine.kernels;
    for (let x = 2; x <= 1_000_000; x++) {
      const want = Math.log2(x);
      if (!(Math.abs(log2F64(x) - want) <= 1e-15 * want)) {
        throw new Error(`${name}: log2F64(${x}): got ${log2F64(x)}, want ${want}`);
      }
    }
    for (let power = 0; power < 31; power++) expect(log2F64(2 ** power)).toBe(power);
  }
});

test("logF64 is within 2.3e-16 of Math.log over all of f64, and log 0 is −∞", () => {
  for (let exponent = -1074; exponent < 1024; exponent++) {
    for (const x of [2 ** exponent, 1.3 * 2 ** exponent, 1.9999 * 2 ** exponent]) {
      const want = Math.log(x);
      expect(Math.abs(release.log(x) - want), `log(${x})`).toBeLessThanOrEqual(2.3e-16 * Math.abs(want));
    }
  }
  expect(release.log(0)).toBe(-INFINITY);
  expect(release.log(1)).toBe(0);
});

test("normalQuantile is within 1.5e-7 of Python's, from 1e-300 to 1 − 1e-9", () => {
  const golden = loadGolden("math.json").cases.find(({ name }) => name === "normalQuantile");
  let worst = 0;
  for (const [p, want] of golden?.rows ?? []) {
    const error = Math.abs(release.quantile(p) - want) / Math.max(Math.abs(want), 1e-3);
    worst = Math.max(worst, error);
    expect(error, `quantile(${p}): got ${release.quantile(p)}, want ${want}`).toBeLessThan(1.5e-7);
  }
  expect(worst).toBeGreaterThan(0);
});
