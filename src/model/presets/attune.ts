import type { Preset } from "./preset.ts";

/**
 * Interest attention, then two residual GRU blocks with a layer norm after each: the attention of `attentive-gru` with the stacking
 * that linear recurrent recommenders use (LRURec, Yue et al., WSDM 2024: x = LN(x + f(x))). On validation, feed-forward nets in the
 * blocks added time and nothing else, so there are none.
 */
export const attune: Preset = {
  name: "attune",
  summary: "interest attention, then two residual GRU blocks",
  settings: {
    cell: "gru",
    interest: "learned",
    layers: 2,
    residual: "add",
    norm: "post",
    dropout: 0.3,
    learningRate: 0.002,
  },
};
