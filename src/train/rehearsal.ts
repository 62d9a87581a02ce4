// Plans the largest step of a training before the first: what does not fit in memory is told at once, not in an hour.

import { backpropagate } from "../model/backpropagate.ts";
import type { ModelConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import type { ExampleSource, LessonPart } from "./lesson.ts";
import { AdamW } from "./optimizer.ts";

/**
 * Goes through the step of the longest histories with a network that is forgotten afterwards and kernels that do nothing, so that
 * all of it is planned and nothing computed. A later step may still take a little more where prefixes are sampled, or where users
 * with an interest of their own are alone in a batch.
 * @throws CapacityError `MEMORY_LIMIT`, `MEMORY_REFUSED`
 */
export function rehearseStep(engine: TrainingEngine, config: ModelConfig, part: LessonPart): void {
  const { memory, kernels } = engine;
  if (part.source.units.length === 0) return;
  const idle: TrainingEngine = { ...engine, each: () => {} };
  const mark = memory.mark();
  try {
    const network = new Network(idle, config, part.items, true, part.users);
    new AdamW(idle, network.parameters, config);
    backpropagate(network, idle, part.source.examples(kernels, longestUnits(part.source, config.batch), 1), 0);
  } finally {
    memory.release(mark);
  }
}

/** Finds the units with the most steps. */
function longestUnits({ units, stepsOf }: ExampleSource, count: number): Uint32Array {
  const steps = Uint32Array.from(units, (unit) => stepsOf(unit)).sort();
  const least = steps[Math.max(0, steps.length - count)];
  const long = units.filter((unit) => stepsOf(unit) >= least);
  return long.sort((a, b) => stepsOf(b) - stepsOf(a)).subarray(0, count);
}
