import type { Preset } from "./preset.ts";

export const attune: Preset = {
  name: "attune",
  summary: "interest attention, then two residual GRU blocks with feed-forward nets",
  settings: {
    cell: "gru",
    interest: "learned",
    layers: 2,
    residual: "add",
    norm: "pre",
    feedForward: 4,
    feedForwardActivation: "gelu",
    dropout: 0.3,
  },
};
