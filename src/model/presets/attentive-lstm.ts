import type { Preset } from "./preset.ts";

/** As `attentive-gru`, with an LSTM (forget bias 1) for the GRU. */
export const attentiveLstm: Preset = {
  name: "attentive-lstm",
  summary: "attention of a learned interest over the history, then an LSTM",
  settings: { cell: "lstm", interest: "learned", dropout: 0.3 },
};
