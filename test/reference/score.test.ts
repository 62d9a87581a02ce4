import { describe, expect, test } from "vitest";
import { type GoldenTensors, loadGolden } from "../golden/load.ts";
import { type AttentionGradients, type AttentionOptions, attentionBackward, attentionForward } from "./attention.ts";
import { expectClose, GOLDEN } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { gruBackward, gruForward } from "./gru.ts";
import { lstmBackward, lstmForward } from "./lstm.ts";
import { forSeeds } from "./random.ts";
import { scoreTensors } from "./random-tensors.ts";
import { parametersOf } from "./recurrent-golden.ts";
import { type Score, type ScoreKind, scoreBackward, scoreForward, scoreOf } from "./score.ts";
import { addMatrix, addScaled, addTensors, dot, type Vector, zeros, zerosLike } from "./tensor.ts";

const KINDS: ScoreKind[] = ["dot", "mlp", "gaussian"];
const INTERESTS = ["learned", "last", "mean"] as const;
const NORMALIZATIONS = ["sequence", "causal"] as const;
const titleOf = ({ interest, normalize, scale }: AttentionOptions): string =>
  `${interest}, ${normalize}, scale ${scale}`;

/** Throws unless what a batch gave to the interest and the score equals the fixture's. */
function expectShared(
  backs: AttentionGradients[],
  want: { dLearned: Vector; gradients: GoldenTensors },
  trained: boolean,
): void {
  const dLearned = zeros(want.dLearned.length);
  const sum = zerosLike(backs[0].dScore);
  for (const back of backs) {
    addScaled(dLearned, back.dLearned);
    addTensors(sum, back.dScore);
  }
  expectClose("dLearned", ["d"], dLearned, want.dLearned, GOLDEN);
  if (!trained) return;
  expect(Object.keys(sum).sort()).toEqual(Object.keys(want.gradients).sort());
  for (const name of Object.keys(sum)) {
    expectClose(`∂/∂${name}`, ["row", "column"], sum[name], want.gradients[name], GOLDEN);
  }
}

describe("attention by mlp and gaussian scores equals PyTorch", () => {
  for (const { score: kind, sigma, parameters, learned, x, dWeights, runs } of loadGolden("attention_scores.json")
    .cases) {
    const score = scoreOf(kind, sigma === null ? parameters : { log_sigma: [Math.log(sigma)] });
    test(`${kind}, σ ${sigma ?? "trained"}: the fixture has every interest and normalisation`, () => {
      expect(new Set(runs.map(({ interest, normalize }) => `${interest} ${normalize}`)).size).toBe(6);
    });
    for (const run of runs) {
      test(`${kind}${sigma === null ? "" : `, σ = ${sigma}`}, ${titleOf(run)}: weights and gradients`, () => {
        const backs = x.map((xB, b) => {
          expectClose(`w of b=${b}`, ["t"], attentionForward(run, xB, learned, score), run.weights[b], GOLDEN);
          const back = attentionBackward(run, xB, learned, dWeights[b], score);
          expectClose(`dX of b=${b}`, ["t", "d"], back.dX, run.dX[b], GOLDEN);
          return back;
        });
        expectShared(backs, run, sigma === null);
      });
    }
  }
});

describe("a cell over x·w equals PyTorch for every score, interest and normalisation", () => {
  for (const { cell, parameters, learned, scores, x, dH, runs } of loadGolden("attentive_cells.json").cases) {
    test(`${cell}: the fixture has all 18`, () => {
      const distinct = new Set(runs.map(({ score, interest, normalize }) => `${score} ${interest} ${normalize}`));
      expect(distinct.size).toBe(KINDS.length * INTERESTS.length * NORMALIZATIONS.length);
    });
    for (const run of runs) {
      test(`${cell}, ${run.score}, ${titleOf(run)}: states and gradients`, () => {
        const score = scoreOf(run.score, scores[run.score]);
        const layer = parametersOf(parameters);
        const backs = x.map((xB, b) => {
          const input = { x: xB, weights: attentionForward(run, xB, learned, score) };
          const gru = (): [number[][], { dX: number[][]; dWeights: number[] }] => {
            const output = gruForward(layer, input);
            return [output.h, gruBackward(layer, input, output, dH[b])];
          };
          const lstm = (): [number[][], { dX: number[][]; dWeights: number[] }] => {
            const output = lstmForward(layer, input);
            return [output.h, lstmBackward(layer, input, output, dH[b])];
          };
          const [h, { dX, dWeights }] = cell === "gru" ? gru() : lstm();
          expectClose(`h of b=${b}`, ["t", "j"], h, run.h[b], GOLDEN);
          const back = attentionBackward(run, xB, learned, dWeights, score);
          addMatrix(dX, back.dX);
          expectClose(`dX of b=${b}`, ["t", "d"], dX, run.dX[b], GOLDEN);
          return back;
        });
        expectShared(backs, run, true);
      });
    }
  }
});

describe("gradients equal central differences", () => {
  for (const kind of KINDS) {
    test(`${kind} score by itself, T=1..6, one to six rows of u, D=1..5, A=1..6`, () => {
      forSeeds(60, (random) => {
        const [length, rows, width] = [random.integer(1, 6), random.integer(1, 6), random.integer(1, 5)];
        const tensors = scoreTensors(random, kind, random.integer(1, 6), width);
        const [x, u, dZ] = [random.matrix(length, width), random.matrix(rows, width), random.matrix(rows, length)];
        const loss = (): number =>
          scoreForward(scoreOf(kind, tensors), x, u).reduce((sum, row, t) => sum + dot(row, dZ[t]), 0);
        const back = scoreBackward(scoreOf(kind, tensors), x, u, dZ);
        expectGradient("x", loss, x, back.dX);
        expectGradient("u", loss, u, back.dU);
        expect(Object.keys(back.gradients)).toEqual(Object.keys(tensors));
        for (const [name, tensor] of Object.entries(tensors)) {
          expectGradient(name, loss, tensor, back.gradients[name]);
        }
      });
    });

    for (const interest of INTERESTS) {
      for (const normalize of NORMALIZATIONS) {
        test(`${kind}, ${interest}, ${normalize}, path through u included, T=1..6, D=1..4`, () => {
          forSeeds(20, (random) => {
            const options = { interest, normalize, scale: random.choose(["none", "length"] as const) };
            const [length, width] = [random.integer(1, 6), random.integer(1, 4)];
            const tensors = scoreTensors(random, kind, width, width);
            const [x, learned, dWeights] = [random.matrix(length, width), random.vector(width), random.vector(length)];
            const score = scoreOf(kind, tensors);
            const loss = (): number => dot(attentionForward(options, x, learned, score), dWeights);
            const back = attentionBackward(options, x, learned, dWeights, score);
            expectGradient("x", loss, x, back.dX);
            expectGradient("learned", loss, learned, back.dLearned);
            for (const [name, tensor] of Object.entries(tensors)) {
              expectGradient(name, loss, tensor, back.dScore[name]);
            }
          });
        });
      }
    }
  }
});

test("a gaussian of σ = 1 over vectors of one length weighs as dot does: −‖x − u‖²/2 = <x, u> − const", () => {
  const x = [
    [1, 0],
    [0.6, 0.8],
    [0, -1],
  ];
  const gaussian: Score = { kind: "gaussian", logSigma: [0] };
  const options = { interest: "learned", normalize: "causal", scale: "none" } as const;
  const got = attentionForward(options, x, [3, -2], gaussian);
  expectClose("w", ["t"], got, attentionForward(options, x, [3, -2]), GOLDEN);
});

test("a gaussian is largest, 0, where x is u, and falls by 1/2 at a distance of σ", () => {
  const score: Score = { kind: "gaussian", logSigma: [Math.log(3)] };
  const [z] = scoreForward(
    score,
    [
      [1, 2],
      [4, 2],
    ],
    [[1, 2]],
  );
  expectClose("z", ["i"], z, [0, -0.5], GOLDEN);
});
