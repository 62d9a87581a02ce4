/**
 * attune where there is no file system: edge and serverless functions, browsers. Nothing here touches Node, threads, or
 * anything else the runtime may not have; the caller brings the compiled module and the bytes of the model.
 *
 * @example
 * import module from "attune/inference.wasm";
 * const recommender = await createRecommender({ module, model: await response.arrayBuffer() });
 * recommender.recommend(["sku-1", "sku-9"], { k: 10 });
 */

import { checkKind, decodeModel } from "./format/model-file.ts";
import { Network } from "./model/network.ts";
import { Recommender } from "./rank/recommender.ts";
import { createEngine } from "./wasm/engine.ts";
import { offerRelaxed } from "./wasm/scanner.ts";

export * from "./errors.ts";
export type { ModelConfig } from "./model/config.ts";
export type { Answer, BatchOptions, Recommendation, RecommendOptions } from "./rank/recommender.ts";
export type { Recommender };

/** What a recommender is made from. */
export interface RecommenderSource {
  /** The compiled `attune/inference.wasm` of this version. */
  module: WebAssembly.Module;
  /**
   * The compiled `attune/relaxed.wasm`, where the runtime compiles it: makes lists for many users faster. Whether it is used is decided by a
   * self-test and a measurement; answers do not depend on it.
   */
  relaxed?: WebAssembly.Module;
  /** Content of a model file. The item table is read from it while answers need it: do not change, transfer or resize it afterwards. */
  model: ArrayBuffer | Uint8Array;
}

/**
 * Makes a recommender. Its answers have the same items and the same scores, bit for bit, as the command line's.
 * @throws ModelError when the model file is damaged or foreign · CapacityError when it does not fit · InternalError
 * `ABI_MISMATCH` for the module of another version
 */
export async function createRecommender({ module, relaxed, model }: RecommenderSource): Promise<Recommender> {
  const engine = await createEngine(module);
  const { config, items, users, counts, weights } = decodeModel(model, "model", engine);
  checkKind(config, false, "model");
  if (relaxed) offerRelaxed(engine, relaxed);
  const network = Network.fromWeights(engine, config, items.size, weights, users?.size);
  return new Recommender({ network, items, users, counts });
}
