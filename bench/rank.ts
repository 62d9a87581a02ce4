// Answers: encode a history of 50 items and list the best 20 of the catalogue, one by one and in batches. Random weights.

import { resolveConfig } from "../src/model/config.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { NetworkRanker } from "../src/rank/network-ranker.ts";
import { distinctItems } from "../src/rank/ranker.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";
import { measure, type Work } from "./measure.ts";

const LENGTH = 50;
const K = 20;

/** Prints answers per second. */
export async function benchRanking(): Promise<void> {
  const works: Work[] = [];
  for (const items of [1349, 50_000]) {
    const engine = await createTrainingEngine();
    const config = resolveConfig(findPreset("attentive-gru").settings, { preset: "attentive-gru" });
    const network = new Network(engine, config, items, true);
    network.initialize(engine);
    const ranker = new NetworkRanker(network);
    for (const batch of [1, 256]) {
      const queries = Array.from({ length: batch }, (_, user) => {
        const history = Int32Array.from(
          { length: LENGTH },
          (_, t) => engine.kernels.randomIndex(items, 1, 2, user, t) >>> 0,
        );
        return { history, excluded: distinctItems(history) };
      });
      works.push({
        name: `${items.toLocaleString("en")} items, batch ${batch}`,
        units: batch,
        unit: "users/s",
        scale: 1,
        run: () => {
          ranker.topK(queries, K);
        },
      });
    }
  }
  await measure(works);
}
