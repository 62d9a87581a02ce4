// onnxruntime-node, if it is installed in bench/: one thread, sequential, everything else as it comes.

import { createRequire } from "node:module";

interface OrtTensor {
  data: Float32Array | BigInt64Array;
}

interface Ort {
  InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<Record<string, OrtTensor>> }>;
  };
  Tensor: new (type: string, data: Float32Array, dims: number[]) => OrtTensor;
}

const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  executionProviders: ["cpu"],
};

/** A model in a session. */
export interface Peer {
  name: string;
  /** Scores and items of rows h f32[rows, width]. */
  run(h: Float32Array, rows: number): Promise<{ scores: Float32Array; items: BigInt64Array }>;
}

/** Opens a model; undefined where onnxruntime-node is not installed. */
export async function openOnnx(model: Uint8Array, width: number): Promise<Peer | undefined> {
  // build/ and bench/ are both one folder below the root.
  const require = createRequire(new URL("../bench/package.json", import.meta.url));
  let ort: Ort;
  try {
    ort = require("onnxruntime-node");
  } catch {
    console.log("onnxruntime-node: not installed. In bench/: npm install --ignore-scripts");
    return undefined;
  }
  const session = await ort.InferenceSession.create(model, OPTIONS);
  const { version } = require("onnxruntime-node/package.json");
  return {
    name: `onnxruntime-node ${version}, ${JSON.stringify(OPTIONS)}`,
    async run(h, rows) {
      const { scores, items } = await session.run({ h: new ort.Tensor("float32", h, [rows, width]) });
      return { scores: scores.data as Float32Array, items: items.data as BigInt64Array };
    },
  };
}
