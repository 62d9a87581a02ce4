// The kernels an answer needs: what the edge entry ships. assembly/index.ts adds what training needs.

import { expF64, log2F64 } from "./core/math";

export { activationForwardF32 } from "./kernel/activation";
export {
  movingAttentionForwardF32,
  softmaxCausalForwardF32,
  softmaxSequenceForwardF32,
} from "./kernel/attention";
export { gatherForwardF32 } from "./kernel/gather";
export { gemmF32, packF32 } from "./kernel/gemm";
export { gruForwardF32 } from "./kernel/gru";
export { headForwardF32, sigmoidF32 } from "./kernel/head";
export { meanForwardF32, runningMeanForwardF32 } from "./kernel/interest";
export { lstmForwardF32 } from "./kernel/lstm";
export { layerNormForwardF32 } from "./kernel/norm";
export { quantizeItemsF32, quantizeQueriesF32 } from "./kernel/quantize";
export { rankF32, topKF32 } from "./kernel/rank";
export { rescoreF32, scoreTableF32, takeTopKF32 } from "./kernel/rescore";
export { addBiasF32, addRowsF32, scaleRowsF32 } from "./kernel/rows";
export { scanCatalogue } from "./kernel/scan";
export { scoreForwardF32 } from "./kernel/score";
export { selfAttentionForwardF32 } from "./kernel/self-attention";
export { firstNegativeI32, firstNotFiniteF32, foldChecksum, indexIds } from "./kernel/verify";
export { expF64, log2F64 };

/** Returns the version of this interface; src/wasm refuses another one. */
export function abiVersion(): i32 {
  return 1;
}

/** Returns the first byte that belongs to the caller: everything above is planned in TypeScript. */
export function heapBase(): usize {
  return __heap_base;
}
