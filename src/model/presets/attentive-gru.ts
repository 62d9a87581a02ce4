import type { Preset } from "./preset.ts";

/**
 * The model attune is named for: z_t = <x_t, u>, w = softmax(z) over the history, h = GRU(x_t · w_t), scores of all items from
 * h_T. Its nearest published relative puts self-attention before a bidirectional LSTM (Zhao, You, Wen, Li, Entropy 22(8):870, 2020).
 *
 * Differs from the bare formula: u is one learned vector; weights are normalised over the steps so far, so that every position
 * trains in one pass (`normalize=sequence` is the formula to the letter, and learns far less from the same data); they are
 * multiplied by the number of those steps, because a softmax over T items averages 1/T and would starve the gates.
 */
export const attentiveGru: Preset = {
  name: "attentive-gru",
  summary: "attention of a learned interest over the history, then a GRU",
  settings: { cell: "gru", interest: "learned", dropout: 0.3 },
};
