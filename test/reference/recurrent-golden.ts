/** Runs a recurrent twin over a golden batch, one sequence at a time, and names what PyTorch has to agree with. */

import type { LstmRun, RecurrentCase, RecurrentRun, RecurrentTensors } from "../golden/load.ts";
import { expectClose, GOLDEN, type Numbers } from "./compare.ts";
import { addGradients, type RecurrentGradients, type RecurrentParameters, zeroGradients } from "./recurrent.ts";
import type { Matrix, Vector } from "./tensor.ts";

/** What one sequence of a batch gave. */
export interface SequenceResult {
  h: Matrix;
  cLast?: Vector;
  gradients: RecurrentGradients & { dX: Matrix; dWeights: Vector; dH0: Vector; dC0?: Vector };
}

/** Turns PyTorch's names into ours. */
export function parametersOf(tensors: RecurrentTensors): RecurrentParameters {
  return {
    weightIh: tensors.weight_ih_l0,
    weightHh: tensors.weight_hh_l0,
    biasIh: tensors.bias_ih_l0,
    biasHh: tensors.bias_hh_l0,
  };
}

/** Throws unless every output and gradient of the batch equals the fixture's. */
export function expectRun<Run extends RecurrentRun | LstmRun>(
  golden: RecurrentCase<Run>,
  run: Run,
  runSequence: (parameters: RecurrentParameters, b: number) => SequenceResult,
  parameters = parametersOf(golden.parameters),
): void {
  const results = golden.lengths.map((_, b) => runSequence(parameters, b));
  const sum = zeroGradients(parameters);
  for (const { gradients } of results) addGradients(sum, gradients);
  const check = (name: string, axes: string[], got: Numbers, want: Numbers): void =>
    expectClose(`${name}, H=${golden.hiddenSize}, ${run.initial} state`, axes, got, want, GOLDEN);
  check(
    "h",
    ["b", "t", "j"],
    results.map(({ h }) => h),
    run.h,
  );
  check(
    "dX",
    ["b", "t", "d"],
    results.map(({ gradients }) => gradients.dX),
    run.dX,
  );
  check(
    "dWeights",
    ["b", "t"],
    results.map(({ gradients }) => gradients.dWeights),
    run.dWeights,
  );
  check(
    "dH0",
    ["b", "j"],
    results.map(({ gradients }) => gradients.dH0),
    run.dH0,
  );
  if ("cLast" in run) {
    check(
      "cLast",
      ["b", "j"],
      results.map(({ cLast }) => cLast ?? []),
      run.cLast,
    );
    check(
      "dC0",
      ["b", "j"],
      results.map(({ gradients }) => gradients.dC0 ?? []),
      run.dC0,
    );
  }
  check("dWeightIh", ["row", "d"], sum.dWeightIh, run.gradients.weight_ih_l0);
  check("dWeightHh", ["row", "j"], sum.dWeightHh, run.gradients.weight_hh_l0);
  check("dBiasIh", ["row"], sum.dBiasIh, run.gradients.bias_ih_l0);
  check("dBiasHh", ["row"], sum.dBiasHh, run.gradients.bias_hh_l0);
}
