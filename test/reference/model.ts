/**
 * A whole model made of the twins: embedding (+ positions) → optional attention → blocks → optional norm → scores against the
 * same embedding.
 *
 * One table serves as input and output, so D = H. Without dropout.
 */

import { adamState, adamStep, clipGradientNorm } from "./adam.ts";
import { type AttentionOptions, attentionBackward, attentionForward } from "./attention.ts";
import { type BlockConfig, type BlockInput, type BlockOutput, blockBackward, blockForward } from "./block.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cross-entropy.ts";
import { embeddingBackward, embeddingForward } from "./embedding.ts";
import { layerNormBackward, layerNormForward } from "./norm.ts";
import { type Sample, sampledSoftmaxBackward, sampledSoftmaxForward } from "./sampled-softmax.ts";
import { type ScoreKind, scoreOf } from "./score.ts";
import {
  addMatrix,
  addScaled,
  addTensors,
  isMatrix,
  type Matrix,
  type Tensors,
  tensorsUnder,
  type Vector,
  zeroMatrix,
  zerosLike,
} from "./tensor.ts";

export type { Tensors } from "./tensor.ts";

/** How a model weighs its history. */
export interface ModelAttention extends AttentionOptions {
  /** `dot` if left out. */
  score?: ScoreKind;
  /** σ of a `gaussian` that is not trained; `attention.score.log_sigma` is trained if left out. */
  sigma?: number;
}

/** What a model is made of. */
export interface ModelConfig {
  /** `gru` and `lstm` by themselves are plain: no residual, no norm, no feed-forward. */
  blocks: ("gru" | "lstm" | BlockConfig)[];
  /** The weights multiply the input product of the first block, which has to be a recurrence. */
  attention: ModelAttention | null;
  /** Which positions predict the next item: all of them, or the last of each history. */
  positions: "all" | "last";
  /** Whether a trained vector for each step is added to the embedding, the last row at the last step; no history has more steps than rows. */
  learnedPositions?: boolean;
  /** Whether a layer norm follows the last block. */
  outputNorm?: boolean;
}

/** One history, and the item after each of its positions. */
export interface Sequence {
  inputs: number[];
  targets: number[];
}

/**
 * Loss of a batch and its gradients, before clipping. Tensors go by their names: `embedding.weight` [V, D], `positions.weight`
 * [window, D], `attention.interest` [D], `attention.score.w` … or `attention.score.log_sigma` [1], `blocks.N.` and the names of
 * block.ts, `output_norm.weight` and `output_norm.bias` [D].
 */
export interface ModelStep {
  /** Mean over all trained positions of the batch. */
  loss: number;
  /** Gradients under the names of the parameters. */
  gradients: Tensors;
}

/** How a model is trained. */
export interface TrainingOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  maxNorm: number;
}

/**
 * Runs a batch forward and backward.
 * @param sample negatives that stand for the catalogue; the loss is over all of it if left out
 */
export function modelStep(
  config: ModelConfig,
  parameters: Tensors,
  batch: readonly Sequence[],
  sample?: Sample,
): ModelStep {
  const table = parameters["embedding.weight"] as Matrix;
  const learned = (parameters["attention.interest"] as Vector | undefined) ?? [];
  const { score: kind = "dot", sigma } = config.attention ?? {};
  const scoreTensors =
    sigma === undefined ? tensorsUnder(parameters, "attention.score.") : { log_sigma: [Math.log(sigma)] };
  const score = scoreOf(kind, scoreTensors);
  const blocks = config.blocks.map(blockConfigOf);
  const blockParameters = blocks.map((_, index) => tensorsUnder(parameters, `blocks.${index}.`));
  const [gamma, beta] = [parameters["output_norm.weight"] as Vector, parameters["output_norm.bias"] as Vector];
  const gradients = zerosLike(parameters);
  const firstOf = (sequence: Sequence): number => (config.positions === "last" ? sequence.inputs.length - 1 : 0);
  const trained = batch.reduce((sum, sequence) => sum + sequence.inputs.length - firstOf(sequence), 0);
  let loss = 0;

  for (const sequence of batch) {
    // 1. forward: x = E[inputs] + P[window−T … window−1], w = attention(x), y = blocks(x, w), h = LN(y)
    const x = embeddingForward(table, sequence.inputs);
    const positions = (parameters["positions.weight"] as Matrix | undefined) ?? [];
    const places = x.map((_, t) => positions.length - x.length + t);
    if (config.learnedPositions) addMatrix(x, embeddingForward(positions, places));
    const weights = config.attention ? attentionForward(config.attention, x, learned, score) : undefined;
    const inputs: BlockInput[] = [];
    const outputs: BlockOutput[] = [];
    for (const [index, block] of blocks.entries()) {
      inputs.push(index === 0 ? { x, weights } : { x: outputs[index - 1].y });
      outputs.push(blockForward(block, blockParameters[index], inputs[index]));
    }
    const { y } = outputs[outputs.length - 1];
    const normed = config.outputNorm ? layerNormForward(y, gamma, beta) : undefined;

    // 2. loss at the trained positions, logits = h·Eᵀ
    const first = firstOf(sequence);
    const h = (normed?.y ?? y).slice(first);
    const targets = sequence.targets.slice(first);
    const losses = sample ? sampledSoftmaxForward(h, table, targets, sample) : crossEntropyForward(h, table, targets);
    for (const one of losses) loss += one / trained;

    // 3. backward
    const scores = sample
      ? sampledSoftmaxBackward(h, table, targets, sample, 1 / trained)
      : crossEntropyBackward(h, table, targets, 1 / trained);
    addMatrix(gradients["embedding.weight"] as Matrix, scores.dE);
    let dX = [...zeroMatrix(first, table[0].length), ...scores.dH];
    if (normed) {
      const back = layerNormBackward(y, gamma, normed, dX);
      addTensors(gradients, { "output_norm.weight": back.dGamma, "output_norm.bias": back.dBeta });
      dX = back.dX;
    }
    let dWeights: Vector = [];
    for (let index = blocks.length - 1; index >= 0; index--) {
      const back = blockBackward(blocks[index], blockParameters[index], inputs[index], outputs[index], dX);
      addTensors(gradients, back.gradients, `blocks.${index}.`);
      dX = back.dX;
      dWeights = back.dWeights;
    }
    if (config.attention) {
      const back = attentionBackward(config.attention, x, learned, dWeights, score);
      addMatrix(dX, back.dX);
      if (config.attention.interest === "learned") addScaled(gradients["attention.interest"] as Vector, back.dLearned);
      if (sigma === undefined) addTensors(gradients, back.dScore, "attention.score.");
    }
    if (config.learnedPositions) {
      addMatrix(gradients["positions.weight"] as Matrix, embeddingBackward(positions, places, dX));
    }
    addMatrix(gradients["embedding.weight"] as Matrix, embeddingBackward(table, sequence.inputs, dX));
  }
  return { loss, gradients };
}

/** What a training run went through. */
export interface TrainingRun {
  /** Loss before each step. */
  losses: Vector;
  /** Global gradient norm before clipping, at each step. */
  norms: Vector;
  /** Gradients of the first step, before clipping. */
  firstGradients: Tensors;
  /** Parameters after the last step. */
  final: Tensors;
}

/** Trains on the same batch for a number of steps, with clipping and Adam; the parameters given stay as they are. */
export function trainModel(
  config: ModelConfig,
  initial: Tensors,
  batch: readonly Sequence[],
  options: TrainingOptions,
  steps: number,
): TrainingRun {
  const names = Object.keys(initial);
  const values = new Map(names.map((name) => [name, flat(initial[name])]));
  const states = new Map(names.map((name) => [name, adamState(flat(initial[name]).length)]));
  const run: TrainingRun = { losses: [], norms: [], firstGradients: {}, final: {} };
  for (let step = 0; step < steps; step++) {
    const { loss, gradients } = modelStep(config, shapedAll(), batch);
    if (step === 0) run.firstGradients = gradients;
    const flatGradients = names.map((name) => flat(gradients[name]));
    run.losses.push(loss);
    run.norms.push(clipGradientNorm(flatGradients, options.maxNorm));
    for (const [index, name] of names.entries()) {
      adamStep(values.get(name)!, flatGradients[index], states.get(name)!, { ...options, decoupled: false });
    }
  }
  run.final = shapedAll();
  return run;

  function shapedAll(): Tensors {
    return Object.fromEntries(names.map((name) => [name, shaped(values.get(name)!, initial[name])]));
  }
}

/** Writes a block named by its cell alone in full. */
function blockConfigOf(block: "gru" | "lstm" | BlockConfig): BlockConfig {
  return typeof block === "string" ? { mixer: block, residual: "none", norm: "none" } : block;
}

function flat(value: Matrix | Vector): Vector {
  return isMatrix(value) ? value.flat() : [...value];
}

function shaped(values: Vector, like: Matrix | Vector): Matrix | Vector {
  if (!isMatrix(like)) return [...values];
  const width = like[0].length;
  return like.map((_, row) => values.slice(row * width, (row + 1) * width));
}
