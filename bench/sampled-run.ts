// node scripts/run.mjs bench/sampled-run.ts [ITEMS …]   Training steps with a sampled loss, catalogue by catalogue, a process each.

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { formatSpread } from "./measure.ts";
import { type SampledGrowth, STEPS, timeStep, USERS } from "./sampled.ts";

const SIZES = ["10000", "100000", "1000000"];

function print({ items, step, rows, catchUpMs, ranksMs, ranksAgainMs, plannedBytes, residentBytes }: SampledGrowth) {
  const ms = (time: number) => `${time.toFixed(1)} ms`;
  const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`;
  console.log(
    `${items.toLocaleString("en").padStart(9)} items: step ${formatSpread(step)} ms, ${Math.round(rows)} rows; ` +
      `catching up ${ms(catchUpMs)}; ${USERS} ranks ${ms(ranksMs)}, again ${ms(ranksAgainMs)}; ` +
      `${mebibytes(plannedBytes)} planned, ${mebibytes(residentBytes)} resident at most`,
  );
}

const sizes = process.argv.slice(2);
if (sizes.length === 1) print(await timeStep(Number(sizes[0])));
else {
  console.log(`attune, Node ${process.version}, ${cpus()[0].model}, one thread; ${USERS} users of ${STEPS} steps`);
  for (const items of sizes.length > 0 ? sizes : SIZES) {
    execFileSync(process.execPath, ["scripts/run.mjs", "bench/sampled-run.ts", items], { stdio: "inherit" });
  }
}
