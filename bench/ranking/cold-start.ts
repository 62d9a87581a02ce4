// A cold start as an edge function sees it, in processes of their own: compile and instantiate the small module; read the model and give
// the first answer.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Vocabulary } from "../../src/data/vocabulary.ts";
import { encodeModel } from "../../src/format/model-file.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { findPreset } from "../../src/model/presets/index.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";

const PROCESSES = 21;
const ITEMS = 50_000;
const dist = (name: string) => new URL(`../dist/${name}`, import.meta.url);

/** Milliseconds of each process. */
export interface ColdStart {
  instantiate: number[];
  read: number[];
  answer: number[];
  readAndAnswer: number[];
  /** Bytes of the model. */
  bytes: number;
}

/** What one process does; its numbers come out as JSON. */
const PROGRAM = `
  import { readFileSync } from "node:fs";
  import { createRecommender } from ${JSON.stringify(dist("edge.js").href)};
  const bytes = readFileSync(new URL(${JSON.stringify(dist("inference.wasm").href)}));
  // A copy: pages that only the kernel wrote are mapped when they are first read, which is the file's time.
  const model = new Uint8Array(readFileSync(process.argv[1])).slice();
  const start = performance.now();
  const module = await WebAssembly.compile(bytes);
  await WebAssembly.instantiate(module, { env: { memory: new WebAssembly.Memory({ initial: 2, maximum: 65536 }) } });
  const instantiated = performance.now();
  const recommender = await createRecommender({ module, model });
  const loaded = performance.now();
  const items = recommender.recommend(process.argv[2].split(","), { k: 20 });
  if (items.length !== 20) throw new Error("no answer");
  const answered = performance.now();
  console.log(JSON.stringify([instantiated - start, loaded - instantiated, answered - loaded]));
`;

/** Measures cold starts of a model; without one, of 50,000 items × 64 with random weights. */
export async function measureColdStart(given?: string): Promise<ColdStart> {
  const folder = mkdtempSync(join(tmpdir(), "attune-cold-"));
  try {
    const path = given ?? join(folder, "model.safetensors");
    if (!given) writeFileSync(path, await randomModel());
    const history = ["1", "2", "3", "4", "5"].join(",");
    const runs = Array.from({ length: PROCESSES }, (): number[] =>
      JSON.parse(
        execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM, path, history], { encoding: "utf8" }),
      ),
    );
    return {
      instantiate: runs.map(([ms]) => ms),
      read: runs.map(([, ms]) => ms),
      answer: runs.map(([, , ms]) => ms),
      readAndAnswer: runs.map(([, read, answer]) => read + answer),
      bytes: readFileSync(path).length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function randomModel(): Promise<Uint8Array> {
  const engine = await createTrainingEngine();
  const config = resolveConfig({ ...findPreset("gru4rec").settings, embedding: 64, hidden: 64 }, { preset: "gru4rec" });
  const network = new Network(engine, config, ITEMS, true);
  network.initialize(engine);
  const items = new Vocabulary();
  for (let item = 0; item < ITEMS; item++) items.add(String(item));
  const weights = new Map(
    network.parameters.list.map(({ name, value, size }) => [name, engine.memory.f32(value, size).slice()]),
  );
  return encodeModel({
    config,
    items,
    users: undefined,
    counts: new Int32Array(ITEMS).fill(1),
    epochs: 0,
    refitted: false,
    weights,
  });
}
