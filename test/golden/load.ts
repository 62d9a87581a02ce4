/** Reads the fixtures of this folder, with their types. Each names the snippet that made it; README.md says how to remake them. */

import { readFileSync } from "node:fs";

/** A fixture file: where it came from, and its cases. */
export interface Golden<Case> {
  /** File beside this one that made it. */
  snippet: string;
  /** Version of PyTorch it was made with. */
  torch: string;
  about: string;
  cases: Case[];
}

/** Weights or gradients of one recurrent layer under PyTorch's names; G is 3 (GRU) or 4 (LSTM). */
export interface RecurrentTensors {
  /** [G·H, D] */
  weight_ih_l0: number[][];
  /** [G·H, H] */
  weight_hh_l0: number[][];
  /** [G·H] */
  bias_ih_l0: number[];
  /** [G·H] */
  bias_hh_l0: number[];
}

/** One pass over the batch; everything is a list over the B sequences. Loss: Σ h·dH (LSTM: + Σ cLast·dCLast). */
export interface RecurrentRun {
  initial: "zero" | "given";
  /** [B][H] */
  h0: number[][];
  /** [B][T_b][H] */
  h: number[][][];
  /** [B][T_b][D] */
  dX: number[][][];
  /** [B][T_b] */
  dWeights: number[][];
  /** [B][H] */
  dH0: number[][];
  /** Summed over the batch. */
  gradients: RecurrentTensors;
}

/** What an LSTM has besides; [B][H] each. */
export interface LstmRun extends RecurrentRun {
  c0: number[][];
  cLast: number[][];
  dCLast: number[][];
  dC0: number[][];
}

/** A layer, a ragged batch (longest first) whose input is x_t·w_t, and the gradient of every h_t. */
export interface RecurrentCase<Run extends RecurrentRun> {
  inputSize: number;
  hiddenSize: number;
  /** T_b, falling */
  lengths: number[];
  parameters: RecurrentTensors;
  /** [B][T_b][D] */
  x: number[][][];
  /** [B][T_b] */
  weights: number[][];
  /** [B][T_b][H] */
  dH: number[][][];
  runs: Run[];
}

/** One history and its attention. Loss: Σ w·dWeights. */
export interface AttentionSequence {
  /** [T][D] */
  x: number[][];
  /** [T] */
  dWeights: number[];
  /** [1][D] for `sequence`, [T][D] for `causal` */
  u: number[][];
  /** [T] */
  weights: number[];
  /** [T][D], the path through u included */
  dX: number[][];
  /** [D], zero unless the interest is `learned` */
  dLearned: number[];
}

/** One kind of attention over several histories. */
export interface AttentionCase {
  interest: "learned" | "last" | "mean";
  normalize: "sequence" | "causal";
  scale: "none" | "length";
  /** [D] */
  learned: number[];
  sequences: AttentionSequence[];
}

/** Gradients of scale·Σ losses, logits = h·eᵀ. */
export interface CrossEntropyCase {
  /** [rows][D] */
  h: number[][];
  /** [V][D] */
  e: number[][];
  /** [rows] */
  targets: number[];
  /** null: 1 / rows */
  scale: number | null;
  /** [rows] */
  losses: number[];
  /** [rows][D] */
  dH: number[][];
  /** [V][D] */
  dE: number[][];
}

/** Gradients of Σ y·dY, ε = 1e-5. */
export interface NormCase {
  /** [rows][D] */
  x: number[][];
  /** [D] */
  gamma: number[];
  /** [D] */
  beta: number[];
  /** [rows][D] */
  dY: number[][];
  /** [rows][D] */
  y: number[][];
  /** [rows][D] */
  dX: number[][];
  /** [D] */
  dGamma: number[];
  /** [D] */
  dBeta: number[];
}

/** Ten steps over two tensors with given gradients. */
export interface AdamCase {
  optimizer: "Adam" | "AdamW";
  /** null: no clipping */
  maxNorm: number | null;
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** A list of each tensor's numbers. */
  initial: number[][];
  /** `gradients` before clipping, `norm` of them all, `values` after the step. */
  steps: { gradients: number[][]; norm: number; values: number[][] }[];
}

/** A whole model, and what ten steps of training did to it. */
export interface TrainingCase {
  name: "gru" | "lstm" | "attentive-gru" | "attentive-lstm" | "stacked-gru";
  /** V */
  items: number;
  /** D = H */
  width: number;
  blocks: ("gru" | "lstm")[];
  attention: { interest: "learned"; normalize: "sequence" | "causal"; scale: "none" | "length" } | null;
  /** Which positions the loss is the mean of: all of the batch, or the last of each history. */
  positions: "all" | "last";
  optimizer: {
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    maxNorm: number;
  };
  /** Longest first; `targets[t]` follows `inputs[t]`. */
  batch: { inputs: number[]; targets: number[] }[];
  /** Before each step. */
  losses: number[];
  /** Before each step and before clipping. */
  norms: number[];
  /** `embedding.weight`, `attention.interest`, `blocks.N.recurrence.weight_ih_l0` …; vectors or matrices. */
  initial: Record<string, number[] | number[][]>;
  /** Before clipping. */
  firstGradients: Record<string, number[] | number[][]>;
  /** After the last step. */
  final: Record<string, number[] | number[][]>;
}

/** Values of one function: [x, f(x)]. */
export interface MathCase {
  name: "exp" | "sigmoid" | "tanh" | "erfc" | "normalQuantile";
  rows: [number, number][];
}

/** Every fixture by its file name. */
export interface GoldenFiles {
  "gru.json": RecurrentCase<RecurrentRun>;
  "lstm.json": RecurrentCase<LstmRun>;
  "attention.json": AttentionCase;
  "cross_entropy.json": CrossEntropyCase;
  "norm.json": NormCase;
  "adam.json": AdamCase;
  "training.json": TrainingCase;
  "math.json": MathCase;
}

/**
 * Reads one fixture.
 *
 * @param name file name in this folder
 */
export function loadGolden<Name extends keyof GoldenFiles>(name: Name): Golden<GoldenFiles[Name]> {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")) as Golden<GoldenFiles[Name]>;
}
