import { describe, expect, test } from "vitest";
import { expectClose } from "../reference/compare.ts";
import { logSumExp } from "../reference/math.ts";
import { forSeeds, type Random } from "../reference/random.ts";
import { fromFlat, type Matrix } from "../reference/tensor.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

interface Scored {
  rows: number;
  negatives: number;
  stride: number;
  scores: number[];
  weights: number[];
  /** Which negative is a row's own target; −1 for none. */
  own: number[];
  targetScores: number[];
  scale: number;
}

function sampledCrossEntropy(
  { rows, negatives, stride, scores, weights, own, targetScores, scale }: Scored,
  quick = false,
) {
  const buffers = {
    scores: updates.f32(scores),
    weights: reads.f32(weights),
    own: reads.i32(own),
    targetScores: reads.f32(targetScores),
    losses: writes.f32(rows),
    factors: writes.f32(rows),
    dTargets: writes.f32(rows),
  };
  const out = run(
    buffers,
    ({ kernels, at, each }) =>
      each(rows, 1, (begin, end) =>
        kernels.sampledCrossEntropyF32(
          begin,
          end,
          negatives,
          stride,
          at.scores,
          at.weights,
          at.own,
          at.targetScores,
          scale,
          at.losses,
          at.factors,
          at.dTargets,
        ),
      ),
    quick,
  );
  // dS is the row that was left, times its factor.
  const dS = out.scores.map((left, i) => (i % stride < negatives ? left * out.factors[Math.floor(i / stride)] : left));
  return { losses: out.losses, dS, dTargets: out.dTargets };
}

/** Losses and gradients in f64. */
function twinOf({ rows, negatives, stride, scores, weights, own, targetScores, scale }: Scored) {
  const losses: number[] = [];
  const dS: Matrix = [];
  const dTargets: number[] = [];
  for (let r = 0; r < rows; r++) {
    const row = scores.slice(r * stride, r * stride + negatives);
    const logits = row.map((score, j) => (j === own[r] ? Number.NEGATIVE_INFINITY : score + Math.log(weights[j])));
    const logSum = logSumExp([targetScores[r], ...logits]);
    losses.push(logSum - targetScores[r]);
    dS.push(logits.map((logit) => scale * Math.exp(logit - logSum)));
    dTargets.push(scale * Math.expm1(targetScores[r] - logSum));
  }
  return { losses, dS, dTargets };
}

function draw(random: Random, rows: number, negatives: number, bound: number): Scored {
  const stride = random.choose([negatives, Math.ceil(negatives / 8) * 8]);
  return {
    rows,
    negatives,
    stride,
    scores: floats(random, rows * stride, bound),
    weights: Array.from({ length: negatives }, () => Math.fround(random.choose([1, 1.5, 37.25, 1e4]))),
    own: Array.from({ length: rows }, () => random.integer(-1, negatives - 1)),
    targetScores: floats(random, rows, bound),
    scale: Math.fround(random.choose([1, 1 / 7, 1 / 512])),
  };
}

/** The sum is an f32 sum from 1 up: a small loss is off by its rounding, whatever its size. */
const LOSS = { absolute: 3e-7, relative: 3e-7 };

const blockOf = (flat: ArrayLike<number>, { rows, negatives, stride }: Scored): Matrix =>
  fromFlat(flat, rows, stride).map((row) => row.slice(0, negatives));

test("losses and gradients equal the f64 twin for S=0, 1, 3, 4, 5, 15, 1027 and 0…15 rows, with and without a gap between rows", () => {
  forSeeds(2, (random) => {
    for (const rows of SIZES) {
      for (const negatives of [...SIZES, ...(rows === 5 ? [1027] : [])]) {
        const scored = draw(random, rows, negatives, random.choose([1, 10]));
        const { losses, dS, dTargets } = sampledCrossEntropy(scored);
        const want = twinOf(scored);
        const at = `rows ${rows}, S=${negatives}`;
        expectClose(`losses, ${at}`, ["r"], [...losses], want.losses, LOSS);
        expectNear(`dS, ${at}`, ["r", "j"], blockOf(dS, scored), want.dS);
        expectNear(`dTargets, ${at}`, ["r"], [...dTargets], want.dTargets);
        for (const [i, left] of dS.entries()) if (i % scored.stride >= negatives) expect(left).toBe(scored.scores[i]);
        for (const [r, row] of blockOf(dS, scored).entries()) {
          const sum = row.reduce((total, value) => total + value, dTargets[r]);
          expect(Math.abs(sum), `Σ dS + dT, ${at}`).toBeLessThan(1e-6 * scored.scale);
          if (scored.own[r] >= 0) expect(row[scored.own[r]]).toBe(0);
        }
      }
    }
  });
});

describe("extreme scores", () => {
  const of = (scores: number[], target: number, weights = scores.map(() => 1)) => {
    const negatives = scores.length;
    const row = { rows: 1, negatives, stride: negatives, scores, weights, own: [-1], targetScores: [target], scale: 1 };
    const { losses, dS, dTargets } = sampledCrossEntropy(row);
    return { loss: losses[0], dS: [...dS], dTarget: dTargets[0] };
  };

  test("of ±80, ±1e4 and ±1e30 equal the twin, and none is NaN", () => {
    forSeeds(60, (random) => {
      const level = random.choose([0, 80, -80, 1e4, -1e4]);
      const scored = draw(random, 3, random.integer(1, 20), random.choose([80, 1e4, 1e30]));
      scored.scores = scored.scores.map((score) => Math.fround(score + level));
      scored.targetScores = scored.targetScores.map((score) => Math.fround(score + level));
      const got = sampledCrossEntropy(scored);
      const want = twinOf(scored);
      for (let r = 0; r < 3; r++) {
        expectClose("loss", [], got.losses[r], want.losses[r], LOSS);
        expectNear(`dS[r=${r}]`, ["j"], blockOf(got.dS, scored)[r], want.dS[r]);
        expectNear(`dT[r=${r}]`, [], got.dTargets[r], want.dTargets[r]);
      }
    });
  });

  test("a certain target costs 0 and has no gradient; an impossible one costs the distance and has −1", () => {
    expect(of([0, 0, 0, 0], 1e4)).toEqual({ loss: 0, dS: [0, 0, 0, 0], dTarget: -0 });
    expect(of([1e4, 0, 0, 0, 0], 0)).toEqual({ loss: 1e4, dS: [1, 0, 0, 0, 0], dTarget: -1 });
  });

  test("equal scores at any level cost the logarithm of how many items there are", () => {
    for (const level of [0, 80, -80, 1e4, -1e4]) {
      const { loss, dS, dTarget } = of([level, level, level], level, [1, 2, 4]);
      expect(loss).toBeCloseTo(Math.log(8), 6);
      expect(dS.map((value) => value * 8)).toEqual([1, 2, 4]);
      expect(dTarget).toBe(-7 / 8);
    }
  });

  test("a target that no number stands for makes the loss NaN", () => expect(of([1, 2, 3], Number.NaN).loss).toBeNaN());
});

test("a row has the same bits whatever rows stand around it", () => {
  forSeeds(10, (random) => {
    const scored = draw(random, random.integer(2, 6), random.integer(1, 30), 4);
    const { negatives, stride } = scored;
    const whole = sampledCrossEntropy(scored);
    const r = random.integer(0, scored.rows - 1);
    const alone = sampledCrossEntropy({
      ...scored,
      rows: 1,
      scores: scored.scores.slice(r * stride, (r + 1) * stride),
      own: [scored.own[r]],
      targetScores: [scored.targetScores[r]],
    });
    expect([...alone.dS.subarray(0, negatives)]).toEqual([...whole.dS.subarray(r * stride, r * stride + negatives)]);
    expect(alone.losses[0]).toBe(whole.losses[r]);
    expect(alone.dTargets[0]).toBe(whole.dTargets[r]);
  });
});

test("dS and dT equal differences of the losses", () => {
  forSeeds(6, (random) => {
    const negatives = random.integer(1, 9);
    const scored = { ...draw(random, random.integer(1, 3), negatives, 2), stride: negatives, scale: 0.5 };
    scored.scores = floats(random, scored.rows * negatives, 2);
    scored.weights = Array.from({ length: negatives }, () => Math.fround(0.5 + 3 * random.unit()));
    const { dS, dTargets } = sampledCrossEntropy(scored);
    const half = new Array<number>(scored.rows).fill(0.5);
    const loss = () => weigh(sampledCrossEntropy(scored, true).losses, half);
    expectDifferences("scores", loss, scored.scores, dS);
    expectDifferences("targetScores", loss, scored.targetScores, dTargets);
  });
});
