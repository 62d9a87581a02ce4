import { Bench } from "tinybench";

/** Work to time: what one call does, in units that make calls comparable. */
export interface Work {
  name: string;
  /** Units of one call, such as floating-point operations or users. */
  units: number;
  /** What `units` are, written as `G flop/s`, `users/s`. */
  unit: string;
  /** How many units make one printed unit: 1e9 for G. */
  scale: number;
  run: () => void;
}

const TIME_MS = 300;

/** Times all works in turn and prints the median with min and max. */
export async function measure(works: readonly Work[]): Promise<void> {
  const bench = new Bench({ time: TIME_MS, warmupTime: TIME_MS / 3 });
  for (const { name, run } of works) bench.add(name, run);
  await bench.run();
  const width = Math.max(...works.map(({ name }) => name.length));
  works.forEach(({ name, units, unit, scale }, index) => {
    const { result } = bench.tasks[index];
    if (!("latency" in result)) throw new Error(`${name}: ${result.state}`);
    const { p50, min, max, samplesCount } = result.latency;
    const speed = (ms: number) => (units / scale / (ms / 1000)).toPrecision(3);
    console.log(
      `  ${name.padEnd(width)}  median ${speed(p50).padStart(7)} ${unit}  (min ${speed(max)}, max ${speed(min)}, ${samplesCount} calls)`,
    );
  });
}
