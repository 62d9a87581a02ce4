// TensorFlow.js on its WebAssembly backend, one thread. It has no GRU layer there, so the cell is written in its operations.

import type { Weights } from "./onnx.ts";
import { type Lists, type Peer, peerPackage } from "./peer.ts";

interface Tensor {
  data(): Promise<Float32Array | Int32Array>;
  dispose(): void;
}

/** The part of tfjs-core that is used here. */
interface Tf {
  version_core: string;
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
  tidy<T>(run: () => T): T;
  tensor1d(values: Float32Array): Tensor;
  tensor2d(values: Float32Array | Int32Array, shape: [number, number], dtype?: string): Tensor;
  zeros(shape: number[]): Tensor;
  gather(table: Tensor, ids: Tensor): Tensor;
  unstack(x: Tensor): Tensor[];
  split(x: Tensor, parts: number, axis: number): Tensor[];
  matMul(a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  mul(a: Tensor, b: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  topk(x: Tensor, k: number): { values: Tensor; indices: Tensor };
}

/** Opens a model in tfjs; undefined where it is not installed. */
export async function openTensorflow(weights: Weights, k: number): Promise<Peer | undefined> {
  const core = peerPackage<Tf>("@tensorflow/tfjs-core");
  const wasm = peerPackage<{ setWasmPaths(folder: string): void }>("@tensorflow/tfjs-backend-wasm");
  if (!core || !wasm) return undefined;
  const tf = core.module;
  wasm.module.setWasmPaths(wasm.folder);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await tf.setBackend("wasm");
  const { items, width } = weights;
  const table = tf.tensor2d(weights.table, [items, width]);
  const [wIh, wHh] = [weights.weightIh, weights.weightHh].map((w) => tf.tensor2d(w, [3 * width, width]));
  const [bIh, bHh] = [weights.biasIh, weights.biasHh].map((b) => tf.tensor1d(b));
  const cell = (x: Tensor, h: Tensor) => {
    const [xR, xZ, xN] = tf.split(tf.add(tf.matMul(x, wIh, false, true), bIh), 3, 1);
    const [hR, hZ, hN] = tf.split(tf.add(tf.matMul(h, wHh, false, true), bHh), 3, 1);
    const z = tf.sigmoid(tf.add(xZ, hZ));
    const n = tf.tanh(tf.add(xN, tf.mul(tf.sigmoid(tf.add(xR, hR)), hN)));
    return tf.add(n, tf.mul(z, tf.sub(h, n)));
  };
  const lists = async (encode: () => Tensor): Promise<Lists> => {
    const { values, indices } = tf.tidy(() => tf.topk(tf.matMul(encode(), table, false, true), k));
    const found = { scores: (await values.data()) as Float32Array, items: await indices.data() };
    values.dispose();
    indices.dispose();
    return found;
  };
  return {
    name: "tfjs-wasm",
    setup: `${tf.version_core}, one thread`,
    rank: (queries, rows) => lists(() => tf.tensor2d(queries, [rows, width])),
    answer: (ids, rows) =>
      lists(() => {
        let h = tf.zeros([rows, width]);
        for (const x of tf.unstack(tf.gather(table, tf.tensor2d(ids, [ids.length / rows, rows], "int32"))))
          h = cell(x, h);
        return h;
      }),
  };
}
