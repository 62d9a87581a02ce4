import { expect, test } from "vitest";
import { resolveConfig } from "../../src/model/config.ts";
import { Parameters } from "../../src/model/parameters.ts";
import { AdamW } from "../../src/train/optimizer.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";

test("a step leaves frozen floats as they are, neither gradient nor decay moves them, and their gradient is in no norm", async () => {
  const engine = await createTrainingEngine();
  const { memory } = engine;
  const config = resolveConfig({ weightDecay: 0.5, learningRate: 0.1, clip: 1 });
  const init = { kind: "constant", size: 0 } as const;
  // Rows of five floats, so that frozen ones begin and end between vectors of four.
  const specs = [
    { name: "table", shape: [7, 5], init },
    { name: "other", shape: [6], init },
  ];
  const run = (frozen: readonly [number, number][], gradientOfFrozen: number) => {
    const parameters = new Parameters(engine, specs, true);
    const { floats, values, gradients } = parameters;
    const isFrozen = (i: number) => frozen.some(([from, to]) => i >= from && i < to);
    memory.f32(values, floats).set(Array.from({ length: floats }, (_, i) => 1 + i / 8));
    const optimizer = new AdamW(engine, parameters, config);
    for (const [from, to] of frozen) parameters.freeze(memory, from, to);
    const norms: number[] = [];
    for (let step = 0; step < 3; step++) {
      memory.f32(gradients, floats).set(Array.from({ length: floats }, (_, i) => (isFrozen(i) ? gradientOfFrozen : i)));
      norms.push(optimizer.step());
    }
    return { norms, weights: [...memory.f32(values, floats)] };
  };
  const runs: [number, number][] = [
    [5, 15],
    [33, 35],
  ];
  const held = run(runs, 1e6);
  const free = run([], 0);
  held.weights.forEach((weight, i) => {
    const isFrozen = (i >= 5 && i < 15) || (i >= 33 && i < 35);
    if (isFrozen) expect(weight, `float ${i}`).toBe(1 + i / 8);
    else expect(weight, `float ${i}`).not.toBe(1 + i / 8);
  });
  // What is not frozen moves as if the frozen floats were not there.
  expect(run(runs, 0)).toEqual(held);
  expect(held.norms[0]).toBeLessThan(free.norms[0]);
});
