import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { adamCatchUp, adamState, adamStep, clipGradientNorm } from "../reference/adam.ts";
import { forSeeds } from "../reference/random.ts";
import { expectNear, floatRows, floats, reads, run, SIZES, updates, writes } from "./harness.ts";

/** Floats in one partial sum of squares, as kernel/optim.ts has it. */
const CHUNK = 1024;

function squares(gradient: ArrayLike<number>): Float64Array {
  const count = gradient.length;
  const chunks = Math.ceil(count / CHUNK);
  return run({ g: reads.f32(gradient), partial: writes.f64(chunks) }, ({ kernels, at, each }) =>
    each(chunks, 1, (begin, end) => kernels.squaresF64(begin, end, count, at.g, at.partial)),
  ).partial;
}

interface Settings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** 0: no clipping */
  maxNorm: number;
}

/** The optimiser as src/train/optimizer.ts runs it, one block of floats padded to whole vectors. */
class Optimizer {
  w: Float32Array;
  m: Float32Array;
  v: Float32Array;
  #power1 = 1;
  #power2 = 1;

  constructor(
    readonly count: number,
    initial: number[],
    readonly settings: Settings,
  ) {
    const floats = Math.ceil(count / 4) * 4;
    this.w = new Float32Array(floats);
    this.w.set(initial);
    this.m = new Float32Array(floats);
    this.v = new Float32Array(floats);
  }

  step(gradient: number[]): number {
    const { learningRate, beta1, beta2, epsilon, weightDecay, maxNorm } = this.settings;
    const floats = this.w.length;
    const g = new Float32Array(floats);
    g.set(gradient);
    const norm = Math.sqrt(squares(g).reduce((sum, partial) => sum + partial, 0));
    const scale = maxNorm > 0 ? Math.min(1, maxNorm / (norm + 1e-6)) : 1;
    this.#power1 *= beta1;
    this.#power2 *= beta2;
    const buffers = { w: updates.f32(this.w), g: updates.f32(g), m: updates.f32(this.m), v: updates.f32(this.v) };
    const out = run(buffers, ({ kernels, at, each }) =>
      each(floats, 4, (begin, end) =>
        kernels.adamF32(
          begin,
          end,
          at.w,
          at.g,
          at.m,
          at.v,
          learningRate,
          beta1,
          1 - beta1,
          beta2,
          1 - beta2,
          epsilon,
          weightDecay,
          1 - this.#power1,
          1 - this.#power2,
          scale,
        ),
      ),
    );
    expect(
      out.g.every((value) => Object.is(value, 0)),
      "the gradient is cleared",
    ).toBe(true);
    for (const block of [out.w, out.m, out.v]) {
      expect(
        block.subarray(this.count).every((value) => value === 0),
        "gaps stay zero",
      ).toBe(true);
    }
    Object.assign(this, { w: out.w, m: out.m, v: out.v });
    return norm;
  }

  get values(): number[] {
    return [...this.w.subarray(0, this.count)];
  }
}

describe("ten steps equal torch.optim and clip_grad_norm_", () => {
  // Decay by way of the gradient, as torch.optim.Adam has it, is not what the kernel does.
  const cases = loadGolden("adam.json").cases.filter((one) => one.optimizer === "AdamW" || one.weightDecay === 0);

  test("with and without decay and clipping", () => {
    const kinds = cases.map(({ weightDecay, maxNorm }) => `${weightDecay > 0},${maxNorm !== null}`);
    expect(new Set(kinds).size).toBeGreaterThanOrEqual(3);
  });

  for (const golden of cases) {
    const { initial, steps, maxNorm } = golden;
    test(`${golden.optimizer}, decay ${golden.weightDecay}, ${maxNorm === null ? "no clipping" : `norm ≤ ${maxNorm}`}`, () => {
      const optimizer = new Optimizer(initial.flat().length, initial.flat(), { ...golden, maxNorm: maxNorm ?? 0 });
      let before = initial.flat();
      for (const [t, { gradients, norm, values }] of steps.entries()) {
        expectNear(`norm, step ${t + 1}`, [], optimizer.step(gradients.flat()), norm, 1e-6);
        expectNear(`values, step ${t + 1}`, ["i"], optimizer.values, values.flat(), 1e-6);
        // The change is what the step computes, and a thousandth of the value.
        const change = (now: number[]): number[] => now.map((value, i) => value - before[i]);
        expectNear(`change, step ${t + 1}`, ["i"], change(optimizer.values), change(values.flat()), 3e-4);
        before = values.flat();
      }
    });
  }
});

test("adam equals the f64 twin for 0, 1, 3, 4, 5, 15 and 2,000 floats over 20 steps of any settings", () => {
  for (const count of [...SIZES, 2000]) {
    forSeeds(3, (random) => {
      const settings: Settings = {
        learningRate: Math.fround(random.choose([1e-3, 0.1])),
        beta1: random.choose([0.9, 0.5, 0]),
        beta2: random.choose([0.999, 0.9]),
        epsilon: Math.fround(random.choose([1e-8, 1e-3])),
        weightDecay: Math.fround(random.choose([0, 0.01, 0.5])),
        maxNorm: random.choose([0, 0.5, 1e9]),
      };
      const values = floats(random, count);
      const optimizer = new Optimizer(count, values, settings);
      const state = adamState(count);
      for (let t = 0; t < 20; t++) {
        // Some floats have no gradient at first, as items that no batch has met.
        const gradient = floats(random, count, 10 ** random.integer(-3, 1)).map((g, i) =>
          i % 3 === 1 && t < 5 ? 0 : g,
        );
        const scaled = [...gradient];
        const wantNorm = clipGradientNorm([scaled], settings.maxNorm || Number.POSITIVE_INFINITY);
        expectNear("norm", [], optimizer.step(gradient), wantNorm, 1e-12);
        adamStep(values, scaled, state, { ...settings, decoupled: true });
      }
      const at = `${count} floats, ${JSON.stringify(settings)}`;
      // A second moment made with 1 − 0.999 in f32 would be 1.3e-5 too low.
      expectNear(`w, ${at}`, ["i"], optimizer.values, values, 2e-6 + 1e-4 * settings.learningRate);
      expectNear(`m, ${at}`, ["i"], [...optimizer.m.subarray(0, count)], state.mean, 1e-6);
      expectNear(`v, ${at}`, ["i"], [...optimizer.v.subarray(0, count)], state.square, 2e-6);
    });
  }
});

test("a float without gradient and history stays where it is", () => {
  const optimizer = new Optimizer(5, [1, -2, 3, -4, 5], {
    learningRate: 0.1,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    maxNorm: 1,
  });
  optimizer.step([0, 0, 0, 0, 1]);
  expect(optimizer.values.slice(0, 4)).toEqual([1, -2, 3, -4]);
  expect(optimizer.values[4]).toBeCloseTo(4.9, 5);
});

test("squares are f64 sums of chunks of 1,024 floats in order, exactly, for 0 … 3 chunks and a rest", () => {
  forSeeds(1, (random) => {
    for (const count of [0, 1, 3, 4, 5, 1023, 1024, 1025, 3087]) {
      const g = floats(random, count, 1000);
      const want = Array.from({ length: Math.ceil(count / CHUNK) }, (_, chunk) =>
        g.slice(chunk * CHUNK, (chunk + 1) * CHUNK).reduce((sum, value) => sum + value * value, 0),
      );
      expect([...squares(g)]).toEqual(want);
    }
  });
});

test("squares of huge and tiny floats neither overflow nor vanish", () => {
  expect([...squares([3e38, 4e38 / 10])]).toEqual([Math.fround(3e38) ** 2 + Math.fround(4e37) ** 2]);
  expect(squares([1e-40])[0]).toBeGreaterThan(0);
});

describe("rows of a table", () => {
  const ROWS = 9;
  const options = { learningRate: Math.fround(0.01), beta1: 0.9, beta2: 0.999, epsilon: Math.fround(1e-8) };

  test("adamRows takes the step of the rows it is given, of width 1, 3, 4, 5 and 15, with the bits of adam, and touches no other", () => {
    for (const width of SIZES.slice(1)) {
      forSeeds(3, (random) => {
        const table = () => floatRows(random, ROWS, width);
        const [w, m, v] = [table(), table(), table().map((row) => row.map(Math.abs))];
        // Some rows, in no order; −1 is none.
        const ids = [7, 2, -1, 4, 0].slice(0, random.integer(0, 5));
        const g = floatRows(random, ids.length, width);
        const { learningRate, beta1, beta2, epsilon } = options;
        const settings = [learningRate, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, 0.5, 0.1, 0.001, 0.75] as const;
        const buffers = {
          ids: reads.i32(ids),
          w: updates.f32(w.flat()),
          g: updates.f32(g.flat()),
          m: updates.f32(m.flat()),
          v: updates.f32(v.flat()),
        };
        const out = run(buffers, ({ kernels, at, each }) =>
          each(ids.length, 1, (begin, end) =>
            kernels.adamRowsF32(begin, end, width, at.ids, at.w, at.g, at.m, at.v, ...settings),
          ),
        );
        const padded = Math.ceil(width / 4) * 4;
        const pad = (row: number[]) => [...row, ...new Array(padded - width).fill(0)];
        for (let row = 0; row < ROWS; row++) {
          const place = ids.indexOf(row);
          const wide = place < 0 ? undefined : [w[row], g[place], m[row], v[row]].map((one) => updates.f32(pad(one)));
          const alone =
            wide &&
            run({ w: wide[0], g: wide[1], m: wide[2], v: wide[3] }, ({ kernels, at }) =>
              kernels.adamF32(0, padded, at.w, at.g, at.m, at.v, ...settings),
            );
          for (const [name, before] of Object.entries({ w, m, v })) {
            const want = alone ? [...alone[name as "w"]].slice(0, width) : before[row];
            const got = [...out[name as "w"].subarray(row * width, (row + 1) * width)];
            expect(got, `${name} of row ${row}, width ${width}`).toEqual(want);
          }
        }
        ids.forEach((id, place) => {
          const left = [...out.g.subarray(place * width, (place + 1) * width)];
          expect(left, "gradients are cleared").toEqual(id < 0 ? g[place] : new Array(width).fill(0));
        });
      });
    }
  });

  test("catchUp takes the steps that rows have missed, as the f64 twin does, and touches no other row", () => {
    for (const width of SIZES.slice(1)) {
      forSeeds(3, (random) => {
        const weightDecay = random.choose([0, 0.5]);
        const table = () => floatRows(random, ROWS, width);
        const [w, m, v] = [table(), table(), table().map((row) => row.map(Math.abs))];
        const ids = [7, 2, -1, 4, 0].slice(0, random.integer(0, 5));
        const want = { w: structuredClone(w), m: structuredClone(m), v: structuredClone(v) };
        const factors = ids.flatMap((id) => {
          const [step, missed] = [random.integer(0, 2000), random.integer(1, 40)];
          const { learningRate, beta1, beta2 } = options;
          const ratio = beta1 / Math.sqrt(beta2);
          const state = { step, mean: want.m[id] ?? [], square: want.v[id] ?? [] };
          adamCatchUp(want.w[id] ?? [], state, missed, { ...options, weightDecay, decoupled: true });
          return [
            (1 - learningRate * weightDecay) ** missed,
            beta1 ** missed,
            beta2 ** missed,
            ((learningRate / (1 - beta1 ** (step + 1))) * ratio * (1 - ratio ** missed)) / (1 - ratio),
            Math.sqrt(1 - beta2 ** (step + 1)),
          ];
        });
        const buffers = {
          ids: reads.i32(ids),
          factors: reads.f32(factors),
          w: updates.f32(w.flat()),
          m: updates.f32(m.flat()),
          v: updates.f32(v.flat()),
        };
        const out = run(buffers, ({ kernels, at, each }) =>
          each(ids.length, 1, (begin, end) =>
            kernels.catchUpRowsF32(begin, end, width, at.ids, at.w, at.m, at.v, at.factors, options.epsilon),
          ),
        );
        for (const [name, before] of Object.entries({ w, m, v })) {
          const got = out[name as "w"];
          expectNear(`${name}, width ${width}`, ["row", "d"], [...got], want[name as "w"].flat(), 1e-6);
          before.forEach((row, id) => {
            if (!ids.includes(id)) expect([...got.subarray(id * width, (id + 1) * width)]).toEqual(row);
          });
        }
      });
    }
  });
});
