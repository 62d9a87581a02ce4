import { OPEN_DROPOUT } from "../config.ts";
import type { Preset } from "./preset.ts";

/**
 * Interest attention, then two residual GRU blocks with a feed-forward net each and a layer norm after every sublayer: the attention
 * of `attentive-gru` with the stacking of linear recurrent recommenders, x = LN(x + f(x)) (LRURec, Yue et al., WSDM 2024).
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
    feedForward: 4,
    feedForwardActivation: "gelu",
    rivals: "auto",
    dropout: OPEN_DROPOUT,
    learningRate: 0.001,
  },
};
