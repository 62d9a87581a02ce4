/**
 * A whole model made of the twins: embedding → optional attention → recurrent blocks → scores against the same embedding.
 *
 * One table serves as input and output, so D = H. Blocks are stacked plainly, without residual, norm or dropout.
 */

import { adamState, adamStep, clipGradientNorm } from "./adam.ts";
import { type AttentionOptions, attentionBackward, attentionForward } from "./attention.ts";
import { crossEntropyBackward, crossEntropyForward } from "./cross-entropy.ts";
import { embeddingBackward, embeddingForward } from "./embedding.ts";
import { gruBackward, gruForward } from "./gru.ts";
import { lstmBackward, lstmForward } from "./lstm.ts";
import type { RecurrentGradients, RecurrentParameters } from "./recurrent.ts";
import { addMatrix, addScaled, type Matrix, type Vector, zeroMatrix, zeros } from "./tensor.ts";

/** What a model is made of. */
export interface ModelConfig {
  blocks: ("gru" | "lstm")[];
  attention: AttentionOptions | null;
  /** Which positions predict the next item: all of them, or the last of each history. */
  positions: "all" | "last";
}

/** One history, and the item after each of its positions. */
export interface Sequence {
  inputs: number[];
  targets: number[];
}

/**
 * Tensors by their names: `embedding.weight` [V, D], `attention.interest` [D], and `blocks.N.recurrence.weight_ih_l0`,
 * `…weight_hh_l0`, `…bias_ih_l0`, `…bias_hh_l0`.
 */
export type Tensors = Record<string, Matrix | Vector>;

/** Loss of a batch and its gradients, before clipping. */
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

/** Runs a batch forward and backward. */
export function modelStep(config: ModelConfig, parameters: Tensors, batch: readonly Sequence[]): ModelStep {
  const table = parameters["embedding.weight"] as Matrix;
  const learned = (parameters["attention.interest"] as Vector | undefined) ?? [];
  const blocks = config.blocks.map((_, index) => recurrentOf(parameters, index));
  const gradients: Tensors = {};
  for (const [name, value] of Object.entries(parameters)) gradients[name] = zerosLike(value);
  const firstOf = (sequence: Sequence): number => (config.positions === "last" ? sequence.inputs.length - 1 : 0);
  const trained = batch.reduce((sum, sequence) => sum + sequence.inputs.length - firstOf(sequence), 0);
  let loss = 0;

  for (const sequence of batch) {
    // 1. forward: x = E[inputs], w = attention(x), h = blocks(w·x)
    const x = embeddingForward(table, sequence.inputs);
    const weights = config.attention ? attentionForward(config.attention, x, learned) : undefined;
    const inputs: BlockInput[] = [];
    const outputs: BlockOutput[] = [];
    for (const [index, kind] of config.blocks.entries()) {
      inputs.push(index === 0 ? { x, weights } : { x: outputs[index - 1].h });
      outputs.push(runForward(kind, blocks[index], inputs[index]));
    }

    // 2. loss at the trained positions, logits = h·Eᵀ
    const first = firstOf(sequence);
    const h = outputs[outputs.length - 1].h.slice(first);
    const targets = sequence.targets.slice(first);
    for (const one of crossEntropyForward(h, table, targets)) loss += one / trained;

    // 3. backward
    const scores = crossEntropyBackward(h, table, targets, 1 / trained);
    addMatrix(gradients["embedding.weight"] as Matrix, scores.dE);
    let dH = [...zeroMatrix(first, table[0].length), ...scores.dH];
    let dWeights: Vector = [];
    for (let index = config.blocks.length - 1; index >= 0; index--) {
      const back = runBackward(blocks[index], inputs[index], outputs[index], dH);
      addRecurrent(gradients, index, back);
      dH = back.dX;
      dWeights = back.dWeights;
    }
    if (config.attention) {
      const back = attentionBackward(config.attention, x, learned, dWeights);
      addMatrix(dH, back.dX);
      if (config.attention.interest === "learned") addScaled(gradients["attention.interest"] as Vector, back.dLearned);
    }
    addMatrix(gradients["embedding.weight"] as Matrix, embeddingBackward(table, sequence.inputs, dH));
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

function recurrentOf(parameters: Tensors, index: number): RecurrentParameters {
  const prefix = `blocks.${index}.recurrence.`;
  return {
    weightIh: parameters[`${prefix}weight_ih_l0`] as Matrix,
    weightHh: parameters[`${prefix}weight_hh_l0`] as Matrix,
    biasIh: parameters[`${prefix}bias_ih_l0`] as Vector,
    biasHh: parameters[`${prefix}bias_hh_l0`] as Vector,
  };
}

function addRecurrent(gradients: Tensors, index: number, source: RecurrentGradients): void {
  const prefix = `blocks.${index}.recurrence.`;
  addMatrix(gradients[`${prefix}weight_ih_l0`] as Matrix, source.dWeightIh);
  addMatrix(gradients[`${prefix}weight_hh_l0`] as Matrix, source.dWeightHh);
  addScaled(gradients[`${prefix}bias_ih_l0`] as Vector, source.dBiasIh);
  addScaled(gradients[`${prefix}bias_hh_l0`] as Vector, source.dBiasHh);
}

type BlockInput = { x: Matrix; weights?: Vector };
type BlockOutput =
  | ({ kind: "gru" } & ReturnType<typeof gruForward>)
  | ({ kind: "lstm" } & ReturnType<typeof lstmForward>);

function runForward(kind: "gru" | "lstm", parameters: RecurrentParameters, input: BlockInput): BlockOutput {
  if (kind === "gru") return { kind, ...gruForward(parameters, input) };
  return { kind, ...lstmForward(parameters, input) };
}

function runBackward(parameters: RecurrentParameters, input: BlockInput, output: BlockOutput, dH: Matrix) {
  if (output.kind === "gru") return gruBackward(parameters, input, output, dH);
  return lstmBackward(parameters, input, output, dH);
}

function isMatrix(value: Matrix | Vector): value is Matrix {
  return Array.isArray(value[0]);
}

function zerosLike(value: Matrix | Vector): Matrix | Vector {
  return isMatrix(value) ? zeroMatrix(value.length, value[0].length) : zeros(value.length);
}

function flat(value: Matrix | Vector): Vector {
  return isMatrix(value) ? value.flat() : [...value];
}

function shaped(values: Vector, like: Matrix | Vector): Matrix | Vector {
  if (!isMatrix(like)) return [...values];
  const width = like[0].length;
  return like.map((_, row) => values.slice(row * width, (row + 1) * width));
}
