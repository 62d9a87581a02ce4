// onnxruntime, the native one and the one in WebAssembly: one thread, sequential, everything else as it comes.

import { rankingModel, requestModel, type Weights } from "./onnx.ts";
import { type Lists, type Peer, peerPackage } from "./peer.ts";

interface OrtTensor {
  data: Float32Array | BigInt64Array;
}

interface Ort {
  env: { versions: Record<string, string>; wasm: { numThreads?: number } };
  InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<Record<string, OrtTensor>> }>;
  };
  Tensor: new (type: string, data: Float32Array | Int32Array, dims: number[]) => OrtTensor;
}

const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
};

/** Opens a model in `onnxruntime-node` or `onnxruntime-web`; undefined where that is not installed. */
export async function openOnnxruntime(
  name: "onnxruntime-node" | "onnxruntime-web",
  weights: Weights,
  k: number,
): Promise<Peer | undefined> {
  const ort = peerPackage<Ort>(name)?.module;
  if (!ort) return undefined;
  const isWeb = name === "onnxruntime-web";
  if (isWeb) ort.env.wasm.numThreads = 1;
  const options = { ...OPTIONS, executionProviders: [isWeb ? "wasm" : "cpu"] };
  const { InferenceSession, Tensor } = ort;
  const ranking = await InferenceSession.create(rankingModel(weights, k), options);
  const request = await InferenceSession.create(requestModel(weights, k), options);
  const listsOf = ({ scores, items }: Record<string, OrtTensor>): Lists => ({
    scores: scores.data as Float32Array,
    items: items.data as BigInt64Array,
  });
  return {
    name,
    setup: `${ort.env.versions[isWeb ? "web" : "node"]}, ${JSON.stringify(options)}`,
    rank: async (queries, rows) =>
      listsOf(await ranking.run({ h: new Tensor("float32", queries, [rows, weights.width]) })),
    answer: async (ids, rows) =>
      listsOf(await request.run({ ids: new Tensor("int32", ids, [ids.length / rows, rows]) })),
  };
}
