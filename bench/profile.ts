// Where a training step spends its time: every call of a kernel is timed, on one thread and on all of them.

import type { TrainingEngine } from "../src/wasm/engine.ts";
import type { TrainingKernels } from "../src/wasm/kernels.ts";
import type { Memory } from "../src/wasm/memory.ts";
import { extentOf } from "../src/wasm/team.ts";
import { digits } from "./measure.ts";
import { type Shape, stepWork } from "./steps.ts";
import { type BenchTeam, openTeam } from "./team.ts";

/** What a kernel has of a step. */
export interface KernelTime {
  kernel: string;
  /** Calls in a step. */
  calls: number;
  /** Milliseconds of a step, on one thread and on all. */
  ms: { one: number; all: number };
  /** Share of the peak, likewise; undefined where the kernel's work is not products. */
  ofPeak?: { one: number; all: number };
}

/** The kernels of a step, the longest first, and what is left: TypeScript between them. */
export interface Profile {
  name: string;
  threads: number;
  /** Milliseconds of a whole step. */
  ms: { one: number; all: number };
  kernels: readonly KernelTime[];
}

/** Kernels that are shown; the rest is summed up. */
const SHOWN = 10;
const PEAK_CALLS = 5;

/** Times and work of a kernel in some steps. */
interface Tally {
  calls: number;
  ms: number;
  flops: number;
}

/** The products inside a call, from what it is given after its share; for kernels that are products first of all. */
const FLOPS: { [kernel: string]: (extent: number, rest: readonly number[], memory: Memory) => number } = {
  crossEntropyF32: (_, [rows, , items, width]) => 4 * rows * items * width,
  crossEntropyTableF32: (items, [rows, , , width]) => 2 * rows * items * width,
  gemmF32: (rows, [n, k]) => 2 * rows * n * k,
  gruForwardF32: (_, rest, memory) => 6 * recurrentProducts(rest, memory),
  gruBackwardF32: (_, rest, memory) => 6 * recurrentProducts(rest, memory),
  lstmForwardF32: (_, rest, memory) => 8 * recurrentProducts(rest, memory),
  lstmBackwardF32: (_, rest, memory) => 8 * recurrentProducts(rest, memory),
};

/** Multiply-adds of one gate of a recurrence: a row of the packed window by H × H. */
function recurrentProducts([steps, offsets, hidden]: readonly number[], memory: Memory): number {
  const rows = memory.i32(offsets, steps + 1);
  return (rows[steps] - rows[0]) * hidden * hidden;
}

/** Profiles steps of a preset on one thread and on all. */
export async function profileOf(preset: string, shape: Shape, threads: number, steps: number): Promise<Profile> {
  const one = await tallies(await openTeam(1), preset, shape, steps);
  const team = await openTeam(threads);
  const all = await tallies(team, preset, shape, steps).finally(() => team.close());
  const kernels = [...one.kernels].map(([kernel, tally]): KernelTime => {
    const other = all.kernels.get(kernel)!;
    const share = ({ flops, ms }: Tally, peak: number) => flops / (ms * peak);
    return {
      kernel,
      calls: tally.calls / steps,
      ms: { one: tally.ms / steps, all: other.ms / steps },
      ofPeak: tally.flops > 0 ? { one: share(tally, one.peak), all: share(other, all.peak) } : undefined,
    };
  });
  kernels.sort((a, b) => b.ms.one - a.ms.one);
  return { name: `${preset}: ${shape.name}`, threads, ms: { one: one.ms / steps, all: all.ms / steps }, kernels };
}

async function tallies(
  team: BenchTeam,
  preset: string,
  shape: Shape,
  steps: number,
): Promise<{ kernels: Map<string, Tally>; ms: number; peak: number }> {
  const kernels = new Map<string, Tally>();
  const { engine, peak } = team;
  const each: TrainingEngine["each"] = (kernel: keyof TrainingKernels, axis, grain, ...rest) => {
    const startMs = performance.now();
    engine.each(kernel, axis, grain, ...rest);
    const ms = performance.now() - startMs;
    const tally = kernels.get(kernel) ?? { calls: 0, ms: 0, flops: 0 };
    kernels.set(kernel, tally);
    tally.calls++;
    tally.ms += ms;
    tally.flops += FLOPS[kernel]?.(extentOf(axis), rest as readonly number[], engine.memory) ?? 0;
  };
  const { run } = stepWork({ ...engine, each }, preset, shape);
  for (let step = 0; step < steps; step++) run();
  kernels.clear();
  let leastMs = Number.POSITIVE_INFINITY;
  for (let call = 0; call < PEAK_CALLS; call++) {
    const startMs = performance.now();
    peak.run();
    leastMs = Math.min(leastMs, performance.now() - startMs);
  }
  const startMs = performance.now();
  for (let step = 0; step < steps; step++) run();
  return { kernels, ms: performance.now() - startMs, peak: peak.units / leastMs };
}

/** Writes a profile as lines of a table. */
export function formatProfile({ name, threads, ms, kernels }: Profile): string[][] {
  const row = (title: string, calls: string, own: { one: number; all: number }, ofPeak?: KernelTime["ofPeak"]) => [
    title,
    calls,
    digits(own.one),
    `${((100 * own.one) / ms.one).toFixed(1)} %`,
    ofPeak ? ofPeak.one.toFixed(2) : "",
    digits(own.all),
    (own.one / own.all).toFixed(2),
    ofPeak ? ofPeak.all.toFixed(2) : "",
  ];
  const sum = (list: readonly KernelTime[]) => ({
    one: list.reduce((total, kernel) => total + kernel.ms.one, 0),
    all: list.reduce((total, kernel) => total + kernel.ms.all, 0),
  });
  const [inKernels, rest] = [sum(kernels), kernels.slice(SHOWN)];
  return [
    [name, "calls", "ms, 1 thread", "share", "of peak", `ms, ${threads}`, "faster", "of peak"],
    ...kernels
      .slice(0, SHOWN)
      .map(({ kernel, calls, ms: own, ofPeak }) => row(kernel, String(Math.round(calls)), own, ofPeak)),
    ...(rest.length > 0 ? [row(`${rest.length} more kernels`, "", sum(rest))] : []),
    row("between kernels", "", { one: ms.one - inKernels.one, all: ms.all - inKernels.all }),
    row("a step", "", ms),
  ];
}
