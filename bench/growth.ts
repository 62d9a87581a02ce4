// node scripts/run.mjs bench/growth.ts [WIDTH]   How exact top-K grows: catalogues to 1,000,000 items, lists to 1,000. Vectors whose
// lengths and axes fall off as a trained model's do. Prints the time of a batch and of one query, and the memory planned.

import { cpus } from "node:os";
import { resolveConfig } from "../src/model/config.ts";
import { Network } from "../src/model/network.ts";
import { findPreset } from "../src/model/presets/index.ts";
import { fillCatalogue, planCatalogue } from "../src/rank/catalogue.ts";
import { searchPlainly } from "../src/rank/plain.ts";
import { joinLists, search } from "../src/rank/search.ts";
import { createInferenceEngine, createTrainingEngine } from "../src/wasm/node.ts";
import { scannerOf } from "../src/wasm/scanner.ts";
import { formatSpread, spreadOf } from "./measure.ts";

const ROWS = 256;
const CALLS = 7;
const width = Number(process.argv[2] ?? 64);

console.log(`attune, Node ${process.version}, ${cpus()[0].model}, one thread; ${ROWS} queries × ${width}`);
for (const items of [1000, 10_000, 100_000, 1_000_000]) {
  // Training draws, in a memory that threads share; what answers has one of its own, where every form of the integer pass may work.
  const drawing = await createTrainingEngine();
  const engine = await createInferenceEngine();
  const { memory } = engine;
  const settings = { ...findPreset("gru4rec").settings, embedding: width, hidden: width };
  const network = new Network(engine, resolveConfig(settings, { preset: "gru4rec" }), items, false);
  const table = network.scorer.embedding;
  const shape = (at: number, rows: number, stream: number) => {
    const mark = drawing.memory.mark();
    const drawn = drawing.memory.planF32(rows * width);
    drawing.kernels.fillNormalF32(0, rows * width, drawn, 1, 1, stream);
    const values = memory.f32(at, rows * width);
    values.set(drawing.memory.f32(drawn, rows * width));
    drawing.memory.release(mark);
    for (let i = 0; i < values.length; i++) {
      const row = Math.floor(i / width);
      values[i] *= (0.5 + ((row * 7919) % 1000) / 700) / (1 + (i % width) / 4);
    }
  };
  shape(table.value, items, 1);
  network.prepare();
  const before = memory.mark();
  const layout = planCatalogue(network);
  const startMs = performance.now();
  const catalogue = fillCatalogue(network, layout, 1)!;
  const copyMs = performance.now() - startMs;
  network.keepPlanned();
  const copyBytes = memory.mark() - before;
  const nothing = (rows: number) => joinLists(Array.from({ length: rows }, () => []));
  const median = (run: () => void) => {
    run();
    const times = Array.from({ length: CALLS }, () => {
      const begin = performance.now();
      run();
      return performance.now() - begin;
    });
    return formatSpread(spreadOf(times));
  };
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(
    `${items.toLocaleString("en")} items: ${scannerOf(engine).name} copy of ${mebibytes(copyBytes)} in ${copyMs.toFixed(0)} ms, ${catalogue.axes === 0 ? "as it is" : "turned"}`,
  );
  for (const k of [1, 20, 100, 1000]) {
    if (k > items / 8) continue;
    network.releaseStep();
    const y = memory.planF32(ROWS * width);
    shape(y, ROWS, 2);
    const base = memory.mark();
    const batch = median(() => search(network, catalogue, ROWS, y, k, nothing(ROWS)));
    const one = median(() => search(network, catalogue, 1, y, k, nothing(1)));
    // What was found has to be what scoring everything finds.
    const found = search(network, catalogue, 1, y, k, nothing(1));
    searchPlainly(network, 1, y, k, nothing(1), (_, count, ids, scores) => {
      for (let i = 0; i < count; i++) {
        if (ids[i] !== found.items[i] || scores[i] !== found.scores[i]) throw new Error(`K=${k}: entry ${i} differs`);
      }
    });
    console.log(
      `  K = ${k}: ${ROWS} queries ${batch} ms, one ${one} ms; a request plans ${mebibytes(memory.peakBytes - base)} at most`,
    );
  }
  console.log(`  peak: ${mebibytes(memory.peakBytes)} planned, ${mebibytes(process.memoryUsage().rss)} of the process`);
}
