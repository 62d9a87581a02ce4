// npm run bench -- [kernel|train|profile|rank|growth|threads]   Times parts of attune on this machine. Without a name: all of them, at length.

import { defaultThreads } from "../src/train/supervisor.ts";
import { formatMachine, formatSuite, machine } from "./report.ts";
import { SUITES } from "./suites.ts";
import { benchThreads } from "./threads.ts";

/** What needs this repository beside it. */
const OWN: ReadonlyMap<string, () => Promise<void>> = new Map([["threads", benchThreads]]);

const known = [...SUITES.map(({ name }) => name), ...OWN.keys()];
const names = process.argv.slice(2);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: unknown suite ${unknown.join(", ")}, expected ${known.join(", ")}.`);
  process.exit(2);
}
const wants = (name: string) => names.length === 0 || names.includes(name);
console.log(formatMachine(machine()));
for (const { name, run } of SUITES) {
  if (!wants(name)) continue;
  for (const line of formatSuite({ name, ...(await run({ threads: defaultThreads(), full: true })) }))
    console.log(line);
}
for (const [name, run] of OWN) {
  if (!wants(name)) continue;
  console.log(`\n${name}`);
  await run();
}
