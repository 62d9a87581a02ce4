import type { Preset } from "./preset.ts";

/**
 * SASRec: Kang, McAuley, "Self-attentive sequential recommendation", ICDM 2018: two blocks of one-headed causal self-attention and
 * a point-wise feed-forward net of the same width with ReLU, learned positions, x + dropout(f(LN(x))), a norm at the end.
 *
 * Differs from the paper: cross-entropy over the whole catalogue instead of one sampled negative; width 64 instead of 50;
 * histories longer than a window train in every window, not only the last.
 */
export const sasrec: Preset = {
  name: "sasrec",
  summary: "self-attention over the last items, two blocks",
  settings: {
    mixer: "self-attention",
    interest: "none",
    layers: 2,
    heads: 1,
    residual: "add",
    norm: "pre",
    feedForward: 1,
    feedForwardActivation: "relu",
    positions: "learned",
    dropout: 0.3,
    learningRate: 0.001,
  },
};
