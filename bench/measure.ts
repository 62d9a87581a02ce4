// Times work in turns with the machine's own peak, so that a machine that slows down slows both: for each work a round
// times, with tinybench, the peak, the work, and the peak again; what is told is the median round, with the worst and the best.

import { Bench } from "tinybench";
import { InternalError } from "../src/errors.ts";
import type { BenchTeam, Work } from "./team.ts";

/** A median, and the extremes beside it. */
export interface Spread {
  median: number;
  least: number;
  most: number;
}

/** What a work came to. */
export interface Figure {
  name: string;
  unit: string;
  speed: Spread;
  /** Milliseconds of one call. */
  ms: Spread;
  /** Share of the peak that all threads of the run reach together, measured in the same rounds. */
  ofPeak?: Spread;
}

/** Figures of one run on one team. */
export interface Measured {
  threads: number;
  /** Gflop/s of all threads together. */
  peak: Spread;
  figures: readonly Figure[];
}

/** How long to measure. */
export interface Effort {
  rounds: number;
  /** Time for one work in one round, at least one call. */
  ms: number;
}

/** Time for each work before the first round, so that the optimising compiler has seen it. */
const WARM_UP_MS = 60;

/** How far the clock may wander between two neighbours without saying that the peak is none. */
const CLOCK = 0.02;

const tooFast = (name: string, share: number) =>
  new InternalError(
    "BENCH_ABOVE_PEAK",
    `bench: ${name} seems to run at ${share.toFixed(2)} of what the machine can do, expected 1 at most. ` +
      "The machine's speed changed under it; measure again when it is quiet.",
  );

/** Summarises values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], most: sorted[sorted.length - 1] };
}

/**
 * Times all works, a round after the other.
 * @throws InternalError `BENCH_ABOVE_PEAK` where one is faster than the peak of the same rounds
 */
export async function measure(team: BenchTeam, works: readonly Work[], effort: Effort): Promise<Measured> {
  const ms: number[][] = works.map(() => []);
  const peaks: number[][] = works.map(() => []);
  for (let round = -1; round < effort.rounds; round++) {
    for (const [index, work] of works.entries()) {
      const before = { ...team.peak, name: "peak before" };
      const after = { ...team.peak, name: "peak after" };
      const [beforeMs, spentMs, afterMs] = await timeOnce([before, work, after], round < 0 ? WARM_UP_MS : effort.ms);
      if (round < 0) continue;
      peaks[index].push(team.peak.units / Math.min(beforeMs, afterMs));
      ms[index].push(spentMs);
    }
  }
  const figures = works.map(({ name, units, unit, scale, flops }, index): Figure => {
    const shares =
      flops === undefined ? undefined : ms[index].map((spent, round) => flops / spent / peaks[index][round]);
    const ofPeak = shares && spreadOf(shares);
    if (ofPeak && ofPeak.median > 1 + CLOCK) throw tooFast(name, ofPeak.median);
    const speed = spreadOf(ms[index].map((spent) => units / scale / (spent / 1000)));
    return { name, unit, speed, ms: spreadOf(ms[index]), ofPeak };
  });
  return { threads: team.threads, peak: spreadOf(peaks.flat().map((flops) => flops / 1e6)), figures };
}

/** Times each work for a while. @returns medians in ms */
async function timeOnce(works: readonly Work[], ms: number): Promise<number[]> {
  const bench = new Bench({ time: ms, iterations: 1, warmup: false });
  for (const { name, run } of works) bench.add(name, run);
  await bench.run();
  return bench.tasks.map(({ name, result }) => {
    if ("error" in result) throw result.error;
    if (!("latency" in result)) throw new Error(`${name}: ${result.state}`);
    return result.latency.p50;
  });
}

/** Writes a number with three digits that count. */
export function digits(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** Writes a spread: `47.1 (45.0–48.2)`. */
export function formatSpread({ median, least, most }: Spread, write = digits): string {
  return `${write(median)} (${write(least)}–${write(most)})`;
}

/** Writes figures as lines of a table: name, speed, time of a call, share of the peak. */
export function formatMeasured({ threads, peak, figures }: Measured): string[][] {
  const share = (value: number) => value.toFixed(2);
  return [
    [`${threads} thread${threads > 1 ? "s" : ""}`, "speed", "ms a call", "of peak"],
    ["peak: 128-bit multiply-add", `${formatSpread(peak)} Gflop/s`, "", ""],
    ...figures.map(({ name, unit, speed, ms, ofPeak }) => [
      name,
      `${formatSpread(speed)} ${unit}`,
      digits(ms.median),
      ofPeak ? formatSpread(ofPeak, share) : "",
    ]),
  ];
}
