// Whole training steps on random histories with the shape of MovieLens-100K and of Beauty.

import { resolveConfig } from "../src/model/config.ts";
import { type Example, Network } from "../src/model/network.ts";
import { findPreset, PRESETS } from "../src/model/presets/index.ts";
import { AdamW } from "../src/train/optimizer.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";
import { measure, type Work } from "./measure.ts";

const SHAPES = [
  { name: "1,349 items, 16 users of 100 steps", items: 1349, users: 16, length: 100 },
  { name: "12,101 items, 128 users of 9 steps", items: 12_101, users: 128, length: 9 },
];

/** Prints trained interactions per second of each preset. */
export async function benchTraining(): Promise<void> {
  const works: Work[] = [];
  for (const shape of SHAPES) {
    for (const { name } of PRESETS) {
      const engine = await createTrainingEngine();
      const config = resolveConfig(findPreset(name).settings, { preset: name, dropout: 0.3 });
      const network = new Network(engine, config, shape.items, true);
      network.initialize(engine);
      const optimizer = new AdamW(engine, network.parameters, config);
      network.keepPlanned();
      const draw = (user: number, step: number) => engine.kernels.randomIndex(shape.items, 1, 1, user, step) >>> 0;
      const examples: Example[] = Array.from({ length: shape.users }, (_, user) => {
        const items = Array.from({ length: shape.length + 1 }, (_, step) => draw(user, step));
        return { history: items.slice(0, -1), next: items.slice(1), lossFrom: 0 };
      });
      let step = 0;
      works.push({
        name: `${name}: ${shape.name}`,
        units: shape.users * shape.length,
        unit: "interactions/s",
        scale: 1,
        run: () => {
          network.backpropagate(engine, examples, step++);
          optimizer.step();
          network.prepare();
          network.releaseStep();
        },
      });
    }
  }
  await measure(works);
}
