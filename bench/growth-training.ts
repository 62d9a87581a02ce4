// How a training step grows: time and peak memory of gru4rec's step where one size grows and the others stay, beside the operations
// that the model has to do, and the exponent that fits: time ∝ size^exponent.

import { digits, type Effort, formatSpread, measure, type Spread } from "./measure.ts";
import { type Shape, stepWork } from "./steps.ts";
import { openTeam } from "./team.ts";

/** One size and what it took. */
export interface GrowthPoint {
  size: number;
  ms: Spread;
  /** Model operations of the step. */
  flops: number;
  /** Wasm memory in use at most. */
  peakBytes: number;
}

/** A size that grew. */
export interface Growth {
  axis: string;
  points: readonly GrowthPoint[];
  /** Fitted to all points: of the time, of the operations, of the memory. */
  exponents: { time: number; flops: number; memory: number };
}

/** A step: its shape, the width of its vectors, its threads. */
interface Point extends Omit<Shape, "name"> {
  width: number;
  threads: number;
}

const BASE: Point = { items: 10_000, users: 64, length: 20, width: 64, threads: 1 };
const AXES: readonly { axis: string; of: keyof Point; sizes: readonly number[]; base?: Partial<Point> }[] = [
  { axis: "items", of: "items", sizes: [1000, 10_000, 100_000] },
  { axis: "history", of: "length", sizes: [10, 50, 200, 500], base: { users: 16 } },
  { axis: "batch", of: "users", sizes: [8, 64, 256, 1024], base: { items: 2000 } },
  { axis: "width", of: "width", sizes: [32, 64, 128, 256] },
];

/** Grows each size in turn, then the threads. */
export async function growthOf(threads: number, effort: Effort): Promise<Growth[]> {
  const all: Growth[] = [];
  for (const { axis, of, sizes, base } of AXES) {
    const points: GrowthPoint[] = [];
    for (const size of sizes) points.push(await timePoint({ ...BASE, ...base, [of]: size }, size, effort));
    all.push(growth(axis, points));
  }
  if (threads > 1) {
    const points: GrowthPoint[] = [];
    for (const size of [1, threads]) points.push(await timePoint({ ...BASE, threads: size }, size, effort));
    all.push(growth("threads", points));
  }
  return all;
}

async function timePoint({ width, threads, ...shape }: Point, size: number, effort: Effort): Promise<GrowthPoint> {
  const team = await openTeam(threads);
  const work = stepWork(team.engine, "gru4rec", { name: "", ...shape }, { embedding: width, hidden: width });
  const { figures } = await measure(team, [work], effort).finally(() => team.close());
  return { size, ms: figures[0].ms, flops: work.flops!, peakBytes: team.engine.memory.peakBytes };
}

function growth(axis: string, points: readonly GrowthPoint[]): Growth {
  const fit = (of: (point: GrowthPoint) => number) => exponent(points.map((point) => [point.size, of(point)]));
  return {
    axis,
    points,
    exponents: {
      time: fit(({ ms }) => ms.median),
      flops: fit(({ flops }) => flops),
      memory: fit(({ peakBytes }) => peakBytes),
    },
  };
}

/** The slope of the least-squares line through the logarithms. */
export function exponent(points: readonly (readonly [size: number, value: number])[]): number {
  const logs = points.map(([size, value]) => [Math.log(size), Math.log(value)]);
  const mean = (index: number) => logs.reduce((sum, log) => sum + log[index], 0) / logs.length;
  const [x, y] = [mean(0), mean(1)];
  const above = logs.reduce((sum, log) => sum + (log[0] - x) * (log[1] - y), 0);
  return above / logs.reduce((sum, log) => sum + (log[0] - x) ** 2, 0);
}

/** Writes a growth as lines of a table. */
export function formatGrowth({ axis, points, exponents }: Growth): string[][] {
  return [
    [axis, "ms a step", "model Gflop", "memory MB"],
    ...points.map(({ size, ms, flops, peakBytes }) => [
      size.toLocaleString("en"),
      formatSpread(ms),
      digits(flops / 1e9),
      digits(peakBytes / 1e6),
    ]),
    ["exponent", exponents.time.toFixed(2), exponents.flops.toFixed(2), exponents.memory.toFixed(2)],
  ];
}
