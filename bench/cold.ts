// node scripts/run.mjs bench/cold.ts [MODEL]   A cold start as an edge function sees it, in processes of their own: compile and
// instantiate the small module; read the model and give the first answer. Without a model: 50,000 items × 64, random weights.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Vocabulary } from "../src/data/vocabulary.ts";
import { encodeModel } from "../src/format/model-file.ts";
import { resolveConfig } from "../src/model/config.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { createTrainingEngine } from "../src/wasm/node.ts";

const PROCESSES = 21;
const ITEMS = 50_000;
const dist = (name: string) => new URL(`../dist/${name}`, import.meta.url);

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

const folder = mkdtempSync(join(tmpdir(), "attune-cold-"));
try {
  const given = process.argv[2];
  const path = given ?? join(folder, "model.safetensors");
  if (!given) writeFileSync(path, await randomModel());
  const history = ["1", "2", "3", "4", "5"].join(",");
  const runs: number[][] = [];
  for (let i = 0; i < PROCESSES; i++) {
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM, path, history], {
      encoding: "utf8",
    });
    runs.push(JSON.parse(out));
  }
  console.log(
    `attune, Node ${process.version}, ${cpus()[0].model}; ${PROCESSES} processes, model of ${(readFileSync(path).length / 1e6).toFixed(1)} MB`,
  );
  const names = ["compile and instantiate", "read the model", "first answer"];
  for (const [step, name] of names.entries())
    report(
      name,
      runs.map((run) => run[step]),
    );
  report(
    "read and first answer",
    runs.map(([, load, answer]) => load + answer),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function report(name: string, values: number[]): void {
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.min(values.length - 1, Math.floor(share * values.length))].toFixed(2);
  console.log(`  ${name}: p50 ${at(0.5)} ms  (min ${at(0)}, max ${at(1)})`);
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
