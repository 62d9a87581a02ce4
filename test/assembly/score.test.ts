// The attention scores gaussian and mlp: pair kernels against plain f64 formulas, gradients against finite differences of them.

import { describe, expect, test } from "vitest";
import { forSeeds, type Random } from "../reference/random.ts";
import { reads, run, SIZES, updates, writes } from "./harness.ts";

const KINDS = { gaussian: 1, mlp: 2 } as const;
type Kind = keyof typeof KINDS;
const C = 0.75;

function score(kind: Kind, x: number[], u: number[], v: number[], c = C): number {
  if (kind === "gaussian") return -c * x.reduce((sum, value, d) => sum + (value - u[d]) ** 2, 0);
  return x.reduce((sum, value, d) => sum + v[d] * Math.tanh(value + u[d]), 0);
}

const floats = (random: Random, count: number) => Array.from(Float32Array.from(random.vector(count, 1)));

describe.each(Object.keys(KINDS) as Kind[])("score %s", (kind) => {
  test("equals its formula and the derivatives of its formula, over ragged batches and every width", () => {
    forSeeds(12, (random) => {
      const width = random.choose(SIZES.filter((size) => size > 0));
      // Two sequences: five steps and two.
      const lengths = [5, 2];
      const offsets = [0, 2, 4, 5, 6, 7];
      const rowsOf = (b: number) => Array.from({ length: lengths[b] }, (_, t) => offsets[t] + b);
      const x = Array.from({ length: 7 }, () => floats(random, width));
      const u = lengths.map(() => floats(random, width));
      const v = floats(random, width);
      const dZ = floats(random, 7);
      const buffers = {
        offsets: reads.i32(offsets),
        x: reads.f32(x.flat()),
        u: reads.f32(u.flat()),
        v: reads.f32(v),
        dZ: reads.f32(dZ),
        z: writes.f32(7),
        dX: updates.f32(new Array(7 * width).fill(0)),
        dU: writes.f32(2 * width),
        dV: updates.f32(new Array(2 * width).fill(0)),
      };
      const out = run(buffers, ({ kernels: k, at, each }) => {
        each(2, 1, (b, e) => k.scoreForwardF32(b, e, 5, at.offsets, width, KINDS[kind], at.x, at.u, at.v, C, at.z));
        each(2, 1, (b, e) =>
          k.scoreBackwardF32(b, e, 5, at.offsets, width, KINDS[kind], at.x, at.u, at.v, C, at.dZ, at.dX, at.dU, at.dV),
        );
      });
      const step = 1e-5;
      const slope = (change: (by: number) => number) => (change(step) - change(-step)) / (2 * step);
      const moved = (values: number[], d: number, by: number) =>
        values.map((value, i) => (i === d ? value + by : value));
      for (const b of [0, 1]) {
        const rows = rowsOf(b);
        for (const row of rows) {
          expect(out.z[row], `z[${row}]`).toBeCloseTo(score(kind, x[row], u[b], v), 4);
          for (let d = 0; d < width; d++) {
            const want = dZ[row] * slope((by) => score(kind, moved(x[row], d, by), u[b], v));
            expect(out.dX[row * width + d], `dX[${row},${d}]`).toBeCloseTo(want, 4);
          }
        }
        const total = (of: (row: number) => number) => rows.reduce((sum, row) => sum + dZ[row] * of(row), 0);
        for (let d = 0; d < width; d++) {
          const wantU = total((row) => slope((by) => score(kind, x[row], moved(u[b], d, by), v)));
          expect(out.dU[b * width + d], `dU[${b},${d}]`).toBeCloseTo(wantU, 4);
          if (kind === "mlp") {
            const wantV = total((row) => slope((by) => score(kind, x[row], u[b], moved(v, d, by))));
            expect(out.dV[b * width + d], `dV[${b},${d}]`).toBeCloseTo(wantV, 4);
          }
        }
        if (kind === "gaussian") {
          const wantC = total((row) => slope((by) => score(kind, x[row], u[b], v, C + by)));
          expect(out.dV[b * width], `dc[${b}]`).toBeCloseTo(wantC, 3);
        }
      }
    });
  });
});

test("expF64 is e^x", () => {
  const out = run({ y: writes.f32(3) }, ({ kernels, views }) => {
    views.y.set([kernels.expF64(0), kernels.expF64(-2), kernels.expF64(1.5)]);
  });
  [1, Math.exp(-2), Math.exp(1.5)].forEach((want, i) => {
    expect(out.y[i]).toBe(Math.fround(want));
  });
});
