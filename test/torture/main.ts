// npm run torture [-- SEED]   At least 100 kills at random times, more in the last epoch, and one before every file-system call of a
// save. Then what resuming costs: kills in the last epoch of a training whose epochs take longer than its start.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { faultOf, type Kill, torture } from "./torture.ts";

const COMMON = {
  // Seen from build/, where this program is run.
  root: fileURLToPath(new URL("..", import.meta.url)),
  seed: Number(process.argv[2] ?? 1),
  together: 1,
  tell: (line: string) => console.log(line),
};
const SETTINGS = ["--model", "gru4rec", "--threads", "2", "--set", "embedding=32", "hidden=32", "learningRate=0.003"];

console.log(`Node ${process.version}, ${availableParallelism()} cores\n`);
const small = await torture({
  ...COMMON,
  log: { users: 300, items: 300, events: 24 },
  settings: ["--epochs", "4", ...SETTINGS],
  inSaves: true,
  anywhere: 100,
  inLastEpoch: 20,
});
const byPhase = new Map<string, number>();
for (const { phase } of small) byPhase.set(phase, (byPhase.get(phase) ?? 0) + 1);
console.log("");
for (const [phase, count] of [...byPhase].sort(([, a], [, b]) => b - a))
  console.log(`${String(count).padStart(4)} in ${phase}`);

console.log("");
const large = await torture({
  ...COMMON,
  log: { users: 4000, items: 1000, events: 40 },
  settings: ["--epochs", "2", ...SETTINGS],
  inSaves: false,
  anywhere: 0,
  inLastEpoch: 6,
});
const resumed = large.filter(({ phase, upToDate }) => phase === "the last epoch" && upToDate);
const mean = resumed.reduce((sum, { cost }) => sum + cost, 0) / resumed.length;
const most = (numbers: number[]) => Math.max(...numbers);
console.log(
  `resuming from the last epoch, ${resumed.length} times: ${most(resumed.map(({ epochs }) => epochs))} epoch trained, ` +
    `${mean.toFixed(2)} epochs of the unbroken run in the mean, ${most(resumed.map(({ cost }) => cost)).toFixed(2)} at most`,
);
const kills: Kill[] = [...small, ...large];
const faults = kills.filter((kill) => faultOf(kill) !== undefined);
console.log(`\n${kills.length} kills, ${kills.length - faults.length} ended in the unbroken run's bytes`);
if (faults.length > 0 || resumed.some(({ epochs }) => epochs > 1)) process.exit(1);
