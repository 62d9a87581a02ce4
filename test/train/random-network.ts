// Networks with random weights, random histories, and the comparison with what a twin says about them.

import { expect } from "vitest";
import type { Network } from "../../src/model/network.ts";
import type { TrainingEngine } from "../../src/wasm/engine.ts";
import type { Tensors } from "../reference/model.ts";
import type { Random } from "../reference/random.ts";

/** Items of the catalogue. */
export const ITEMS = 11;

/** Draws weights large enough that attention is far from uniform, and a ragged batch. */
export function fill(random: Random, engine: TrainingEngine, network: Network): Tensors {
  const tensors: Tensors = {};
  for (const { name, shape, value, size } of network.parameters.list) {
    const numbers = Float32Array.from(random.vector(size, 0.7));
    engine.memory.f32(value, size).set(numbers);
    tensors[name] =
      shape.length === 1
        ? Array.from(numbers)
        : Array.from({ length: shape[0] }, (_, row) =>
            Array.from(numbers.subarray(row * shape[1], (row + 1) * shape[1])),
          );
  }
  network.prepare();
  return tensors;
}

/** Draws histories of 1 to 7 items. */
export function batchOf(random: Random, count: number) {
  return Array.from({ length: count }, () => {
    const length = random.integer(1, 7);
    const items = Array.from({ length: length + 1 }, () => random.integer(0, ITEMS - 1));
    return { inputs: items.slice(0, length), targets: items.slice(1) };
  });
}

/** Compares every gradient with the twin's, in proportion to the largest of its tensor. */
export function expectGradients(engine: TrainingEngine, network: Network, wanted: Tensors): void {
  for (const parameter of network.parameters.list) {
    const want = (wanted[parameter.name] as number[][]).flat();
    const largest = Math.max(...want.map(Math.abs), 1e-3);
    const got = engine.memory.f32(parameter.gradient, parameter.size);
    want.forEach((value, i) => {
      const error = Math.abs(got[i] - value) / largest;
      expect(error, `${parameter.name}[${i}]: got ${got[i]}, want ${value}`).toBeLessThan(2e-4);
    });
  }
}
