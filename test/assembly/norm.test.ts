import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { layerNormBackward, layerNormForward } from "../reference/norm.ts";
import { forSeeds } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

const EPSILON = 1e-5;

interface Input {
  rows: number;
  width: number;
  x: number[];
  gamma: number[];
  beta: number[];
}

function forward({ rows, width, x, gamma, beta }: Input, quick = false) {
  const buffers = {
    x: reads.f32(x),
    gamma: reads.f32(gamma),
    beta: reads.f32(beta),
    y: writes.f32(rows * width),
    stats: writes.f32(2 * rows),
  };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) =>
        kernels.layerNormForwardF32(begin, end, width, at.x, at.gamma, at.beta, EPSILON, at.y, at.stats),
      ),
    quick,
  );
}

function backward({ rows, width, x, gamma }: Input, stats: Float32Array, dy: number[], started = 0) {
  const buffers = {
    x: reads.f32(x),
    gamma: reads.f32(gamma),
    stats: reads.f32(stats),
    dy: reads.f32(dy),
    dx: writes.f32(rows * width),
    dGamma: updates.f32(new Array(width).fill(started)),
    dBeta: updates.f32(new Array(width).fill(started)),
  };
  return run(buffers, ({ kernels, at, each }) => {
    each(rows, 1, (begin, end) =>
      kernels.layerNormBackwardF32(begin, end, width, at.x, at.gamma, at.stats, at.dy, at.dx),
    );
    each(width, 1, (begin, end) =>
      kernels.layerNormBackwardWeightsF32(begin, end, width, rows, at.x, at.stats, at.dy, at.dGamma, at.dBeta),
    );
  });
}

describe("layer norm equals torch.nn.LayerNorm", () => {
  for (const { x, gamma, beta, dY, y, dX, dGamma, dBeta } of loadGolden("norm.json").cases) {
    const [rows, width] = [x.length, gamma.length];
    test(`output and gradients, ${rows} rows of ${width}`, () => {
      const input = { rows, width, x: x.flat(), gamma, beta };
      const out = forward(input);
      expectNear("y", ["r", "d"], fromFlat(out.y, rows, width), y);
      const back = backward(input, out.stats, dY.flat());
      expectNear("dX", ["r", "d"], fromFlat(back.dx, rows, width), dX);
      expectNear("dGamma", ["d"], [...back.dGamma], dGamma);
      expectNear("dBeta", ["d"], [...back.dBeta], dBeta);
    });
  }
});

test("layer norm equals the f64 twin for 0, 1, 3, 4, 5, 15 rows of 1, 3, 4, 5, 15, 64; gradients of γ and β are added", () => {
  forSeeds(2, (random) => {
    for (const rows of SIZES) {
      for (const width of [1, 3, 4, 5, 15, 64]) {
        const input: Input = {
          rows,
          width,
          x: floats(random, rows * width, 3),
          gamma: floats(random, width, 2),
          beta: floats(random, width),
        };
        const at = `${rows} rows of ${width}`;
        const x = fromFlat(input.x, rows, width);
        const want = layerNormForward(x, input.gamma, input.beta, EPSILON);
        const { y, stats } = forward(input);
        expectNear(`y, ${at}`, ["r", "d"], fromFlat(y, rows, width), want.y);
        expectNear(
          `mean, ${at}`,
          ["r"],
          [...stats].filter((_, i) => i % 2 === 0),
          want.mean,
        );
        expectNear(
          `rstd, ${at}`,
          ["r"],
          [...stats].filter((_, i) => i % 2 === 1),
          want.rstd,
        );
        const dy = floats(random, rows * width);
        const wantBack = layerNormBackward(x, input.gamma, want, fromFlat(dy, rows, width));
        const back = backward(input, stats, dy, 0.5);
        // Of one column nothing varies: its gradient is what rounding leaves of zero, times ρ = 316.
        const limit = width === 1 ? 1 : 2e-5;
        expectNear(`dx, ${at}`, ["r", "d"], fromFlat(back.dx, rows, width), wantBack.dX, limit);
        const shifted = (gradient: number[]): number[] => gradient.map((value) => value + 0.5);
        expectNear(`dGamma, ${at}`, ["d"], [...back.dGamma], shifted(wantBack.dGamma));
        expectNear(`dBeta, ${at}`, ["d"], [...back.dBeta], shifted(wantBack.dBeta));
      }
    }
  });
});

test("a row far from zero loses only what f32 cannot hold: x = 1,000 ± 1 is within 1e-3 of the twin", () => {
  forSeeds(10, (random) => {
    const [rows, width] = [2, 15];
    const x = floats(random, rows * width).map((value) => Math.fround(1000 + value));
    const ones = new Array<number>(width).fill(1);
    const { y } = forward({ rows, width, x, gamma: ones, beta: ones.map(() => 0) });
    const want = layerNormForward(
      fromFlat(x, rows, width),
      ones,
      ones.map(() => 0),
      EPSILON,
    ).y;
    expectNear("y", ["r", "d"], fromFlat(y, rows, width), want, 1e-3);
  });
});

test("a constant row gives β, and no NaN", () => {
  const input = {
    rows: 2,
    width: 5,
    x: [...Array(5).fill(0), ...Array(5).fill(7)],
    gamma: [1, 2, 3, 4, 5],
    beta: [1, 2, 3, 4, 5],
  };
  expect([...forward(input).y]).toEqual([...input.beta, ...input.beta]);
});

test("y may be x, dx may be dy, and a row does not depend on its neighbours", () => {
  forSeeds(10, (random) => {
    const [rows, width] = [random.integer(2, 6), random.integer(2, 17)];
    const input: Input = {
      rows,
      width,
      x: floats(random, rows * width),
      gamma: floats(random, width),
      beta: floats(random, width),
    };
    const dy = floats(random, rows * width);
    const { y, stats } = forward(input);
    const { dx } = backward(input, stats, dy);
    const inPlace = run(
      {
        kept: reads.f32(input.x),
        x: updates.f32(input.x),
        gamma: reads.f32(input.gamma),
        beta: reads.f32(input.beta),
        stats: writes.f32(2 * rows),
        dy: updates.f32(dy),
      },
      ({ kernels, at, each }) => {
        each(rows, 1, (begin, end) =>
          kernels.layerNormForwardF32(begin, end, width, at.x, at.gamma, at.beta, EPSILON, at.x, at.stats),
        );
        each(rows, 1, (begin, end) =>
          kernels.layerNormBackwardF32(begin, end, width, at.kept, at.gamma, at.stats, at.dy, at.dy),
        );
      },
    );
    expect([...inPlace.x]).toEqual([...y]);
    expect([...inPlace.dy]).toEqual([...dx]);
    const row = random.integer(0, rows - 1);
    const alone = forward({ ...input, rows: 1, x: input.x.slice(row * width, (row + 1) * width) });
    expect([...alone.y]).toEqual([...y.subarray(row * width, (row + 1) * width)]);
  });
});

test("the gradients of x, γ and β equal differences", () => {
  forSeeds(6, (random) => {
    const [rows, width] = [random.integer(1, 4), random.integer(2, 7)];
    const input: Input = {
      rows,
      width,
      // Spread out, so that no row is nearly constant and its curvature large.
      x: floats(random, rows * width).map((value, i) => Math.fround(value + 2 * (i % width))),
      gamma: floats(random, width),
      beta: floats(random, width),
    };
    const dy = floats(random, rows * width);
    const back = backward(input, forward(input).stats, dy);
    const loss = (): number => weigh(forward(input, true).y, dy);
    expectDifferences("x", loss, input.x, back.dx);
    expectDifferences("gamma", loss, input.gamma, back.dGamma);
    expectDifferences("beta", loss, input.beta, back.dBeta);
  });
});
