// node scripts/run.mjs bench/cold.ts [MODEL]   Cold starts of a model; without one, of 50,000 items × 64 with random weights.

import { cpus } from "node:os";
import { spreadOf } from "./measure.ts";
import { measureColdStart } from "./ranking/cold-start.ts";

const { instantiate, read, answer, readAndAnswer, bytes } = await measureColdStart(process.argv[2]);
console.log(
  `attune, Node ${process.version}, ${cpus()[0].model}; ${read.length} processes, model of ${(bytes / 1e6).toFixed(1)} MB`,
);
for (const [name, values] of Object.entries({
  "compile and instantiate": instantiate,
  "read the model": read,
  "first answer": answer,
  "read and first answer": readAndAnswer,
})) {
  const { median, least, most } = spreadOf(values);
  console.log(`  ${name}: p50 ${median.toFixed(2)} ms  (min ${least.toFixed(2)}, max ${most.toFixed(2)})`);
}
