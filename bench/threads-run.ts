// node scripts/run.mjs bench/threads-run.ts DATA THREADS EPOCHS   One training, as `attune train` does it, in a process of its own.
// Prints the time and the processor time of all its threads, from the first step to the end of the last epoch, as JSON.

import { train } from "../src/api/train.ts";

const [data, threads, epochs] = process.argv.slice(2);
let start: { ms: number; cpu: NodeJS.CpuUsage } | undefined;
let end = { seconds: 0, cpuSeconds: 0 };
await train(data, {
  model: "gru4rec",
  epochs: Number(epochs),
  patience: Number(epochs),
  refit: false,
  threads: Number(threads),
  onProgress() {
    start ??= { ms: performance.now(), cpu: process.cpuUsage() };
    const { user, system } = process.cpuUsage(start.cpu);
    end = { seconds: (performance.now() - start.ms) / 1000, cpuSeconds: (user + system) / 1e6 };
  },
});
console.log(JSON.stringify(end));
