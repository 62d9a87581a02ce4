// How training with a sampled loss grows with the catalogue: gru4rec of width 64, 128 users of 9 steps, items drawn log-uniformly (a
// few often, most hardly ever), one thread.

import { backpropagate, drawNegativesBy } from "../src/model/backpropagate.ts";
import { resolveConfig } from "../src/model/config.ts";
import type { Example } from "../src/model/example.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { NetworkRanker } from "../src/rank/network-ranker.ts";
import { AdamW } from "../src/train/optimizer.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";
import { type Spread, spreadOf } from "./measure.ts";

/** Users of a step. */
export const USERS = 128;
/** Steps of each. */
export const STEPS = 9;
const WARM_UP = 10;
const CALLS = 60;

/** What one size took. */
export interface SampledGrowth {
  items: number;
  /** Milliseconds of a training step: examples to new weights. */
  step: Spread;
  /** Rows that a step met, on average. */
  rows: number;
  /** Bringing all rows up to date at the end of an epoch. */
  catchUpMs: number;
  /** Ranks of a target of each user in the whole catalogue, its layout for that included. */
  ranksMs: number;
  /** The same once it is laid out. */
  ranksAgainMs: number;
  plannedBytes: number;
  residentBytes: number;
}

/** Times training steps over a catalogue of `items`. */
export async function timeStep(items: number): Promise<SampledGrowth> {
  const engine = await createTrainingEngine();
  const { memory, kernels } = engine;
  const settings = { ...findPreset("gru4rec").settings, loss: "sampled" };
  const network = new Network(engine, resolveConfig(settings, { preset: "gru4rec" }), items, true);
  network.initialize(engine);
  drawNegativesBy(
    network,
    Float64Array.from({ length: items }, (_, j) => Math.floor(items / (j + 1))),
  );
  const optimizer = new AdamW(engine, network.parameters, network.config);
  network.keepPlanned();
  const draw = (step: number, place: number) =>
    Math.floor(items ** ((kernels.randomIndex(2 ** 30, 1, 1, step, place) >>> 0) / 2 ** 30)) - 1;
  const examplesOf = (step: number) =>
    Array.from({ length: USERS }, (_, user): Example => {
      const history = Array.from({ length: STEPS + 1 }, (_, t) => draw(step, user * (STEPS + 1) + t));
      return { history: history.slice(0, -1), next: history.slice(1), lossFrom: 0 };
    });
  const times: number[] = [];
  let rows = 0;
  for (let step = 0; step < WARM_UP + CALLS; step++) {
    const examples = examplesOf(step);
    const startMs = performance.now();
    backpropagate(network, engine, examples, step);
    optimizer.step();
    network.prepare();
    if (step >= WARM_UP) {
      times.push(performance.now() - startMs);
      rows += network.parameters.rows!.count;
    }
    network.releaseStep();
  }
  const timed = (run: () => void) => {
    const startMs = performance.now();
    run();
    return performance.now() - startMs;
  };
  const catchUpMs = timed(() => optimizer.catchUp());
  network.prepare();
  const examples = examplesOf(WARM_UP + CALLS);
  const queries = examples.map(({ history }) => ({ history, excluded: new Int32Array(0) }));
  const rank = () =>
    new NetworkRanker(network).ranks(
      queries,
      examples.map(({ next }) => next[0]),
    );
  return {
    items,
    step: spreadOf(times),
    rows: rows / CALLS,
    catchUpMs,
    ranksMs: timed(rank),
    ranksAgainMs: timed(rank),
    plannedBytes: memory.peakBytes,
    residentBytes: process.resourceUsage().maxRSS * 1024,
  };
}
