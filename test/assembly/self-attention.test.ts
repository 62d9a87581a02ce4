import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import { expectClose } from "../reference/compare.ts";
import { linearBackward, linearForward } from "../reference/linear.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import {
  type ProbabilityDropout,
  type SelfAttentionParameters,
  selfAttentionBackward,
  selfAttentionForward,
} from "../reference/self-attention.ts";
import { type Matrix, type Vector, zeros } from "../reference/tensor.ts";
import {
  expectDifferences,
  expectNear,
  floatRows,
  type Packing,
  packing,
  packRows,
  randomPacking,
  reads,
  run,
  SIZES,
  unpackRows,
  weigh,
  writes,
} from "./harness.ts";

interface Mask {
  rate: number;
  seed?: number;
  stream?: number;
  step?: number;
  firstRow?: number;
}

interface Input {
  batch: Packing;
  heads: number;
  width: number;
  /** Packed rows of (q, k, v). */
  qkv: number[];
  /** Nothing is dropped if left out. */
  mask?: Mask;
}

const NOTHING: Mask = { rate: 0 };

function forward({ batch, heads, width, qkv, mask = NOTHING }: Input, quick = false): Float32Array {
  const { offsets, steps, lengths, rows } = batch;
  const { rate, seed = 1, stream = 2, step = 3, firstRow = 0 } = mask;
  const buffers = {
    offsets: reads.i32(offsets),
    qkv: reads.f32(qkv),
    o: writes.f32(rows * width),
    scratch: writes.f32(lengths.length * (steps * 3 * width + 4 * Math.ceil(steps / 4))),
  };
  return run(
    buffers,
    ({ kernels, at, each }) =>
      each(lengths.length, 1, (begin, end) =>
        kernels.selfAttentionForwardF32(
          begin,
          end,
          steps,
          at.offsets,
          width,
          heads,
          at.qkv,
          at.o,
          at.scratch,
          rate,
          seed,
          stream,
          step,
          firstRow,
        ),
      ),
    quick,
  ).o;
}

function backward({ batch, heads, width, qkv, mask = NOTHING }: Input, dO: number[]): Float32Array {
  const { offsets, steps, lengths, rows } = batch;
  const { rate, seed = 1, stream = 2, step = 3, firstRow = 0 } = mask;
  const buffers = {
    offsets: reads.i32(offsets),
    qkv: reads.f32(qkv),
    dO: reads.f32(dO),
    dQkv: writes.f32(rows * 3 * width),
    scratch: writes.f32(lengths.length * (steps * 6 * width + 12 * Math.ceil(steps / 4))),
  };
  return run(buffers, ({ kernels, at, each }) =>
    each(lengths.length, 1, (begin, end) =>
      kernels.selfAttentionBackwardF32(
        begin,
        end,
        steps,
        at.offsets,
        width,
        heads,
        at.qkv,
        at.dO,
        at.dQkv,
        at.scratch,
        rate,
        seed,
        stream,
        step,
        firstRow,
      ),
    ),
  ).dQkv;
}

/** Which probabilities a mask keeps, [b][n][t][i], i ≤ t: q and k are zero, so that all weigh alike, and v_i is the i-th unit. */
function keptBy(batch: Packing, heads: number, mask: Mask): boolean[][][][] {
  const { steps } = batch;
  const width = heads * steps;
  const values = batch.lengths.map((length) =>
    Array.from({ length }, (_, i) => [
      ...zeros(2 * width),
      ...zeros(width).map((_, column) => (column % steps === i ? 1 : 0)),
    ]),
  );
  const o = unpackRows(batch, forward({ batch, heads, width, qkv: packRows(batch, values), mask }), width);
  return o.map((sequence) =>
    Array.from({ length: heads }, (_, n) =>
      sequence.map((row, t) => row.slice(n * steps, n * steps + t + 1).map((value) => value !== 0)),
    ),
  );
}

const unit = (size: number): Matrix =>
  Array.from({ length: size }, (_, r) => zeros(size).map((_, c) => (r === c ? 1 : 0)));

/** The inside of the twin: with x the identity, W_in is qkv on its side, and its gradient dQkv; W_out is the identity. */
function twinOf(heads: number, width: number, qkv: Matrix, dO: Matrix, dropout?: ProbabilityDropout) {
  const length = qkv.length;
  const parameters: SelfAttentionParameters = {
    inProjWeight: Array.from({ length: 3 * width }, (_, column) => qkv.map((row) => row[column])),
    inProjBias: zeros(3 * width),
    outProjWeight: unit(width),
    outProjBias: zeros(width),
  };
  const input = { x: unit(length), dropout };
  const output = selfAttentionForward(heads, parameters, input);
  const { dInProjWeight } = selfAttentionBackward(heads, parameters, input, output, dO);
  return { o: output.y, dQkv: qkv.map((_, t) => dInProjWeight.map((row) => row[t])) };
}

/**
 * Throws unless outputs and gradients of a batch are the twin's, within `limit` of the largest o, dq, dk, dv each.
 *
 * @param sharp the largest |q|, |k| of scores far apart. A probability near 1 leaves of g − Σ p·g what rounding leaves, 1e-7·|g|,
 *   however small the true dq and dk are: they then have to be within 5e-7·sharp·max|g|/√d.
 */
function expectTwin(name: string, input: Input, dO: Matrix[], limit: number, sharp?: number): void {
  const { batch, heads, width, mask } = input;
  const kept = mask && keptBy(batch, heads, mask);
  const qkv = unpackRows(batch, input.qkv, 3 * width);
  const want = qkv.map((rows, b) =>
    twinOf(heads, width, rows, dO[b], mask && kept && { keep: kept[b], rate: Math.fround(mask.rate) }),
  );
  const wanted = want.map(({ o }) => o);
  expectNear(`o, ${name}`, ["b", "t", "d"], unpackRows(batch, forward(input), width), wanted, limit);
  const dQkv = unpackRows(batch, backward(input, packRows(batch, dO)), 3 * width);
  for (const [index, part] of ["dq", "dk", "dv"].entries()) {
    const cut = (sequences: Matrix[]): Matrix[] =>
      sequences.map((rows) => rows.map((row) => row.slice(index * width, (index + 1) * width)));
    const got = cut(dQkv);
    const wantedPart = cut(want.map((one) => one.dQkv));
    const at = `${part}, ${name}`;
    if (sharp === undefined || part === "dv") expectNear(at, ["b", "t", "d"], got, wantedPart, limit);
    else {
      const depth = width / heads;
      const absolute = (5e-7 * sharp * largestSlope(qkv, dO, heads, width)) / Math.sqrt(depth);
      expectClose(at, ["b", "t", "d"], got, wantedPart, { absolute, relative: 0 });
    }
  }
}

/** The largest |g_ti| = |<do_t, v_i>|, i ≤ t. */
function largestSlope(qkv: Matrix[], dO: Matrix[], heads: number, width: number): number {
  const depth = width / heads;
  let largest = 0;
  for (const [b, rows] of qkv.entries()) {
    for (const [t, weights] of dO[b].entries()) {
      for (const row of rows.slice(0, t + 1)) {
        for (let from = 0; from < width; from += depth) {
          const v = row.slice(2 * width + from, 2 * width + from + depth);
          largest = Math.max(largest, Math.abs(weigh(v, weights.slice(from, from + depth))));
        }
      }
    }
  }
  return largest;
}

/** Draws (q, k, v) of a batch, and a gradient for its outputs. */
function draw(
  random: Random,
  batch: Packing,
  heads: number,
  depth: number,
  bound = 1.5,
): { input: Input; dO: Matrix[] } {
  const width = heads * depth;
  const qkv = batch.lengths.map((length) => floatRows(random, length, 3 * width, bound));
  const dO = batch.lengths.map((length) => floatRows(random, length, width));
  return { input: { batch, heads, width, qkv: packRows(batch, qkv) }, dO };
}

describe("self-attention equals the inside of torch.nn.MultiheadAttention", () => {
  for (const golden of loadGolden("self_attention.json").cases) {
    const { width, heads, parameters, x, dY } = golden;
    const batch = packing(x.map(({ length }) => length));
    const inWeight = parameters.in_proj_weight as Matrix;
    const outWeight = parameters["out_proj.weight"] as Matrix;
    // Masks are given to PyTorch, and drawn by the kernel: the twin stands between the two.
    const { y, dX, gradients } = golden.runs.find(({ rate }) => rate === 0)!;
    const rowsOf = (flat: ArrayLike<number>, columns: number): Matrix => unpackRows(batch, flat, columns).flat();

    test(`output and gradients, ${heads} heads of ${width / heads}, sequences of ${batch.lengths}`, () => {
      const qkv = x.map((rows) => linearForward(rows, inWeight, parameters.in_proj_bias as Vector));
      const input: Input = { batch, heads, width, qkv: packRows(batch, qkv) };
      const o = rowsOf(forward(input), width);
      expectNear("y", ["row", "d"], linearForward(o, outWeight, parameters["out_proj.bias"] as Vector), y.flat());
      const out = linearBackward(o, outWeight, dY.flat());
      expectNear("dOutWeight", ["out", "in"], out.dWeight, gradients["out_proj.weight"]);
      const dO = dY.map((rows) => linearBackward(rows, outWeight, rows).dX);
      const dQkv = rowsOf(backward(input, packRows(batch, dO)), 3 * width);
      const back = linearBackward(x.flat(), inWeight, dQkv);
      expectNear("dX", ["row", "d"], back.dX, dX.flat());
      expectNear("dInWeight", ["out", "in"], back.dWeight, gradients.in_proj_weight);
      expectNear("dInBias", ["out"], back.dBias, gradients.in_proj_bias);
    });
  }
});

test("self-attention equals the f64 twin for 1, 2, 3, 5 heads of 1, 3, 4, 5, 15, ragged, equal and single batches", () => {
  forSeeds(2, (random, seed) => {
    for (const heads of [1, 2, 3, 5]) {
      for (const depth of [1, 3, 4, 5, 15]) {
        const batch = heads === 2 && seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random);
        const { input, dO } = draw(random, batch, heads, depth);
        expectTwin(`${heads} heads of ${depth}, sequences of ${batch.lengths}`, input, dO, 1e-5);
      }
    }
  });
});

test("self-attention equals the twin for sequences of 1, 3, 4, 5, 15 and 40 steps", () => {
  forSeeds(2, (random) => {
    for (const steps of [...SIZES.filter((size) => size > 0), 40]) {
      const { input, dO } = draw(random, packing([steps, 1]), 2, 3);
      expectTwin(`${steps} steps`, input, dO, 1e-5);
    }
  });
});

test("no sequences, and no columns, are nothing", () => {
  const none: Input = { batch: packing([]), heads: 2, width: 6, qkv: [] };
  expect(forward(none).length).toBe(0);
  expect(backward(none, []).length).toBe(0);
  const narrow: Input = { batch: packing([3, 1]), heads: 1, width: 0, qkv: [] };
  expect(forward(narrow).length).toBe(0);
  expect(backward(narrow, []).length).toBe(0);
});

test("a sequence of one step gives its v, exactly, and takes all of dO to it", () => {
  forSeeds(10, (random) => {
    const { input, dO } = draw(random, packing([1]), 3, 5, 20);
    const { qkv, width } = input;
    expect([...forward(input)]).toEqual(qkv.slice(2 * width));
    const dQkv = [...backward(input, dO.flat(2))];
    expect(dQkv.slice(2 * width)).toEqual(dO.flat(2));
    expect(dQkv.slice(0, 2 * width).every((value) => value === 0)).toBe(true);
  });
});

test("a sequence has the same bits alone as in a batch, forward and backward", () => {
  forSeeds(20, (random, seed) => {
    const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random);
    const { input, dO } = draw(random, batch, random.integer(1, 3), random.integer(1, 6));
    const { width } = input;
    const o = unpackRows(batch, forward(input), width);
    const dQkv = unpackRows(batch, backward(input, packRows(batch, dO)), 3 * width);
    const b = random.integer(0, o.length - 1);
    const qkv = unpackRows(batch, input.qkv, 3 * width)[b].flat();
    const one: Input = { ...input, batch: packing([batch.lengths[b]]), qkv };
    expect([...forward(one)], "o").toEqual(o[b].flat());
    expect([...backward(one, dO[b].flat())], "dQkv").toEqual(dQkv[b].flat());
  });
});

test("no later step changes an earlier output, and a step without dO changes no gradient, by a bit", () => {
  forSeeds(20, (random) => {
    const length = random.integer(2, 12);
    const { input, dO } = draw(random, packing([length]), 2, random.integer(1, 5));
    const { width } = input;
    const cut = random.integer(1, length - 1);
    const short: Input = { ...input, batch: packing([cut]), qkv: input.qkv.slice(0, cut * 3 * width) };
    expect([...forward(short)]).toEqual([...forward(input).subarray(0, cut * width)]);
    const early = dO.flat(2).map((value, i) => (i < cut * width ? value : 0));
    const whole = backward(input, early);
    const alone = backward(short, early.slice(0, cut * width));
    // Adding zeros may turn a −0 into 0.
    expect([...whole].map((value) => value + 0)).toEqual(
      [...alone, ...zeros((length - cut) * 3 * width)].map((value) => value + 0),
    );
  });
});

test("scores of ±1e4 and beyond give no NaN, and equal the twin", () => {
  forSeeds(20, (random) => {
    // 1/√d is a power of two and q, k are whole numbers: the scores are exact, so only their differences decide.
    const depth = random.choose([1, 4, 16]);
    const size = random.choose([8, 100, 300]);
    const batch = randomPacking(random, 4, 9);
    const { input, dO } = draw(random, batch, 2, depth);
    const { width } = input;
    const whole = input.qkv.map((value, i) => (i % (3 * width) < 2 * width ? Math.round((value / 1.5) * size) : value));
    const scores = { ...input, qkv: whole };
    expect([...forward(scores), ...backward(scores, packRows(batch, dO))].every(Number.isFinite)).toBe(true);
    expectTwin(`q and k up to ${size}, depth ${depth}`, scores, dO, 1e-5, size);
  });
  // The largest score first, last and between, ±1e4 each; and all of them equal.
  const dO = [[[1], [-2], [3]]];
  const keys = [
    [100, -100, 100],
    [-100, -100, 100],
    [100, -100, -100],
    [-100, -100, -100],
  ];
  for (const row of keys) {
    for (const sign of [1, -1]) {
      const qkv = row.flatMap((key, i) => [sign * 100, key, [1, 2, 4][i]]);
      const input: Input = { batch: packing([3]), heads: 1, width: 1, qkv };
      expectTwin(`keys ${row}, sign ${sign}`, input, dO, 1e-6, 100);
    }
  }
});

test("gradients equal differences, without dropout and with a rate of 0.3", () => {
  forSeeds(3, (random, seed) => {
    for (const mask of [undefined, { rate: 0.3, seed, firstRow: 5 }]) {
      const batch = seed === 1 ? packing([5, 3, 1]) : randomPacking(random, 3, 5);
      const { input, dO } = draw(random, batch, random.integer(1, 3), random.integer(1, 3), 1);
      const dropped = { ...input, mask };
      const weights = packRows(batch, dO);
      const gradient = backward(dropped, weights);
      expectDifferences("qkv", () => weigh(forward(dropped, true), weights), dropped.qkv, gradient);
    }
  });
});

describe("dropout of the probabilities", () => {
  test("equals the twin given the kernel's mask, forward and backward", () => {
    forSeeds(12, (random, seed) => {
      const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : randomPacking(random);
      const { input, dO } = draw(random, batch, random.choose([1, 2, 3]), random.choose([1, 3, 4, 5]));
      const mask = {
        rate: random.choose([0.1, 0.3, 0.5, 0.9]),
        seed,
        stream: 7,
        step: 11,
        firstRow: random.integer(0, 9),
      };
      expectTwin(`rate ${mask.rate}`, { ...input, mask }, dO, 1e-5);
    });
  });

  test("keeps a share of 1 − p within 4 standard deviations, and scales it by 1/(1 − p)", () => {
    for (const rate of [0.1, 0.3, 0.5, 0.9]) {
      const batch = packing([60, 40]);
      const kept = keptBy(batch, 3, { rate, seed: 5 }).flat(3);
      const error = Math.sqrt(kept.length * rate * (1 - rate));
      const count = kept.filter(Boolean).length;
      expect(Math.abs(count - kept.length * (1 - rate)), `rate ${rate}`).toBeLessThan(4 * error);
      // One step, so a probability of 1: what is left is the factor itself.
      const one = { batch: packing(new Array(50).fill(1)), heads: 1, width: 1, mask: { rate } };
      const factors = forward({ ...one, qkv: new Array(50).fill([0, 0, 1]).flat() }).filter((value) => value !== 0);
      expect(factors.length).toBeGreaterThan(0);
      const factor = 1 / (1 - Math.fround(rate));
      expect(factors.find((value) => !(Math.abs(value / factor - 1) < 1.5e-7))).toBeUndefined();
    }
  });

  test("a rate of 0 gives the bits of no dropout, whatever the seed", () => {
    forSeeds(5, (random) => {
      const batch = randomPacking(random);
      const { input, dO } = draw(random, batch, 2, 3);
      const seeded = { ...input, mask: { rate: 0, seed: 9, stream: 9, step: 9, firstRow: 9 } };
      expect([...forward(seeded)]).toEqual([...forward(input)]);
      expect([...backward(seeded, packRows(batch, dO))]).toEqual([...backward(input, packRows(batch, dO))]);
    });
  });

  test("seed, stream, step and firstRow each give another mask", () => {
    const maskOf = (mask: Partial<Mask>): string => JSON.stringify(keptBy(packing([12, 9]), 2, { rate: 0.5, ...mask }));
    const masks = [{}, { seed: 2 }, { stream: 3 }, { step: 4 }, { firstRow: 1 }].map(maskOf);
    expect(new Set(masks).size).toBe(masks.length);
  });

  test("no sequence, head or step has the mask of another, as it is or moved by a few steps", () => {
    const batch = packing([40, 40, 40]);
    const kept = keptBy(batch, 3, { rate: 0.5 });
    // The masks of the last eight steps, over 30 steps from any of the first four on.
    const seen = new Map<string, string>();
    kept.forEach((heads, b) => {
      heads.forEach((rows, n) => {
        rows.slice(32).forEach((row, t) => {
          for (let from = 0; from < 4; from++) {
            const text = row
              .slice(from, from + 29)
              .map(Number)
              .join("");
            const place = `b=${b}, n=${n}, t=${32 + t}, from ${from}`;
            expect(seen.get(text), place).toBeUndefined();
            seen.set(text, place);
          }
        });
      });
    });
    expect(seen.size).toBe(3 * 3 * 8 * 4);
  });

  test("the mask does not depend on the window: rows from firstRow on have those of the whole batch", () => {
    forSeeds(20, (random, seed) => {
      const batch = seed === 1 ? packing([7, 5, 5, 2, 1]) : packing([random.integer(4, 9), random.integer(2, 4), 2]);
      const heads = random.integer(1, 3);
      const { offsets, lengths, steps } = batch;
      const first = random.integer(1, steps - 1);
      const alive = lengths.filter((length) => length > first);
      const whole = keptBy(batch, heads, { rate: 0.4, seed });
      const window = packing(alive.map((length) => length - first));
      const kept = keptBy(window, heads, { rate: 0.4, seed, firstRow: offsets[first] });
      // A window counts its steps from its own first one.
      const want = alive.map((_, b) => whole[b].map((rows) => rows.slice(first).map((row, t) => row.slice(0, t + 1))));
      expect(kept).toEqual(want);
    });
  });

  test("rows and heads far apart have masks of their own: the index is 64 bits wide", () => {
    const at = (heads: number, firstRow: number): string =>
      JSON.stringify(keptBy(packing([20]), heads, { rate: 0.5, firstRow }));
    // row·heads + head reaches 2^32 with 16 heads, and its product with 2^24 long before.
    expect(at(16, 2 ** 28)).not.toBe(at(16, 0));
    expect(at(1, 2 ** 8)).not.toBe(at(1, 0));
    expect(at(1, 2 ** 31)).not.toBe(at(1, 0));
  });
});
