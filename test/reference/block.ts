/**
 * A block: a mixer sublayer (a recurrence, or causal self-attention), then a feed-forward sublayer if there is one.
 *
 *     plain     y = f(x)                   residual        y = x + f(x)
 *     pre       y = f(LN(x))               residual, pre   y = x + f(LN(x))     (Xiong et al. 2020)
 *     post      y = LN(f(x))               residual, post  y = LN(x + f(x))     (Vaswani et al. 2017)
 *
 * Residual blocks keep the width, so H = D. Tensors go by their names within a block: `recurrence.weight_ih_l0` …,
 * `self_attention.in_proj_weight` …, `norm1.weight`, `norm1.bias` (mixer), `feed_forward.linear1.weight` …, `norm2.weight`,
 * `norm2.bias` (feed-forward).
 */

import type { FeedForwardActivation, RecurrentActivation } from "./activation.ts";
import {
  type FeedForwardOutput,
  type FeedForwardParameters,
  feedForwardBackward,
  feedForwardForward,
} from "./feed-forward.ts";
import { type GruOutput, gruBackward, gruForward } from "./gru.ts";
import { type LstmOutput, lstmBackward, lstmForward } from "./lstm.ts";
import { type LayerNormOutput, layerNormBackward, layerNormForward } from "./norm.ts";
import type { RecurrentParameters } from "./recurrent.ts";
import {
  type ProbabilityDropout,
  type SelfAttentionOutput,
  type SelfAttentionParameters,
  selfAttentionBackward,
  selfAttentionForward,
} from "./self-attention.ts";
import { addMatrix, type Matrix, type Tensors, type Vector } from "./tensor.ts";

/** How a sublayer is wrapped. */
export interface SublayerOptions {
  /** Whether the sublayer's input is added to its output. */
  residual: "none" | "add";
  /** Where its layer norm stands: nowhere, on what goes in, or on what comes out (after the addition). */
  norm: "none" | "pre" | "post";
}

/** What a block is made of; both sublayers are wrapped alike. */
export interface BlockConfig extends SublayerOptions {
  mixer: "gru" | "lstm" | "self-attention";
  /** N, of a self-attention; 1 if left out. */
  heads?: number;
  /** What a recurrence has in place of tanh; `tanh` if left out. */
  activation?: RecurrentActivation;
  /** Activation of the feed-forward sublayer; there is none if null or left out. */
  feedForward?: FeedForwardActivation | null;
}

/** What a block runs over. */
export interface BlockInput {
  /** [T, D] */
  x: Matrix;
  /** Attention weight of each step's input product, [T]; a recurrence only. All 1 if left out. */
  weights?: Vector;
  /** Dropout of the probabilities; a self-attention only. */
  dropout?: ProbabilityDropout;
}

type MixerOutput =
  | { kind: "gru"; y: Matrix; run: GruOutput }
  | { kind: "lstm"; y: Matrix; run: LstmOutput }
  | { kind: "self-attention"; y: Matrix; run: SelfAttentionOutput };

/** What a block gives. */
export interface BlockOutput {
  /** [T, D] */
  y: Matrix;
  mixer: SublayerOutput<MixerOutput>;
  feedForward?: SublayerOutput<FeedForwardOutput>;
}

/** Runs a block. */
export function blockForward(config: BlockConfig, parameters: Tensors, input: BlockInput): BlockOutput {
  const mixer = sublayerForward(config, parameters, "norm1", input.x, (x) =>
    mixerForward(config, parameters, { ...input, x }),
  );
  if (!config.feedForward) return { y: mixer.y, mixer };
  const { feedForward: activation } = config;
  const feedForward = sublayerForward(config, parameters, "norm2", mixer.y, (x) =>
    feedForwardForward(activation, feedForwardOf(parameters), x),
  );
  return { y: feedForward.y, mixer, feedForward };
}

/** Gradients of a block. */
export interface BlockGradients {
  /** [T, D] */
  dX: Matrix;
  /** [T]; zero for a self-attention */
  dWeights: Vector;
  /** Under the names of the parameters. */
  gradients: Tensors;
}

/** Takes dY, [T, D], back. */
export function blockBackward(
  config: BlockConfig,
  parameters: Tensors,
  input: BlockInput,
  output: BlockOutput,
  dY: Matrix,
): BlockGradients {
  const gradients: Tensors = {};
  let dMixed = dY;
  const { feedForward: activation } = config;
  if (activation && output.feedForward) {
    const { inner, input: x } = output.feedForward;
    dMixed = sublayerBackward(config, parameters, "norm2", output.mixer.y, output.feedForward, dY, gradients, (dF) => {
      const back = feedForwardBackward(activation, feedForwardOf(parameters), x, inner, dF);
      gradients["feed_forward.linear1.weight"] = back.dWeight1;
      gradients["feed_forward.linear1.bias"] = back.dBias1;
      gradients["feed_forward.linear2.weight"] = back.dWeight2;
      gradients["feed_forward.linear2.bias"] = back.dBias2;
      return back.dX;
    });
  }
  let dWeights = input.x.map(() => 0);
  const dX = sublayerBackward(config, parameters, "norm1", input.x, output.mixer, dMixed, gradients, (dF) => {
    const back = mixerBackward(config, parameters, { ...input, x: output.mixer.input }, output.mixer.inner, dF);
    Object.assign(gradients, back.gradients);
    if (back.dWeights) dWeights = back.dWeights;
    return back.dX;
  });
  return { dX, dWeights, gradients };
}

/** What a wrapped sublayer f gives. */
export interface SublayerOutput<Inner extends { y: Matrix }> {
  y: Matrix;
  /** What f was given: x or LN(x). */
  input: Matrix;
  /** What f gave. */
  inner: Inner;
  /** f(…), or x + f(…). */
  sum: Matrix;
  /** The norm, wherever it stands. */
  normed?: LayerNormOutput;
}

/**
 * Runs a sublayer with its residual and norm.
 *
 * @param name of the norm: its weight and bias are `name.weight` and `name.bias`
 * @param x [T, D]
 * @param f the sublayer itself
 */
export function sublayerForward<Inner extends { y: Matrix }>(
  options: SublayerOptions,
  parameters: Tensors,
  name: string,
  x: Matrix,
  f: (input: Matrix) => Inner,
): SublayerOutput<Inner> {
  const [gamma, beta] = [parameters[`${name}.weight`] as Vector, parameters[`${name}.bias`] as Vector];
  const before = options.norm === "pre" ? layerNormForward(x, gamma, beta) : undefined;
  const input = before?.y ?? x;
  const inner = f(input);
  const sum = inner.y.map((row) => [...row]);
  if (options.residual === "add") addMatrix(sum, x);
  const after = options.norm === "post" ? layerNormForward(sum, gamma, beta) : undefined;
  return { y: after?.y ?? sum, input, inner, sum, normed: before ?? after };
}

/**
 * Takes dY back to x, and puts the gradients of the norm with the others.
 *
 * @param fBackward takes the gradient of what f gave back to what f was given
 */
export function sublayerBackward<Inner extends { y: Matrix }>(
  options: SublayerOptions,
  parameters: Tensors,
  name: string,
  x: Matrix,
  output: SublayerOutput<Inner>,
  dY: Matrix,
  gradients: Tensors,
  fBackward: (dF: Matrix) => Matrix,
): Matrix {
  const throughNorm = (from: Matrix, dTo: Matrix): Matrix => {
    const back = layerNormBackward(from, parameters[`${name}.weight`] as Vector, output.normed!, dTo);
    gradients[`${name}.weight`] = back.dGamma;
    gradients[`${name}.bias`] = back.dBeta;
    return back.dX;
  };
  // post: y = LN(sum)
  const dSum = options.norm === "post" ? throughNorm(output.sum, dY) : dY;
  // sum = x + f(input)
  const dInput = fBackward(dSum);
  // pre: input = LN(x)
  const dX = (options.norm === "pre" ? throughNorm(x, dInput) : dInput).map((row) => [...row]);
  if (options.residual === "add") addMatrix(dX, dSum);
  return dX;
}

function mixerForward(config: BlockConfig, parameters: Tensors, input: BlockInput): MixerOutput {
  if (config.mixer === "self-attention") {
    if (input.weights) throw new RangeError("block: attention weights need a recurrence, got self-attention");
    const run = selfAttentionForward(config.heads ?? 1, selfAttentionOf(parameters), input);
    return { kind: "self-attention", y: run.y, run };
  }
  if (config.mixer === "gru") {
    const run = gruForward(recurrentOf(parameters), input, config.activation);
    return { kind: "gru", y: run.h, run };
  }
  const run = lstmForward(recurrentOf(parameters), input, config.activation);
  return { kind: "lstm", y: run.h, run };
}

function mixerBackward(
  config: BlockConfig,
  parameters: Tensors,
  input: BlockInput,
  output: MixerOutput,
  dY: Matrix,
): { dX: Matrix; dWeights?: Vector; gradients: Tensors } {
  if (output.kind === "self-attention") {
    const back = selfAttentionBackward(config.heads ?? 1, selfAttentionOf(parameters), input, output.run, dY);
    const gradients: Tensors = {
      "self_attention.in_proj_weight": back.dInProjWeight,
      "self_attention.in_proj_bias": back.dInProjBias,
      "self_attention.out_proj.weight": back.dOutProjWeight,
      "self_attention.out_proj.bias": back.dOutProjBias,
    };
    return { dX: back.dX, gradients };
  }
  const back =
    output.kind === "gru"
      ? gruBackward(recurrentOf(parameters), input, output.run, dY, config.activation)
      : lstmBackward(recurrentOf(parameters), input, output.run, dY, undefined, config.activation);
  const gradients: Tensors = {
    "recurrence.weight_ih_l0": back.dWeightIh,
    "recurrence.weight_hh_l0": back.dWeightHh,
    "recurrence.bias_ih_l0": back.dBiasIh,
    "recurrence.bias_hh_l0": back.dBiasHh,
  };
  return { dX: back.dX, dWeights: back.dWeights, gradients };
}

function recurrentOf(parameters: Tensors): RecurrentParameters {
  return {
    weightIh: parameters["recurrence.weight_ih_l0"] as Matrix,
    weightHh: parameters["recurrence.weight_hh_l0"] as Matrix,
    biasIh: parameters["recurrence.bias_ih_l0"] as Vector,
    biasHh: parameters["recurrence.bias_hh_l0"] as Vector,
  };
}

function selfAttentionOf(parameters: Tensors): SelfAttentionParameters {
  return {
    inProjWeight: parameters["self_attention.in_proj_weight"] as Matrix,
    inProjBias: parameters["self_attention.in_proj_bias"] as Vector,
    outProjWeight: parameters["self_attention.out_proj.weight"] as Matrix,
    outProjBias: parameters["self_attention.out_proj.bias"] as Vector,
  };
}

function feedForwardOf(parameters: Tensors): FeedForwardParameters {
  return {
    weight1: parameters["feed_forward.linear1.weight"] as Matrix,
    bias1: parameters["feed_forward.linear1.bias"] as Vector,
    weight2: parameters["feed_forward.linear2.weight"] as Matrix,
    bias2: parameters["feed_forward.linear2.bias"] as Vector,
  };
}
