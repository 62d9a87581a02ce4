// npm run bench -- [kernel|train|rank|threads]   Times parts of attune on this machine. Without a name: all of them.

import { cpus } from "node:os";
import { version } from "../src/version.ts";
import { benchKernels } from "./kernel.ts";
import { benchRanking } from "./rank.ts";
import { benchThreads } from "./threads.ts";
import { benchTraining } from "./train.ts";

const SUITES: ReadonlyMap<string, () => Promise<void>> = new Map([
  ["kernel", benchKernels],
  ["train", benchTraining],
  ["rank", benchRanking],
  ["threads", benchThreads],
]);

const names = process.argv.slice(2);
const unknown = names.filter((name) => !SUITES.has(name));
if (unknown.length > 0) {
  console.error(`bench: unknown suite ${unknown.join(", ")}, expected ${[...SUITES.keys()].join(", ")}.`);
  process.exit(2);
}
console.log(`attune ${version}, Node ${process.version}, ${cpus()[0].model}, ${cpus().length} cores`);
for (const [name, suite] of SUITES) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`\n${name}`);
  await suite();
}
