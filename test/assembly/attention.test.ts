import { describe, expect, test } from "vitest";
import { type AttentionCase, loadGolden } from "../golden/load.ts";
import {
  type AttentionOptions,
  attentionBackward,
  attentionForward,
  type Scale,
  type WeightOptions,
  weightsBackward,
  weightsForward,
} from "../reference/attention.ts";
import type { Normalization } from "../reference/interest.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { type Matrix, type Vector, zeros } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
  floatRows,
  floats,
  type Packing,
  packing,
  packNumbers,
  packRows,
  randomPacking,
  reads,
  run,
  SIZES,
  unpackNumbers,
  unpackRows,
  updates,
  weigh,
  writes,
} from "./harness.ts";

/** The score `dot`, as kernel/score.ts numbers it; the other kinds stand in score.test.ts. */
const DOT = 0;

const NORMALIZATIONS: Normalization[] = ["sequence", "causal"];
const SCALES: Scale[] = ["none", "length"];
const titleOf = ({ interest, normalize, scale }: AttentionOptions): string =>
  `${interest}, ${normalize}, scale ${scale}`;
const ALL: AttentionOptions[] = (["learned", "last", "mean"] as const).flatMap((interest) =>
  NORMALIZATIONS.flatMap((normalize) => SCALES.map((scale) => ({ interest, normalize, scale }))),
);

/** z to w. */
function softmax({ normalize, scale }: WeightOptions, batch: Packing, z: number[], quick = false): Float32Array {
  const { offsets, steps, lengths, rows } = batch;
  const byLength = scale === "length" ? 1 : 0;
  return run(
    { offsets: reads.i32(offsets), z: reads.f32(z), w: writes.f32(rows) },
    ({ kernels, at, each }) =>
      each(lengths.length, 1, (begin, end) =>
        normalize === "sequence"
          ? kernels.softmaxSequenceForwardF32(begin, end, steps, at.offsets, byLength, at.z, at.w)
          : kernels.softmaxCausalForwardF32(begin, end, steps, at.offsets, byLength, at.z, at.w, 0, 0),
      ),
    quick,
  ).w;
}

/** dw to dz, into memory of its own and into the place of dw. */
function softmaxBackward({ normalize, scale }: WeightOptions, batch: Packing, w: ArrayLike<number>, dW: number[]) {
  const { offsets, steps, lengths, rows } = batch;
  const byLength = scale === "length" ? 1 : 0;
  const buffers = {
    offsets: reads.i32(offsets),
    w: reads.f32(w),
    dW: reads.f32(dW),
    dZ: writes.f32(rows),
    inPlace: updates.f32(dW),
  };
  const { dZ, inPlace } = run(buffers, ({ kernels, at, each }) => {
    const kernel = normalize === "sequence" ? kernels.softmaxSequenceBackwardF32 : kernels.softmaxCausalBackwardF32;
    each(lengths.length, 1, (begin, end) => kernel(begin, end, steps, at.offsets, byLength, at.w, at.dW, at.dZ));
    each(lengths.length, 1, (begin, end) =>
      kernel(begin, end, steps, at.offsets, byLength, at.w, at.inPlace, at.inPlace),
    );
  });
  expect([...inPlace]).toEqual([...dZ]);
  return dZ;
}

/** The scores of one sequence as the twin takes them: `causal` wants a row for every step. */
const twinScores = ({ normalize }: WeightOptions, z: Vector): Matrix =>
  normalize === "sequence" ? [z] : z.map(() => z);

/** The twin keeps a gradient for every pair of steps; a score that all steps share gets their sum. */
const columnsOf = (dZ: Matrix): Vector => dZ[0].map((_, i) => dZ.reduce((sum, row) => sum + row[i], 0));

interface Attended {
  w: number[][];
  dX: number[][][];
  /** Of the learned interest. */
  dLearned: number[];
  u: Float32Array;
}

/** The whole stage, as src/model/layers/interest-attention.ts composes it. */
function attend(
  options: AttentionOptions,
  batch: Packing,
  x: number[],
  learned: number[],
  dW: number[],
  quick = false,
): Attended {
  const { offsets, steps, lengths, rows } = batch;
  const sequences = lengths.length;
  const width = learned.length;
  const { interest, normalize } = options;
  const byLength = options.scale === "length" ? 1 : 0;
  const moves = normalize === "causal" && interest !== "learned";
  const last = lengths.map((length, b) => (interest === "learned" ? 0 : offsets[length - 1] + b));
  const uRows = moves ? rows : sequences;
  const buffers = {
    offsets: reads.i32(offsets),
    ids: reads.i32(last),
    x: reads.f32(x),
    learned: reads.f32(learned),
    u: writes.f32(uRows * width),
    z: writes.f32(rows),
    w: writes.f32(rows),
    stats: writes.f32(2 * rows),
    dW: updates.f32(dW),
    dX: updates.f32(zeros(rows * width)),
    dU: writes.f32(uRows * width),
    dLearned: updates.f32(zeros(width)),
  };
  const { u, w, dX, dLearned } = run(
    buffers,
    ({ kernels: k, at, each, views }) => {
      const bySequence = (call: (begin: number, end: number) => void): void => each(sequences, 1, call);
      if (moves) {
        if (interest === "mean")
          bySequence((b, e) => k.runningMeanForwardF32(b, e, steps, at.offsets, width, at.x, at.u));
        else views.u.set(views.x);
        bySequence((b, e) =>
          k.movingAttentionForwardF32(b, e, steps, at.offsets, width, DOT, byLength, at.x, at.u, 0, 0, at.w, at.stats),
        );
        if (quick) return;
        bySequence((b, e) =>
          k.movingAttentionBackwardF32(
            b,
            e,
            steps,
            at.offsets,
            width,
            DOT,
            at.x,
            at.u,
            0,
            0,
            at.w,
            at.stats,
            at.dW,
            at.dX,
            at.dU,
            0,
          ),
        );
        if (interest === "mean") {
          bySequence((b, e) => k.runningMeanBackwardF32(b, e, steps, at.offsets, width, at.dU, at.dX));
        } else each(rows, 1, (b, e) => k.addRowsF32(b, e, width, at.dU, at.dX));
        return;
      }
      const table = interest === "learned" ? at.learned : at.x;
      if (interest === "mean") bySequence((b, e) => k.meanForwardF32(b, e, steps, at.offsets, width, at.x, at.u));
      else bySequence((b, e) => k.gatherForwardF32(b, e, table, at.ids, width, at.u));
      bySequence((b, e) => k.scoreForwardF32(b, e, steps, at.offsets, width, DOT, at.x, at.u, 0, 0, at.z));
      bySequence((b, e) =>
        normalize === "sequence"
          ? k.softmaxSequenceForwardF32(b, e, steps, at.offsets, byLength, at.z, at.w)
          : k.softmaxCausalForwardF32(b, e, steps, at.offsets, byLength, at.z, at.w, 0, 0),
      );
      if (quick) return;
      const toScores = normalize === "sequence" ? k.softmaxSequenceBackwardF32 : k.softmaxCausalBackwardF32;
      bySequence((b, e) => toScores(b, e, steps, at.offsets, byLength, at.w, at.dW, at.dW));
      bySequence((b, e) =>
        k.scoreBackwardF32(b, e, steps, at.offsets, width, DOT, at.x, at.u, 0, 0, at.dW, at.dX, at.dU, 0),
      );
      if (interest === "mean") bySequence((b, e) => k.meanBackwardF32(b, e, steps, at.offsets, width, at.dU, at.dX));
      else if (interest === "last") {
        each(rows, 1, (b, e) => k.gatherBackwardF32(b, e, sequences, at.dU, at.ids, width, at.dX));
      } else each(1, 1, (b, e) => k.gatherBackwardF32(b, e, sequences, at.dU, at.ids, width, at.dLearned));
    },
    quick,
  );
  return { u, w: unpackNumbers(batch, w), dX: unpackRows(batch, dX, width), dLearned: [...dLearned] };
}

describe("attention equals PyTorch, sequences packed into one batch", () => {
  const { cases } = loadGolden("attention.json");

  test("the fixture has every interest, normalisation and scale", () => {
    expect(cases.map(titleOf).sort()).toEqual(ALL.map(titleOf).sort());
  });

  const attendGolden = ({ learned, sequences, ...options }: AttentionCase, changed = options): void => {
    const sorted = [...sequences].sort((one, other) => other.x.length - one.x.length);
    const batch = packing(sorted.map(({ x }) => x.length));
    const x = packRows(
      batch,
      sorted.map((sequence) => sequence.x),
    );
    const dW = packNumbers(
      batch,
      sorted.map(({ dWeights }) => dWeights),
    );
    const got = attend(changed, batch, x, learned, dW);
    expectNear(
      "w",
      ["b", "t"],
      got.w,
      sorted.map(({ weights }) => weights),
    );
    expectNear(
      "dX",
      ["b", "t", "d"],
      got.dX,
      sorted.map(({ dX }) => dX),
      2e-5,
    );
    const dLearned = learned.map((_, d) => sorted.reduce((sum, sequence) => sum + sequence.dLearned[d], 0));
    expectNear("dLearned", ["d"], got.dLearned, dLearned, 2e-5);
    const steps = packing(
      options.normalize === "causal" && options.interest !== "learned" ? batch.lengths : batch.lengths.map(() => 1),
    );
    const u =
      options.interest === "learned" ? sorted.map((sequence) => [sequence.u[0]]) : sorted.map((sequence) => sequence.u);
    expectNear("u", ["b", "t", "d"], unpackRows(steps, got.u, learned.length), u);
  };

  for (const golden of cases) {
    test(`${titleOf(golden)}: u, weights and gradients`, () => {
      attendGolden(golden);
      const other = golden.normalize === "causal" ? "sequence" : "causal";
      const { learned: _, sequences: __, ...options } = golden;
      expect(() => attendGolden(golden, { ...options, normalize: other }), "the other normalisation").toThrow(/^w\[/);
    });
  }
});

for (const options of ALL) {
  test(`${titleOf(options)}: weights and gradients equal the f64 twin, ragged, equal and single batches, D=1, 3, 4, 5, 15`, () => {
    forSeeds(12, (random, seed) => {
      const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random, 6, seed % 4 === 0 ? 30 : 7);
      const width = random.choose([1, 3, 4, 5, 15]);
      const x = batch.lengths.map((length) => floatRows(random, length, width));
      const learned = floats(random, width);
      const dW = batch.lengths.map((length) => floats(random, length));
      const got = attend(options, batch, packRows(batch, x), learned, packNumbers(batch, dW));
      expectNear(
        "w",
        ["b", "t"],
        got.w,
        x.map((sequence) => attentionForward(options, sequence, learned)),
      );
      const back = x.map((sequence, b) => attentionBackward(options, sequence, learned, dW[b]));
      expectNear(
        "dX",
        ["b", "t", "d"],
        got.dX,
        back.map(({ dX }) => dX),
        2e-5,
      );
      const dLearned = learned.map((_, d) => back.reduce((sum, one) => sum + one.dLearned[d], 0));
      expectNear("dLearned", ["d"], got.dLearned, dLearned, 2e-5);

      const b = random.integer(0, x.length - 1);
      const alone = attend(options, packing([x[b].length]), x[b].flat(), learned, dW[b]);
      expect([alone.w[0], alone.dX[0]], "a sequence by itself").toEqual([got.w[b], got.dX[b]]);
    });
  });

  test(`${titleOf(options)}: gradients equal differences, the path through u included`, () => {
    forSeeds(2, (random) => {
      const batch = randomPacking(random, 3, 5);
      const width = random.integer(1, 5);
      const x = floats(random, batch.rows * width);
      const learned = floats(random, width);
      const dW = floats(random, batch.rows);
      const { dX, dLearned } = attend(options, batch, x, learned, dW);
      const loss = (): number => {
        const w = attend(options, batch, x, learned, dW, true).w;
        return weigh(packNumbers(batch, w), dW);
      };
      expectDifferences("x", loss, x, packRows(batch, dX));
      expectDifferences("learned", loss, learned, dLearned);
    });
  });
}

const WEIGHTS: WeightOptions[] = NORMALIZATIONS.flatMap((normalize) => SCALES.map((scale) => ({ normalize, scale })));

/** Scores that are awkward: far apart, far from zero, equal. */
function awkwardScores(random: Random, length: number): number[] {
  const bound = random.choose([0, 1, 80, 1e4, 1e30]);
  const level = random.choose([0, 80, -80, 1e4, -1e4]);
  return floats(random, length, bound).map((value) => Math.fround(value + level));
}

for (const options of WEIGHTS) {
  const title = `softmax, ${options.normalize}, scale ${options.scale}`;

  test(`${title}: weights and gradients equal the twin, and no NaN, for scores of ±80, ±1e4 and ±1e30`, () => {
    forSeeds(60, (random) => {
      const batch = randomPacking(random, 5, 20);
      const z = batch.lengths.map((length) => awkwardScores(random, length));
      const dW = batch.lengths.map((length) => floats(random, length));
      const w = softmax(options, batch, packNumbers(batch, z));
      const want = z.map((scores) => weightsForward(options, twinScores(options, scores)));
      expectNear("w", ["b", "t"], unpackNumbers(batch, w), want, 2e-5);
      const dZ = softmaxBackward(options, batch, w, packNumbers(batch, dW));
      const wantZ = z.map((scores, b) => columnsOf(weightsBackward(options, twinScores(options, scores), dW[b])));
      // What is left of dz after p·Σg is taken off rounds like the weights do.
      const limit = 2e-5 * Math.max(1, ...want.flat());
      for (const [b, row] of unpackNumbers(batch, dZ).entries()) {
        for (const [t, value] of row.entries()) {
          const error = Math.abs(value - wantZ[b][t]);
          if (!(error <= limit))
            throw new Error(`dZ[b=${b},t=${t}]: got ${value}, want ${wantZ[b][t]} (limit ${limit})`);
        }
      }
    });
  });

  test(`${title}: gradients equal differences`, () => {
    forSeeds(4, (random) => {
      const batch = randomPacking(random, 3, 6);
      const z = floats(random, batch.rows);
      const dW = floats(random, batch.rows);
      const dZ = softmaxBackward(options, batch, softmax(options, batch, z), dW);
      expectDifferences("z", () => weigh(softmax(options, batch, z, true), dW), z, dZ);
    });
  });
}

test("weights of a whole history sum to 1, or to T, even from scores of ±1e4", () => {
  forSeeds(20, (random) => {
    const length = random.integer(1, 50);
    const z = awkwardScores(random, length);
    for (const scale of SCALES) {
      const sum = softmax({ normalize: "sequence", scale }, packing([length]), z).reduce((total, w) => total + w, 0);
      expect(Math.abs(sum / (scale === "none" ? 1 : length) - 1)).toBeLessThan(1e-5);
    }
  });
});

test("no later score changes an earlier causal weight, by a bit", () => {
  forSeeds(20, (random) => {
    const length = random.integer(2, 12);
    const z = awkwardScores(random, length);
    const before = softmax({ normalize: "causal", scale: "length" }, packing([length]), z);
    const cut = random.integer(1, length - 1);
    const short = softmax({ normalize: "causal", scale: "length" }, packing([cut]), z.slice(0, cut));
    expect([...short]).toEqual([...before.subarray(0, cut)]);
  });
});

test("causal weights streamed a few steps at a time, (max, sum) carried, have the bits of one pass", () => {
  for (const scale of SCALES) {
    forSeeds(40, (random) => {
      const batch = randomPacking(random, 5, 12);
      const z = batch.lengths.map((length) => awkwardScores(random, length));
      const whole = unpackNumbers(batch, softmax({ normalize: "causal", scale }, batch, packNumbers(batch, z)));
      let state: ArrayLike<number> = new Float32Array(2 * batch.lengths.length).fill(Number.NaN);
      const size = random.integer(1, 3);
      for (let before = 0; before < batch.steps; before += size) {
        const alive = batch.lengths.filter((length) => length > before);
        const window = packing(alive.map((length) => Math.min(size, length - before)));
        const { offsets, steps, rows } = window;
        const buffers = {
          offsets: reads.i32(offsets),
          z: reads.f32(
            packNumbers(
              window,
              alive.map((_, b) => z[b].slice(before, before + size)),
            ),
          ),
          w: writes.f32(rows),
          state: updates.f32(state),
        };
        const out = run(buffers, ({ kernels, at, each }) =>
          each(alive.length, 1, (begin, end) =>
            kernels.softmaxCausalForwardF32(
              begin,
              end,
              steps,
              at.offsets,
              scale === "length" ? 1 : 0,
              at.z,
              at.w,
              at.state,
              before,
            ),
          ),
        );
        state = out.state;
        const got = unpackNumbers(window, out.w);
        expect(got, `steps from ${before}`).toEqual(alive.map((_, b) => whole[b].slice(before, before + size)));
      }
    });
  }
});

test("moving attention gives no NaN for scores of ±1e4, and its weights and gradients equal the twin's", () => {
  forSeeds(20, (random) => {
    const batch = randomPacking(random, 4, 9);
    const width = 3;
    const size = random.choose([10, 60]);
    const x = batch.lengths.map((length) => floatRows(random, length, width, size));
    const dW = batch.lengths.map((length) => floats(random, length));
    const options: AttentionOptions = { interest: "last", normalize: "causal", scale: random.choose(SCALES) };
    const got = attend(options, batch, packRows(batch, x), zeros(width), packNumbers(batch, dW));
    // A score of S is off by about S·1e-7, and e^score by that share.
    const want = x.map((sequence) => attentionForward(options, sequence, zeros(width)));
    expectNear("w", ["b", "t"], got.w, want, size * size * 5e-7);
    expect(got.dX.flat(2).every(Number.isFinite)).toBe(true);
  });
});

test("dot scores and their gradients equal the twin for D=0, 1, 3, 4, 5, 15; u of a sequence of length T gets Σ dz·x", () => {
  forSeeds(30, (random) => {
    const batch = randomPacking(random);
    const { offsets, steps, lengths, rows } = batch;
    const width = random.choose(SIZES);
    const x = lengths.map((length) => floatRows(random, length, width));
    const u = lengths.map(() => floats(random, width));
    const dZ = lengths.map((length) => floats(random, length));
    const before = floats(random, rows * width);
    const buffers = {
      offsets: reads.i32(offsets),
      x: reads.f32(packRows(batch, x)),
      u: reads.f32(u.flat()),
      z: writes.f32(rows),
      dZ: reads.f32(packNumbers(batch, dZ)),
      dX: updates.f32(before),
      dU: writes.f32(lengths.length * width),
    };
    const out = run(buffers, ({ kernels: k, at, each }) => {
      each(lengths.length, 1, (b, e) => k.scoreForwardF32(b, e, steps, at.offsets, width, DOT, at.x, at.u, 0, 0, at.z));
      each(lengths.length, 1, (b, e) =>
        k.scoreBackwardF32(b, e, steps, at.offsets, width, DOT, at.x, at.u, 0, 0, at.dZ, at.dX, at.dU, 0),
      );
    });
    const dots = x.map((sequence, b) => sequence.map((row) => weigh(row, u[b])));
    expectNear("z", ["b", "t"], unpackNumbers(batch, out.z), dots);
    const dU = u.map((_, b) =>
      zeros(width).map((_, d) =>
        weigh(
          x[b].map((row) => row[d]),
          dZ[b],
        ),
      ),
    );
    expectNear("dU", ["b", "d"], unpackRows(packing(lengths.map(() => 1)), out.dU, width).flat(), dU);
    const dX = unpackRows(batch, before, width).map((sequence, b) =>
      sequence.map((row, t) => row.map((value, d) => value + dZ[b][t] * u[b][d])),
    );
    expectNear("dX", ["b", "t", "d"], unpackRows(batch, out.dX, width), dX);
  });
});

test("attention over no sequences does nothing", () => {
  for (const options of ALL) {
    const { w, dX, dLearned } = attend(options, packing([]), [], [1, 2, 3], []);
    expect([w, dX, dLearned]).toEqual([[], [], [0, 0, 0]]);
  }
});
