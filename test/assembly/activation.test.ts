import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import {
  activationBackward,
  activationForward,
  type FeedForwardActivation,
  slopeAt,
  activate as twin,
} from "../reference/activation.ts";
import { expectClose } from "../reference/compare.ts";
import { linearBackward, linearForward } from "../reference/linear.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { fromFlat, type Matrix, type Vector, zeros } from "../reference/tensor.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

/** The activations, as the kernel numbers them. */
const KINDS = { gelu: 0, relu: 1 } as const;
const NAMES = ["gelu", "relu"] as const;

interface Input {
  kind: FeedForwardActivation;
  rows: number;
  width: number;
  x: number[];
  bias: number[];
}

/** x and bias to a = x + bias, which takes the place of x, and y. */
function forward({ kind, rows, width, x, bias }: Input, quick = false): { a: Float32Array; y: Float32Array } {
  const buffers = { a: updates.f32(x), bias: reads.f32(bias), y: writes.f32(rows * width) };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) => kernels.activationForwardF32(begin, end, width, KINDS[kind], at.a, at.bias, at.y)),
    quick,
  );
}

/** dy to dx, into memory of its own and into the place of dy. */
function backward({ kind, rows, width }: Input, a: ArrayLike<number>, dy: number[]): Float32Array {
  const buffers = {
    a: reads.f32(a),
    dy: reads.f32(dy),
    dx: writes.f32(rows * width),
    inPlace: updates.f32(dy),
  };
  const { dx, inPlace } = run(buffers, ({ kernels, at, each }) => {
    each(rows, 1, (begin, end) => kernels.activationBackwardF32(begin, end, width, KINDS[kind], at.a, at.dy, at.dx));
    each(rows, 1, (begin, end) =>
      kernels.activationBackwardF32(begin, end, width, KINDS[kind], at.a, at.inPlace, at.inPlace),
    );
  });
  expect([...inPlace]).toEqual([...dx]);
  return dx;
}

const sums = (x: number[], bias: number[]): number[] => x.map((value, i) => Math.fround(value + bias[i % bias.length]));

function draw(random: Random, kind: FeedForwardActivation, rows: number, width: number): Input {
  return { kind, rows, width, x: floats(random, rows * width, 3), bias: floats(random, width) };
}

/** One row of numbers that have no bias. */
function apply(kind: FeedForwardActivation, x: number[]): { y: Float32Array; slope: Float32Array } {
  const input: Input = { kind, rows: 1, width: x.length, x, bias: zeros(x.length) };
  const { a, y } = forward(input);
  return { y, slope: backward(input, a, zeros(x.length).fill(1)) };
}

/** Throws unless values are within 2e-7·|x| of the wanted ones (1 + tanh keeps none of the digits of a tanh near −1). */
function expectValues(x: number[], got: ArrayLike<number>, want: number[]): void {
  const inUnits = (value: number, i: number): number => value / (Math.abs(x[i]) || 1);
  expectClose("f(x)/|x|", ["i"], Array.from(got, inUnits), want.map(inUnits), { absolute: 2e-7, relative: 0 });
}

/** Throws unless slopes are within 1e-6 of the wanted ones. */
function expectSlopes(got: ArrayLike<number>, want: number[]): void {
  expectClose("f'(x)", ["i"], Array.from(got), want, { absolute: 1e-6, relative: 0 });
}

describe("activations equal torch.nn.functional", () => {
  for (const { name, rows } of loadGolden("activation.json").cases) {
    if (name !== "gelu" && name !== "relu") continue;
    test(`${name}: values and slopes from −40 to 40`, () => {
      const x = rows.map(([value]) => value);
      const { y, slope } = apply(name, x);
      expectValues(
        x,
        y,
        rows.map(([, value]) => value),
      );
      expectSlopes(
        slope,
        rows.map(([, , value]) => value),
      );
    });
  }

  for (const golden of loadGolden("feed_forward.json").cases) {
    const { activation: kind, parameters, x, dY, gradients } = golden;
    const weight1 = parameters["linear1.weight"] as Matrix;
    const weight2 = parameters["linear2.weight"] as Matrix;
    const [rows, width] = [x.length, weight1.length];
    test(`${kind}, ${rows} rows of ${width}: between the two maps of a feed-forward net, output and gradients`, () => {
      const bias = parameters["linear1.bias"] as Vector;
      const input: Input = { kind, rows, width, x: linearForward(x, weight1, zeros(width)).flat(), bias };
      const { a, y } = forward(input);
      const inner = fromFlat(y, rows, width);
      expectNear("y", ["r", "d"], linearForward(inner, weight2, parameters["linear2.bias"] as Vector), golden.y);
      const second = linearBackward(inner, weight2, dY);
      const dA = fromFlat(backward(input, a, second.dX.flat()), rows, width);
      const first = linearBackward(x, weight1, dA);
      expectNear("dX", ["r", "d"], first.dX, golden.dX);
      expectNear("dWeight1", ["out", "in"], first.dWeight, gradients["linear1.weight"]);
      expectNear("dBias1", ["out"], first.dBias, gradients["linear1.bias"]);
      expectNear("dWeight2", ["out", "in"], second.dWeight, gradients["linear2.weight"]);
    });
  }
});

for (const kind of NAMES) {
  describe(kind, () => {
    test("equals the f64 twin, forward and backward, for 0, 1, 3, 4, 5, 15 rows and columns; x gets the bias, exactly", () => {
      forSeeds(2, (random) => {
        for (const rows of SIZES) {
          for (const width of SIZES) {
            const input = draw(random, kind, rows, width);
            const at = `${rows} rows of ${width}`;
            const { a, y } = forward(input);
            expect([...a], `a, ${at}`).toEqual(sums(input.x, input.bias));
            const exact = fromFlat(a, rows, width);
            expectNear(`y, ${at}`, ["r", "d"], fromFlat(y, rows, width), activationForward(kind, exact), 1e-6);
            const dy = floats(random, rows * width);
            const dx = fromFlat(backward(input, a, dy), rows, width);
            const want = activationBackward(kind, exact, fromFlat(dy, rows, width));
            expectNear(`dx, ${at}`, ["r", "d"], dx, want, 2e-6);
          }
        }
      });
    });

    test("is within 2e-7·|x| of the twin everywhere from −12 to 12, its slope within 1e-6", () => {
      const x = Array.from({ length: 24_001 }, (_, i) => Math.fround(i / 1000 - 12));
      const { y, slope } = apply(kind, x);
      expectValues(
        x,
        y,
        x.map((value) => twin(kind, value)),
      );
      expectSlopes(
        slope,
        x.map((value) => slopeAt(kind, value)),
      );
    });

    test("gives no NaN for ±1e4 and ±1e18: a and 1 there, or 0", () => {
      const { y, slope } = apply(kind, [1e4, -1e4, 1e18, -1e18]);
      expectClose("f(x)", ["i"], [...y], [1e4, 0, 1e18, 0].map(Math.fround), { absolute: 0, relative: 0 });
      expectClose("f'(x)", ["i"], [...slope], [1, 0, 1, 0], { absolute: 0, relative: 0 });
    });

    test("lets a NaN through", () => {
      expect(apply(kind, [1, Number.NaN, 2]).y.findIndex(Number.isNaN)).toBe(1);
    });

    test("gives a row the same bits alone as among others", () => {
      forSeeds(10, (random) => {
        const input = draw(random, kind, random.integer(2, 6), random.integer(1, 17));
        const { rows, width } = input;
        const dy = floats(random, rows * width);
        const row = random.integer(0, rows - 1);
        const rowOf = (numbers: ArrayLike<number>): number[] =>
          Array.from(numbers).slice(row * width, (row + 1) * width);
        const whole = forward(input);
        const one = { ...input, rows: 1, x: rowOf(input.x) };
        const alone = forward(one);
        expect([...alone.y]).toEqual(rowOf(whole.y));
        expect([...backward(one, alone.a, rowOf(dy))]).toEqual(rowOf(backward(input, whole.a, dy)));
      });
    });

    test("has gradients of x and of the bias equal to differences", () => {
      forSeeds(6, (random) => {
        const input = draw(random, kind, random.integer(1, 4), random.integer(1, 7));
        const { rows, width, x, bias } = input;
        // No sum within a step of the kink of relu.
        for (const i of x.keys()) if (Math.abs(x[i] + bias[i % width]) < 0.05) x[i] = Math.fround(x[i] + 0.125);
        const dy = floats(random, rows * width);
        const dx = backward(input, forward(input).a, dy);
        const loss = (): number => weigh(forward(input, true).y, dy);
        expectDifferences("x", loss, x, dx);
        const dBias = bias.map((_, d) => dx.reduce((sum, value, i) => (i % width === d ? sum + value : sum), 0));
        expectDifferences("bias", loss, bias, dBias);
      });
    });
  });
}

test("relu has the slope 0 at 0 and −0, as PyTorch", () => {
  const { y, slope } = apply("relu", [0, -0, 2 ** -126, -(2 ** -126)]);
  expect([...y].map(Math.abs)).toEqual([0, 0, 2 ** -126, 0]);
  expect([...slope]).toEqual([0, 0, 1, 0]);
});
