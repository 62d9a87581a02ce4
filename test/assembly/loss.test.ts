import { describe, expect, test } from "vitest";
import { panelFloats } from "../../src/model/layers/linear.ts";
import { loadGolden } from "../golden/load.ts";
import { expectClose } from "../reference/compare.ts";
import { logSumExp } from "../reference/math.ts";
import { forSeeds } from "../reference/random.ts";
import { fromFlat, type Matrix, zeros } from "../reference/tensor.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

interface Scored {
  rows: number;
  items: number;
  stride: number;
  scores: number[];
  targets: number[];
  scale: number;
}

function crossEntropy({ rows, items, stride, scores, targets, scale }: Scored, quick = false) {
  const buffers = {
    scores: updates.f32(scores),
    targets: reads.i32(targets),
    losses: writes.f32(rows),
    factors: writes.f32(rows),
  };
  const out = run(
    buffers,
    ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) =>
        kernels.crossEntropyF32(begin, end, items, stride, at.scores, at.targets, scale, at.losses, at.factors),
      ),
    quick,
  );
  // dS is the row that was left, times its factor.
  const dS = out.scores.map((left, i) => (i % stride < items ? left * out.factors[Math.floor(i / stride)] : left));
  return { losses: out.losses, scores: dS };
}

/** Losses and dS in f64: loss = log Σ e^s − s_target. */
function twinOf({ rows, items, stride, scores, targets, scale }: Scored): { losses: number[]; dS: Matrix } {
  const losses: number[] = [];
  const dS: Matrix = [];
  for (let r = 0; r < rows; r++) {
    const row = scores.slice(r * stride, r * stride + items);
    const logSum = logSumExp(row);
    losses.push(logSum - row[targets[r]]);
    dS.push(row.map((score, j) => scale * (Math.exp(score - logSum) - (j === targets[r] ? 1 : 0))));
  }
  return { losses, dS };
}

/** Σ e^{s − largest} is an f32 sum from 1 up: a small loss is off by its rounding, whatever its size. */
const LOSS = { absolute: 3e-7, relative: 3e-7 };

const blockOf = (flat: ArrayLike<number>, { rows, items, stride }: Scored): Matrix =>
  fromFlat(flat, rows, stride).map((row) => row.slice(0, items));

describe("cross-entropy equals torch.nn.functional.cross_entropy, scores and both gradient products included", () => {
  for (const { h, e, targets, scale, losses, dH, dE } of loadGolden("cross_entropy.json").cases) {
    const [rows, items, width] = [h.length, e.length, e[0].length];
    const stride = Math.ceil(items / 8) * 8;
    test(`${rows} rows of ${items} items, D=${width}, scale ${scale ?? "1/rows"}`, () => {
      const buffers = {
        h: reads.f32(h.flat()),
        e: reads.f32(e.flat()),
        targets: reads.i32(targets),
        scorePanels: writes.f32(panelFloats(items, width)),
        gradientPanels: writes.f32(panelFloats(width, items)),
        hPanels: writes.f32(panelFloats(width, rows)),
        scores: writes.f32(rows * stride),
        losses: writes.f32(rows),
        factors: writes.f32(rows),
        hScaled: writes.f32(rows * width),
        dH: writes.f32(rows * width),
        dE: updates.f32(zeros(items * width)),
      };
      const out = run(buffers, ({ kernels: k, at, each }) => {
        const pack = (n: number, terms: number, b: number, step: number, column: number, to: number): void =>
          each(Math.ceil(n / 8), 1, (begin, end) => k.packF32(begin, end, n, terms, b, step, column, to));
        pack(items, width, at.e, 1, width, at.scorePanels);
        each(rows, 1, (b, end) =>
          k.gemmF32(b, end, items, width, at.h, width, 1, at.scorePanels, at.scores, stride, 0),
        );
        each(rows, 1, (b, end) =>
          k.crossEntropyF32(b, end, items, stride, at.scores, at.targets, scale ?? 1 / rows, at.losses, at.factors),
        );
        pack(width, items, at.e, width, 1, at.gradientPanels);
        each(rows, 1, (b, end) =>
          k.gemmF32(b, end, width, items, at.scores, stride, 1, at.gradientPanels, at.dH, width, 0),
        );
        each(rows, 1, (b, end) => k.scaleRowsF32(b, end, width, at.dH, width, at.factors, at.dH, width));
        each(rows, 1, (b, end) => k.scaleRowsF32(b, end, width, at.h, width, at.factors, at.hScaled, width));
        pack(width, rows, at.hScaled, width, 1, at.hPanels);
        each(items, 1, (b, end) => k.gemmF32(b, end, width, rows, at.scores, 1, stride, at.hPanels, at.dE, width, 1));
      });
      expectNear("losses", ["r"], [...out.losses], losses);
      expectNear("dH", ["r", "d"], fromFlat(out.dH, rows, width), dH);
      expectNear("dE", ["v", "d"], fromFlat(out.dE, items, width), dE);
    });
  }
});

test("losses and dS equal the f64 twin for V=1, 2, 3, 4, 5, 15, 1349 and 0…15 rows, with and without a gap between rows", () => {
  forSeeds(2, (random) => {
    for (const rows of SIZES) {
      for (const items of [1, 2, 3, 4, 5, 15, ...(rows === 5 ? [1349] : [])]) {
        const stride = random.choose([items, Math.ceil(items / 8) * 8]);
        const scored: Scored = {
          rows,
          items,
          stride,
          scores: floats(random, rows * stride, random.choose([1, 10])),
          targets: Array.from({ length: rows }, () => random.integer(0, items - 1)),
          scale: Math.fround(random.choose([1, 1 / 7, 1 / 512])),
        };
        const { losses, scores } = crossEntropy(scored);
        const want = twinOf(scored);
        const at = `rows ${rows}, V=${items}`;
        expectClose(`losses, ${at}`, ["r"], [...losses], want.losses, LOSS);
        expectNear(`dS, ${at}`, ["r", "v"], blockOf(scores, scored), want.dS);
        for (const [i, score] of scores.entries()) if (i % stride >= items) expect(score).toBe(scored.scores[i]);
        for (const row of blockOf(scores, scored)) {
          const sum = row.reduce((total, value) => total + value, 0);
          expect(Math.abs(sum), `Σ dS, ${at}`).toBeLessThan(1e-6 * scored.scale);
        }
      }
    }
  });
});

describe("extreme scores", () => {
  const of = (scores: number[], target: number): { loss: number; dS: number[] } => {
    const scored = { rows: 1, items: scores.length, stride: scores.length, scores, targets: [target], scale: 1 };
    const out = crossEntropy(scored);
    return { loss: out.losses[0], dS: [...out.scores] };
  };

  test("of ±80, ±1e4 and ±1e30 equal the twin, and none is NaN", () => {
    forSeeds(60, (random) => {
      const items = random.integer(1, 20);
      const bound = random.choose([80, 1e4, 1e30]);
      const level = random.choose([0, 80, -80, 1e4, -1e4]);
      const scored: Scored = {
        rows: 3,
        items,
        stride: items,
        scores: floats(random, 3 * items, bound).map((value) => Math.fround(value + level)),
        targets: [0, random.integer(0, items - 1), items - 1],
        scale: 1,
      };
      const out = crossEntropy(scored);
      const want = twinOf(scored);
      // The relative scale of each row is its own: a loss of 1e4 must not hide one of 1.
      for (let r = 0; r < 3; r++) {
        expectClose("loss", [], out.losses[r], want.losses[r], LOSS);
        expectNear(`dS[r=${r}]`, ["v"], blockOf(out.scores, scored)[r], want.dS[r]);
      }
    });
  });

  test("a certain target costs 0 and has no gradient; an impossible one costs the distance and has −1", () => {
    expect(of([1e4, 0, 0, 0, 0], 0)).toEqual({ loss: 0, dS: [0, 0, 0, 0, 0] });
    expect(of([0, 0, 0, 0, 1e4], 0)).toEqual({ loss: 1e4, dS: [-1, 0, 0, 0, 1] });
  });

  test("equal scores at any level cost log V", () => {
    for (const level of [0, 80, -80, 1e4, -1e4]) {
      for (const items of [1, 2, 3, 15]) {
        const { loss, dS } = of(new Array(items).fill(level), items - 1);
        expect(loss).toBeCloseTo(Math.log(items), 6);
        for (const value of dS.slice(0, -1)) expect(value).toBeCloseTo(1 / items, 6);
      }
    }
  });

  test("one item costs nothing", () => expect(of([-3], 0)).toEqual({ loss: 0, dS: [0] }));
});

test("a row has the same bits whatever rows stand around it", () => {
  forSeeds(10, (random) => {
    const [rows, items] = [random.integer(2, 6), random.integer(1, 30)];
    const targets = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const scores = floats(random, rows * items, 4);
    const whole = crossEntropy({ rows, items, stride: items, scores, targets, scale: 0.25 });
    const r = random.integer(0, rows - 1);
    const row = scores.slice(r * items, (r + 1) * items);
    const alone = crossEntropy({ rows: 1, items, stride: items, scores: row, targets: [targets[r]], scale: 0.25 });
    expect([...alone.scores]).toEqual([...whole.scores.subarray(r * items, (r + 1) * items)]);
    expect(alone.losses[0]).toBe(whole.losses[r]);
  });
});

test("dS equals differences of the losses", () => {
  forSeeds(6, (random) => {
    const [rows, items] = [random.integer(1, 3), random.integer(1, 9)];
    const scored: Scored = {
      rows,
      items,
      stride: items,
      scores: floats(random, rows * items, 2),
      targets: Array.from({ length: rows }, () => random.integer(0, items - 1)),
      scale: 0.5,
    };
    const { scores: dS } = crossEntropy(scored);
    const half = new Array<number>(rows).fill(0.5);
    expectDifferences("scores", () => weigh(crossEntropy(scored, true).losses, half), scored.scores, dS);
  });
});
