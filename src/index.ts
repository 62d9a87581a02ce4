/**
 * attune for Node: learns from an interaction log which item each user wants next, and recommends.
 *
 * @example
 * const model = await train("events.csv", { seed: 1 });
 * await model.save("shop.safetensors");
 * model.recommend(["sku-1", "sku-9"], { k: 10 });
 */

export { type CompareOptions, type ComparisonRow, compare } from "./api/compare.ts";
export { type EvaluateOptions, type EvaluationReport, evaluate } from "./api/evaluate.ts";
export { load, type Model, type ModelFacts } from "./api/model.ts";
export {
  loadSequences,
  type SequenceModel,
  type SequenceOptions,
  type SequenceSource,
  trainSequences,
} from "./api/sequences.ts";
export type { PreparedData, Source } from "./api/source.ts";
export { type ClickSource, type TrainedModel, type TrainOptions, type TrainReport, train } from "./api/train.ts";
export type { VectorOptions, VectorsSource } from "./api/vectors.ts";
export type { ClickRow } from "./data/clicks.ts";
export type { Row } from "./data/rows.ts";
export type { SequenceRow } from "./data/sequence-rows.ts";
export type { VectorEntries } from "./data/vectors.ts";
export * from "./errors.ts";
export type { Metrics } from "./evaluate/metrics.ts";
export type { Evaluation } from "./evaluate/protocol.ts";
export type { ModelConfig } from "./model/config.ts";
export type { Answer, BatchOptions, Recommendation, RecommendOptions } from "./rank/recommender.ts";
export type { Progress } from "./train/fit.ts";
