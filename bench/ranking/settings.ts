// What is ranked: Gaussian vectors, and models that the command trains itself, for a few epochs, and keeps in build/.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { prepareData, type Source } from "../../src/api/source.ts";
import { load, train } from "../../src/index.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { findPreset } from "../../src/model/presets/index.ts";
import { createInferenceEngine, createTrainingEngine } from "../../src/wasm/node.ts";
import type { Weights } from "../peers/onnx.ts";

/** Items per request: what the targets are for. */
export const STEPS = 50;
export const ROWS = 256;
const WIDTH = 64;

/** A model and questions to it. */
export interface Setting {
  name: string;
  network: Network;
  /** Histories as the data has them, whose encoding is ranked; none where the queries are Gaussian. */
  histories: Int32Array[];
  /** Gaussian queries, f32[ROWS, WIDTH]. */
  queries?: Float32Array;
}

/** A log to train on. */
interface Log {
  name: string;
  epochs: number;
  settings: object;
  source(): Source | undefined;
}

const fromFolder = (file: string) => () => process.env.ATTUNE_DATA && join(process.env.ATTUNE_DATA, file);
const LOGS: readonly Log[] = [
  { name: "ml-100k", epochs: 20, settings: { kCore: 5 }, source: fromFolder("ml-100k/u.data.gz") },
  { name: "beauty", epochs: 6, settings: { batch: 128 }, source: fromFolder("beauty/Beauty.txt.gz") },
  {
    name: "generated",
    epochs: 2,
    settings: { batch: 128, kCore: 1, split: "none" },
    source: () => makeLog(50_000, 25_000, 5),
  },
];

/** Names of all settings. */
export const SETTINGS: readonly string[] = ["gaussian", ...LOGS.map(({ name }) => name)];

/** Makes a setting; undefined, and says so, where its data is not at hand. */
export async function makeSetting(name: string): Promise<Setting | undefined> {
  if (name === "gaussian") return gaussian(50_000);
  const log = LOGS.find((each) => each.name === name)!;
  const source = log.source();
  if (!source) {
    console.log(`${name}: not measured, as ATTUNE_DATA does not say where its data is`);
    return undefined;
  }
  const path = fileURLToPath(new URL(`../build/ranking-${name}.safetensors`, import.meta.url));
  // Trained anew where another version wrote it, too.
  const kept = existsSync(path) ? await load(path).catch(() => undefined) : undefined;
  if (!kept) {
    console.log(`${name}: training gru4rec, ${WIDTH} wide, for ${log.epochs} epochs`);
    const model = await train(source, {
      model: "gru4rec",
      embedding: WIDTH,
      hidden: WIDTH,
      epochs: log.epochs,
      refit: false,
      ...log.settings,
    });
    await model.save(path);
    model.dispose();
  }
  const model = kept ?? (await load(path));
  const { network, items } = model.internals;
  const { histories } = (await prepareData(log.source()!, model.config, undefined, {}, items)).split;
  const users = histories.offsets.length - 1;
  const chosen = Array.from({ length: ROWS }, (_, i) => {
    const user = Math.floor((i * users) / ROWS);
    return histories.item.slice(histories.offsets[user], histories.offsets[user + 1]);
  });
  const known = chosen.map((own) =>
    Int32Array.from(own, (item) => items.indexOf(histories.items.idOf(item))).filter((item) => item >= 0),
  );
  return { name: `trained on ${name}`, network, histories: known };
}

async function gaussian(items: number): Promise<Setting> {
  // Training draws, in a memory that threads share; what answers has one of its own, where every form of the integer pass may work.
  const drawing = await createTrainingEngine();
  const draw = (floats: number, seed: number, stream: number) => {
    const at = drawing.memory.planF32(floats);
    drawing.kernels.fillNormalF32(0, floats, at, 1, seed, stream);
    return drawing.memory.f32(at, floats).slice();
  };
  const engine = await createInferenceEngine();
  const settings = { ...findPreset("gru4rec").settings, embedding: WIDTH, hidden: WIDTH };
  const network = new Network(engine, resolveConfig(settings, { preset: "gru4rec" }), items, false);
  for (const [stream, { value, size }] of network.parameters.list.entries()) {
    engine.memory.f32(value, size).set(draw(size, 1, stream));
  }
  network.prepare();
  return { name: "Gaussian", network, histories: [], queries: draw(ROWS * WIDTH, 2, 3) };
}

/** A log in which every item occurs: users stay in a group of 50 items, mostly with its first ones, and go from each to one near it. */
function* makeLog(items: number, users: number, events: number) {
  let state = 1;
  const draw = (bound: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x100000000) * bound);
  };
  const groups = items / 50;
  for (let user = 0; user < users; user++) {
    const group = draw(2) === 0 ? draw(groups) : draw(1 + draw(groups));
    for (let event = 0; event < events; event++) {
      // The first and the last event go round the catalogue, so that none of it is missing.
      const round = event === 0 ? 0 : event === events - 1 ? 1 : -1;
      const item = round < 0 ? group * 50 + draw(1 + draw(50)) : (2 * user + round) % items;
      yield { user: `u${user}`, item: `i${item}`, time: event };
    }
  }
}

/** The weights of a setting, for the others. */
export function weightsOf({ network }: Setting): Weights {
  const { memory } = network.engine;
  const take = (name: string) => {
    const { value, size } = network.parameters.get(name);
    return memory.f32(value, size).slice();
  };
  const own = (name: string) => take(`blocks.0.recurrence.${name}_l0`);
  return {
    items: network.items,
    width: WIDTH,
    table: take("embedding.weight"),
    weightIh: own("weight_ih"),
    weightHh: own("weight_hh"),
    biasIh: own("bias_ih"),
    biasHh: own("bias_hh"),
  };
}
