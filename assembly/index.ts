// All kernels: what training and evaluation need. Exports only; the interface is described in assembly/README.md.

export * from "./inference";
export { activationBackwardF32 } from "./kernel/activation";
export {
  movingAttentionBackwardF32,
  softmaxCausalBackwardF32,
  softmaxSequenceBackwardF32,
} from "./kernel/attention";
export { dropoutF32 } from "./kernel/dropout";
export { gatherBackwardF32 } from "./kernel/gather";
export { gruBackwardF32 } from "./kernel/gru";
export {
  binaryCrossEntropyF32,
  headBackwardItemsF32,
  headBackwardRowsF32,
  squaredErrorF32,
} from "./kernel/head";
export { meanBackwardF32, runningMeanBackwardF32 } from "./kernel/interest";
export { leaveOutF32 } from "./kernel/left-out";
export { crossEntropyF32, crossEntropyTableF32 } from "./kernel/loss";
export { lstmBackwardF32 } from "./kernel/lstm";
export { layerNormBackwardF32, layerNormBackwardWeightsF32 } from "./kernel/norm";
export { adamF32, adamRowsF32, catchUpRowsF32, squaresF64 } from "./kernel/optim";
export { multiplyAddF32 } from "./kernel/peak";
export { fillNormalF32, fillUniformF32, randomIndex } from "./kernel/random";
export { columnSumsF32, previousRowsF32, rowDotsF32 } from "./kernel/rows";
export { sampledCrossEntropyF32 } from "./kernel/sampled";
export { scoreBackwardF32 } from "./kernel/score";
export { selfAttentionBackwardF32 } from "./kernel/self-attention";
