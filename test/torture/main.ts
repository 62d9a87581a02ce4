// npm run torture [-- SEED]   At least 100 kills at random times, more in the last epoch, and one before every file-system call of a save.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { faultOf, torture } from "./torture.ts";

const kills = await torture({
  // Seen from build/, where this program is run.
  root: fileURLToPath(new URL("..", import.meta.url)),
  log: { users: 300, items: 300, events: 24 },
  settings: [
    "--model",
    "gru4rec",
    "--threads",
    "2",
    "--epochs",
    "4",
    "--set",
    "embedding=32",
    "hidden=32",
    "learningRate=0.003",
  ],
  seed: Number(process.argv[2] ?? 1),
  anywhere: 100,
  inLastEpoch: 20,
  together: 1,
  tell: (line) => console.log(line),
});
const faults = kills.filter((kill) => faultOf(kill) !== undefined);
const byPhase = new Map<string, number>();
for (const { phase } of kills) byPhase.set(phase, (byPhase.get(phase) ?? 0) + 1);
console.log(`\nNode ${process.version}, ${availableParallelism()} cores`);
for (const [phase, count] of [...byPhase].sort(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(4)} in ${phase}`);
const last = kills.filter(({ phase, runs }) => phase === "the last epoch" && runs === 2);
const costs = last.filter(({ upToDate }) => upToDate).map(({ cost }) => cost);
const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
console.log(
  `resumed from the last epoch: ${last.length}, of these ${costs.length} from the checkpoint of the epoch before; ` +
    `they trained ${Math.max(...last.filter(({ upToDate }) => upToDate).map(({ epochs }) => epochs))} epoch at most ` +
    `and took ${mean.toFixed(2)} epochs of an unbroken run in the mean, ${Math.max(...costs).toFixed(2)} at most`,
);
console.log(`${kills.length} kills, ${kills.length - faults.length} ended in the unbroken run's bytes`);
if (faults.length > 0) process.exit(1);
