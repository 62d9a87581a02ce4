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

/** Tensors by their names: vectors or matrices. */
export type GoldenTensors = Record<string, number[] | number[][]>;

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

/** A pass of a cell with another activation in place of tanh. */
export type ActivationRun<Run extends RecurrentRun> = Run & { activation: "relu" | "sigmoid" | "identity" };

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

/** A score other than dot over several histories, for every interest × normalisation. Loss: Σ w·dWeights. */
export interface AttentionScoreCase {
  score: "mlp" | "gaussian";
  /** σ that is not trained; null: `log_sigma` is, or there is none */
  sigma: number | null;
  /** mlp: `w`, `u` [A, D], `b`, `v` [A], A = D; gaussian with a trained σ: `log_sigma` [1] */
  parameters: GoldenTensors;
  /** [D] */
  learned: number[];
  /** [B][T_b][D] */
  x: number[][][];
  /** [B][T_b] */
  dWeights: number[][];
  runs: {
    interest: "learned" | "last" | "mean";
    normalize: "sequence" | "causal";
    scale: "none" | "length";
    /** [B][T_b] */
    weights: number[][];
    /** [B][T_b][D], the path through u included */
    dX: number[][][];
    /** [D], summed over histories; zero unless the interest is `learned` */
    dLearned: number[];
    /** Summed over histories. */
    gradients: GoldenTensors;
  }[];
}

/** A cell over x_t·w_t for every score × interest × normalisation, scale `length`, zero state. Loss: Σ h·dH. */
export interface AttentiveCellCase {
  cell: "gru" | "lstm";
  parameters: RecurrentTensors;
  /** [D] */
  learned: number[];
  /** Parameters of each score, as in AttentionScoreCase. */
  scores: Record<"dot" | "mlp" | "gaussian", GoldenTensors>;
  /** [B][T_b][D] */
  x: number[][][];
  /** [B][T_b][H] */
  dH: number[][][];
  runs: {
    score: "dot" | "mlp" | "gaussian";
    interest: "learned" | "last" | "mean";
    normalize: "sequence" | "causal";
    scale: "length";
    /** [B][T_b][H] */
    h: number[][][];
    /** [B][T_b][D], the path through the weights included */
    dX: number[][][];
    /** [D], summed over histories; zero unless the interest is `learned` */
    dLearned: number[];
    /** Of the score's parameters, summed over histories. */
    gradients: GoldenTensors;
  }[];
}

/** Values and slopes of one activation: [x, f(x), f'(x)]. */
export interface ActivationCase {
  name: "tanh" | "relu" | "sigmoid" | "identity" | "gelu";
  rows: [number, number, number][];
}

/** A self-attention over sequences of their own. Loss: Σ y·dY. */
export interface SelfAttentionCase {
  /** D */
  width: number;
  /** N */
  heads: number;
  /** `in_proj_weight`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias` */
  parameters: GoldenTensors;
  /** [B][T_b][D] */
  x: number[][][];
  /** [B][T_b][D] */
  dY: number[][][];
  runs: {
    /** Dropout of the probabilities. */
    rate: number;
    /** Which are kept, [B][N][T_b][T_b]; null: all */
    keep: boolean[][][][] | null;
    /** [B][T_b][D] */
    y: number[][][];
    /** [B][T_b][D] */
    dX: number[][][];
    /** Summed over sequences. */
    gradients: GoldenTensors;
  }[];
}

/** Gradients of Σ y·dY. */
export interface FeedForwardCase {
  activation: "relu" | "gelu";
  /** `linear1.weight` [F, D], `linear1.bias` [F], `linear2.weight` [D, F], `linear2.bias` [D] */
  parameters: GoldenTensors;
  /** [rows][D] */
  x: number[][];
  /** [rows][D] */
  dY: number[][];
  /** [rows][D] */
  y: number[][];
  /** [rows][D] */
  dX: number[][];
  gradients: GoldenTensors;
}

/** What a block is made of. */
export interface GoldenBlock {
  mixer: "gru" | "lstm" | "self-attention";
  /** N; a self-attention only */
  heads?: number;
  /** Of a recurrence; left out: tanh */
  activation?: "relu";
  residual: "none" | "add";
  norm: "none" | "pre" | "post";
  /** Its activation; null: no feed-forward sublayer */
  feedForward: "relu" | "gelu" | null;
}

/** Blocks of one mixer over sequences of their own. Loss: Σ y·dY. */
export interface BlockCase {
  /** Of a block that has everything, under names without `blocks.N.`; a run uses those in its `gradients`. */
  parameters: GoldenTensors;
  /** [B][T_b][D] */
  x: number[][][];
  /** Attention weights, [B][T_b]; null for a self-attention */
  weights: number[][] | null;
  /** [B][T_b][D] */
  dY: number[][][];
  runs: {
    config: GoldenBlock;
    /** [B][T_b][D] */
    y: number[][][];
    /** [B][T_b][D] */
    dX: number[][][];
    /** [B][T_b]; null for a self-attention */
    dWeights: number[][] | null;
    /** Summed over sequences. */
    gradients: GoldenTensors;
  }[];
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
  initial: GoldenTensors;
  /** Before clipping. */
  firstGradients: GoldenTensors;
  /** After the last step. */
  final: GoldenTensors;
}

/** A whole model of blocks, and what ten steps of training did to it. */
export interface BlocksTrainingCase extends Omit<TrainingCase, "name" | "blocks" | "attention"> {
  name: "sasrec" | "attune" | "post-lstm" | "mlp-gru" | "gaussian-lstm-relu";
  blocks: GoldenBlock[];
  /** score left out: dot */
  attention: {
    interest: "learned" | "last" | "mean";
    normalize: "sequence" | "causal";
    scale: "none" | "length";
    score?: "mlp" | "gaussian";
  } | null;
  /** Whether `positions.weight` [7, D] is added to the embedding: the last row at the last step, the one before it at the one before. */
  learnedPositions: boolean;
  /** Whether `output_norm` follows the last block. */
  outputNorm: boolean;
}

/**
 * Whole models that share settings and the values of tensors. Texts are base64: of `tensors` and `features` a signed byte a
 * number, 128 times as large; of digests f32. A digest is a tensor's norm and two sums of its numbers, each times one of
 * `probes[0]` or `probes[1]`, repeated as often as needed.
 */
export interface CombinationCase {
  name: string;
  /** Under the names of src/model/config.ts, as those of a run. */
  settings: Record<string, unknown>;
  /** Of all runs; a run has those that its settings ask for, in this order. No `embedding.weight`: a model without items. */
  tensors: Record<string, string>;
  runs: {
    settings: Record<string, unknown>;
    /** Mean over the trained steps: all; where weights see the whole history, or features have one label, the last. */
    loss: number;
    /** Digests of y [B, D] after each last step, of the weights [ΣT] if there are any, and of each gradient. */
    digests: string;
    /** With a head, what it says after each last step, [B]: ratings, or probabilities. */
    predicted?: number[];
    /** With a head, ten steps of AdamW; `norms` before clipping, digests of the `final` parameters, the bias of k as 0. */
    training?: { losses: number[]; norms: number[]; final: string };
  }[];
}

/** What the cases of combinations.json have in common. */
export interface CombinationsHead {
  /** V */
  items: number;
  /** Rows of `attention.users`. */
  users: number;
  /** In no order; `user` null: not known. Numbers a step: 5 in `features`. */
  batch: {
    inputs: number[];
    targets: number[];
    user: number | null;
    ratings: number[];
    clicks: number[];
    features: string;
  }[];
  probes: [string, string];
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
  "gru_activation.json": RecurrentCase<ActivationRun<RecurrentRun>>;
  "lstm_activation.json": RecurrentCase<ActivationRun<LstmRun>>;
  "attention.json": AttentionCase;
  "attention_scores.json": AttentionScoreCase;
  "attentive_cells.json": AttentiveCellCase;
  "activation.json": ActivationCase;
  "self_attention.json": SelfAttentionCase;
  "feed_forward.json": FeedForwardCase;
  "blocks.json": BlockCase;
  "cross_entropy.json": CrossEntropyCase;
  "norm.json": NormCase;
  "adam.json": AdamCase;
  "training.json": TrainingCase;
  "training-blocks.json": BlocksTrainingCase;
  "combinations.json": CombinationCase;
  "math.json": MathCase;
}

/** What files say beside their cases. */
interface GoldenHeads {
  "combinations.json": CombinationsHead;
}

/**
 * Reads one fixture.
 *
 * @param name file name in this folder
 */
export function loadGolden<Name extends keyof GoldenFiles>(
  name: Name,
): Golden<GoldenFiles[Name]> & (Name extends keyof GoldenHeads ? GoldenHeads[Name] : unknown) {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
}

/** Reads base64 of a signed byte a number, in 128ths. */
export function bytesOf(text: string): Float32Array {
  return Float32Array.from(Int8Array.from(Buffer.from(text, "base64")), (byte) => byte / 128);
}

/** Reads base64 of f32. */
export function floatsOf(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
