import type { Preset } from "./preset.ts";

/**
 * GRU4Rec: Hidasi, Karatzoglou, Baltrunas, Tikk, "Session-based recommendations with recurrent neural networks", ICLR 2016.
 *
 * Differs from the paper: cross-entropy over the whole catalogue instead of sampled BPR/TOP1 losses; one embedding table for
 * input and output (the "constrained embedding" of Hidasi & Karatzoglou, CIKM 2018); Adam instead of Adagrad; batches of
 * whole histories instead of session-parallel ones.
 */
export const gru4rec: Preset = {
  name: "gru4rec",
  summary: "a GRU over the history",
  settings: { cell: "gru", interest: "none", dropout: 0.3 },
};
