import type { Preset } from "./preset.ts";

export const attentiveGru: Preset = {
  name: "attentive-gru",
  summary: "attention of a learned interest over the history, then a GRU",
  settings: { cell: "gru", interest: "learned", dropout: 0.3 },
};
