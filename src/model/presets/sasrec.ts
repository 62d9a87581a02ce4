import type { Preset } from "./preset.ts";

/**
 * SASRec: Kang, McAuley, "Self-attentive sequential recommendation", ICDM 2018: two blocks of one-headed causal self-attention and
 * a point-wise feed-forward net of the same width with ReLU, learned positions, x + dropout(f(LN(x))), a norm at the end. As in
 * the authors' code, embeddings are multiplied by √D where they are read, and attention drops its weights, not its output.
 *
 * Differs from the paper: cross-entropy over the whole catalogue instead of one sampled negative; width 64 instead of 50;
 * histories longer than a window train in every window, not only the last. From the authors' code: keys and values are normalised
 * like queries, and what is added to f(LN(x)) is x, both as the paper writes it.
 */
export const sasrec: Preset = {
  name: "sasrec",
  summary: "self-attention over the last items, two blocks",
  settings: {
    mixer: "self-attention",
    interest: "none",
    layers: 2,
    heads: 1,
    attentionDropout: "weights",
    residual: "add",
    norm: "pre",
    feedForward: 1,
    feedForwardActivation: "relu",
    embeddingScale: "width",
    positions: "learned",
    dropout: 0.3,
    learningRate: 0.001,
  },
};
