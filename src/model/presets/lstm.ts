import type { Preset } from "./preset.ts";

/**
 * A plain LSTM (Hochreiter & Schmidhuber, Neural Computation 1997; forget gate of Gers et al., 2000) in place of the GRU of
 * `gru4rec`; everything else is the same.
 */
export const lstm: Preset = {
  name: "lstm",
  summary: "an LSTM over the history",
  settings: { cell: "lstm", interest: "none", dropout: 0.3 },
};
