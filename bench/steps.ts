// Training steps: histories with the shape of real data sets, and the arithmetic that a step of a model has to do.

import { backpropagate } from "../src/model/backpropagate.ts";
import { type ModelConfig, resolveConfig } from "../src/model/config.ts";
import type { Example } from "../src/model/example.ts";
import { Network } from "../src/model/network.ts";
import type { Parameter } from "../src/model/parameters.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { AdamW } from "../src/train/optimizer.ts";
import type { TrainingEngine } from "../src/wasm/engine.ts";
import type { Work } from "./team.ts";

/** Random histories, all of one length. */
export interface Shape {
  name: string;
  items: number;
  users: number;
  length: number;
}

/** Names of the matrices that every position is multiplied with, beside the scores. */
const WEIGHTS = /^(blocks\.|projection\.)/;

/** A step of gru4rec on MovieLens-100K and one on Beauty come to about this. */
export const SHAPES: readonly Shape[] = [
  { name: "1,349 items, 16 users × 100", items: 1349, users: 16, length: 100 },
  { name: "12,101 items, 128 users × 9", items: 12_101, users: 128, length: 9 },
];

/** What trains, and what a step with some examples does. */
export interface Trainer {
  network: Network;
  /** Does one whole step. @returns its loss, and the positions it trained */
  step(examples: readonly Example[]): { loss: number; count: number };
}

/** Plans a network and its optimiser on an engine. */
export function openTrainer(engine: TrainingEngine, preset: string, items: number, own: Partial<ModelConfig>): Trainer {
  const config = resolveConfig({ ...findPreset(preset).settings, ...own }, { preset });
  const network = new Network(engine, config, items, true);
  network.initialize(engine);
  const optimizer = new AdamW(engine, network.parameters, config);
  let steps = 0;
  return {
    network,
    step(examples) {
      // Trainers may share an engine: what others planned since stays, too.
      network.keepPlanned();
      const result = backpropagate(network, engine, examples, steps++);
      optimizer.step();
      network.prepare();
      network.releaseStep();
      return result;
    },
  };
}

/** Makes whole steps of a preset on random histories. */
export function stepWork(engine: TrainingEngine, preset: string, shape: Shape, own: Partial<ModelConfig> = {}): Work {
  const { items, users, length } = shape;
  const trainer = openTrainer(engine, preset, items, { dropout: 0.3, ...own });
  const draw = (user: number, step: number) => engine.kernels.randomIndex(items, 1, 1, user, step) >>> 0;
  const examples: Example[] = Array.from({ length: users }, (_, user) => {
    const drawn = Array.from({ length: length + 1 }, (_, step) => draw(user, step));
    return { history: drawn.slice(0, -1), next: drawn.slice(1), lossFrom: 0 };
  });
  return {
    name: `${preset}: ${shape.name}`,
    units: users * length,
    unit: "interactions/s",
    scale: 1,
    flops: users * length * flopsPerPosition(trainer.network.parameters.list, items),
    run: () => void trainer.step(examples),
  };
}

/**
 * Model operations of training one position, full cross-entropy: 6·(V·D + Σ in·out over the weight matrices). A product of a row with a
 * matrix is 2·in·out, forward and for both gradients. For gru4rec that is 6·(V·D + 3·H·(D + H)). Elementwise work, the dropout, the
 * optimiser, and the products of self-attention, which grow with T, are not counted.
 */
export function flopsPerPosition(parameters: readonly Parameter[], items: number): number {
  let products = 0;
  for (const { name, shape } of parameters) {
    const [out, width] = shape;
    if (name === "embedding.weight") products += items * width;
    else if (shape.length === 2 && WEIGHTS.test(name)) products += out * width;
  }
  return 6 * products;
}
