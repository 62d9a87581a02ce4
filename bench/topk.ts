// node scripts/run.mjs bench/topk.ts [MODEL DATA]   Exact top-20 of queries that are there already, against onnxruntime-node's MatMul
// and TopK, one thread each, a call of either in turn. Without a model: Gaussian vectors, 50,000 × 64.

import { cpus } from "node:os";
import { prepareData } from "../src/api/source.ts";
import { load } from "../src/index.ts";
import { resolveConfig } from "../src/model/config.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { forceIntegerCopy } from "../src/rank/integer-copy.ts";
import { type Barred, joinLists, search } from "../src/rank/search.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";
import { scannerOf } from "../src/wasm/scanner.ts";
import { matMulTopK } from "./peers/onnx.ts";
import { openOnnx } from "./peers/onnxruntime.ts";

const K = 20;
const ROWS = 256;
const ROUNDS = Number(process.env.ATTUNE_BENCH_ROUNDS ?? 60);
const WARM_UP = 8;

/** A network and queries to it, f32[rows, D]. */
interface Setting {
  name: string;
  network: Network;
  queries: Float32Array;
}

async function gaussian(items: number, width: number): Promise<Setting> {
  const engine = await createTrainingEngine();
  const config = resolveConfig(
    { ...findPreset("gru4rec").settings, embedding: width, hidden: width },
    { preset: "gru4rec" },
  );
  const network = new Network(engine, config, items, false);
  const { memory, kernels } = engine;
  for (const { value, size } of network.parameters.list) kernels.fillNormalF32(0, size, value, 1, 1, value);
  network.prepare();
  const at = memory.planF32(ROWS * width);
  kernels.fillNormalF32(0, ROWS * width, at, 1, 2, 3);
  return { name: "Gaussian", network, queries: memory.f32(at, ROWS * width).slice() };
}

async function trained(path: string, data: string): Promise<Setting> {
  const model = await load(path);
  const { network, items } = model.internals;
  const { split } = await prepareData(data, model.config, undefined, {}, items);
  const { histories } = split;
  const users = histories.offsets.length - 1;
  const chosen = Array.from({ length: Math.min(ROWS, users) }, (_, i) => Math.floor((i * users) / ROWS));
  const own = chosen.map((user) =>
    Array.from(histories.item.subarray(histories.offsets[user], histories.offsets[user + 1]), (item) =>
      items.indexOf(histories.items.idOf(item)),
    ).filter((item) => item >= 0),
  );
  network.releaseStep();
  const known = own.filter(({ length }) => length > 0);
  const { y } = network.encode(known);
  const queries = network.engine.memory.f32(y, known.length * network.scorer.width).slice();
  network.releaseStep();
  return { name: path, network, queries };
}

const [model, data] = process.argv.slice(2);
const setting = model ? await trained(model, data) : await gaussian(50_000, 64);
const { network, queries } = setting;
const { memory } = network.engine;
const { items, width } = network.scorer;
const table = memory.f32(network.scorer.embedding.value, items * width).slice();
const peer = await openOnnx(matMulTopK(table, items, width, K), width);
const startMs = performance.now();
const catalogue = forceIntegerCopy(network, () => 0)!;
console.log(`attune ${scannerOf(network.engine).name}, Node ${process.version}, ${cpus()[0].model}; ${peer?.name}`);
console.log(
  `${setting.name}: ${items.toLocaleString("en")} items × ${width}, K = ${K}; integer copy in ${(performance.now() - startMs).toFixed(1)} ms, ` +
    `prefix ${catalogue.prefix} of ${catalogue.words} words`,
);

for (const rows of [Math.min(ROWS, queries.length / width), 1]) {
  const nothing: Barred = joinLists(Array.from({ length: rows }, () => []));
  let turn = 0;
  const next = () => {
    if (rows > 1) return queries;
    turn = (turn + 1) % (queries.length / width);
    return queries.subarray(turn * width, (turn + 1) * width);
  };
  const ours = (h: Float32Array) => {
    network.releaseStep();
    const y = memory.planF32(rows * width);
    memory.f32(y, rows * width).set(h);
    return search(network, catalogue, rows, y, K, nothing);
  };
  if (peer)
    compare(
      ours(next()),
      await peer.run(rows > 1 ? queries : queries.subarray(turn * width, (turn + 1) * width), rows),
    );
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = -WARM_UP; round < ROUNDS * (rows === 1 ? 10 : 1); round++) {
    const h = next();
    const before = performance.now();
    ours(h);
    const between = performance.now();
    if (peer) await peer.run(h, rows);
    const after = performance.now();
    if (round < 0) continue;
    mine.push(between - before);
    theirs.push(after - between);
  }
  report(`batch ${rows}`, mine, theirs);
}

function compare(
  found: { items: Int32Array; scores: Float32Array },
  theirs: { scores: Float32Array; items: BigInt64Array },
) {
  let different = 0;
  for (let i = 0; i < found.scores.length; i++) {
    const gap = Math.abs(found.scores[i] - theirs.scores[i]);
    if (!(gap <= 1e-4 * Math.max(1, Math.abs(theirs.scores[i])))) {
      throw new Error(`entry ${i}: attune has ${found.scores[i]}, onnxruntime-node ${theirs.scores[i]}`);
    }
    if (found.items[i] !== Number(theirs.items[i])) different++;
  }
  console.log(
    `  outputs agree: scores within 1e-4, ${different} of ${found.scores.length} items in another order or tied`,
  );
}

function report(name: string, mine: number[], theirs: number[]): void {
  const ratios = mine.map((ms, i) => theirs[i] / ms);
  const line = (values: number[]) => {
    values.sort((a, b) => a - b);
    const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))].toFixed(3);
    return `p50 ${at(0.5)}  p95 ${at(0.95)}  min ${at(0)}  max ${at(1)}`;
  };
  console.log(`  ${name}: attune ms           ${line(mine)}`);
  if (!peer) return;
  console.log(`  ${name}: onnxruntime-node ms ${line(theirs)}`);
  console.log(`  ${name}: ratio               ${line(ratios)}`);
}
