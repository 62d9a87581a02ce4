// Answers: encode a history of 50 items and list the best 20 of the catalogue, one by one and in batches. Random weights.

import { resolveConfig } from "../src/model/config.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { NetworkRanker } from "../src/rank/network-ranker.ts";
import { distinctItems } from "../src/rank/ranker.ts";
import { createInferenceEngine, createTrainingEngine } from "../src/wasm/node.ts";
import type { Work } from "./team.ts";

const LENGTH = 50;
const K = 20;
const CATALOGUES = [1349, 50_000];
const BATCHES = [1, 256];

/** Makes requests to random models, on engines as `load` makes them; one thread each. */
export async function rankingWorks(): Promise<Work[]> {
  const works: Work[] = [];
  for (const items of CATALOGUES) {
    const network = await randomNetwork(items);
    const ranker = new NetworkRanker(network);
    const { kernels } = await createTrainingEngine();
    for (const batch of BATCHES) {
      const queries = Array.from({ length: batch }, (_, user) => {
        const draw = (step: number) => kernels.randomIndex(items, 1, 2, user, step) >>> 0;
        const history = Int32Array.from({ length: LENGTH }, (_, step) => draw(step));
        return { history, excluded: distinctItems(history) };
      });
      works.push({
        name: `${items.toLocaleString("en")} items, batch ${batch}`,
        units: batch,
        unit: "users/s",
        scale: 1,
        run: () => void ranker.topK(queries, K),
      });
    }
  }
  return works;
}

/** Makes a gru4rec that answers, with the weights that a training would start from. */
async function randomNetwork(items: number): Promise<Network> {
  const config = resolveConfig(findPreset("gru4rec").settings, { preset: "gru4rec" });
  const trainer = await createTrainingEngine();
  const start = new Network(trainer, config, items, true);
  start.initialize(trainer);
  const engine = await createInferenceEngine();
  const network = new Network(engine, config, items, false);
  const { values, floats } = start.parameters;
  engine.memory.f32(network.parameters.values, floats).set(trainer.memory.f32(values, floats));
  network.prepare();
  return network;
}
