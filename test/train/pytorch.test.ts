// Whole models against PyTorch: losses, gradient norms and weights of ten training steps, for every composition there is.

import { expect, test } from "vitest";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { AdamW } from "../../src/train/optimizer.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { loadGolden, type TrainingCase } from "../golden/load.ts";

const { cases } = loadGolden("training.json");

/** Largest difference relative to the larger of the wanted value and the tensor's own scale. */
function worst(got: Float32Array, want: number[]): { error: number; at: number } {
  const scale = Math.max(...want.map(Math.abs), 1e-3);
  let error = 0;
  let at = 0;
  want.forEach((value, i) => {
    const here = Math.abs(got[i] - value) / scale;
    if (!(here <= error)) {
      error = here;
      at = i;
    }
  });
  return { error, at };
}

async function build(golden: TrainingCase, overrides: Record<string, unknown> = {}) {
  const engine = await createTrainingEngine();
  const { attention, optimizer } = golden;
  const config = resolveConfig({
    embedding: golden.width,
    hidden: golden.width,
    layers: golden.blocks.length,
    cell: golden.blocks[0],
    interest: attention?.interest ?? "none",
    normalize: attention?.normalize ?? "causal",
    scale: attention?.scale ?? "none",
    learningRate: optimizer.learningRate,
    weightDecay: optimizer.weightDecay,
    clip: optimizer.maxNorm,
    ...overrides,
  });
  const network = new Network(engine, config, golden.items, true);
  expect(network.parameters.list.map((p) => p.name).sort()).toEqual(Object.keys(golden.initial).sort());
  for (const { name, value, size } of network.parameters.list) {
    engine.memory.f32(value, size).set((golden.initial[name] as number[][]).flat());
  }
  const optimizerOf = new AdamW(engine, network.parameters, config);
  network.keepPlanned();
  network.prepare();
  const examples = golden.batch.map(({ inputs, targets }) => ({
    history: inputs,
    next: targets,
    lossFrom: golden.positions === "all" ? 0 : inputs.length - 1,
  }));
  return { engine, network, optimizer: optimizerOf, examples };
}

for (const golden of cases) {
  test(`${golden.name}: ten training steps give PyTorch's losses, norms, gradients and weights`, async () => {
    const { engine, network, optimizer, examples } = await build(golden);
    for (const [step, want] of golden.losses.entries()) {
      const { loss, count } = network.backpropagate(engine, examples, step);
      expect(loss / count, `loss of step ${step}`).toBeCloseTo(want, 4);
      if (step === 0) {
        for (const { name, gradient, size } of network.parameters.list) {
          const { error, at } = worst(
            engine.memory.f32(gradient, size),
            (golden.firstGradients[name] as number[][]).flat(),
          );
          expect(error, `gradient of ${name}[${at}]`).toBeLessThan(1e-4);
        }
      }
      expect(optimizer.step(), `gradient norm of step ${step}`).toBeCloseTo(golden.norms[step], 4);
      network.prepare();
      network.releaseStep();
    }
    for (const { name, value, size } of network.parameters.list) {
      const { error, at } = worst(engine.memory.f32(value, size), (golden.final[name] as number[][]).flat());
      expect(error, `${name}[${at}] after ten steps`).toBeLessThan(1e-3);
    }
  });
}

test("swapping two gate blocks of equal shape moves the loss by four times its tolerance and more", async () => {
  for (const name of ["gru", "lstm"] as const) {
    const golden = cases.find((c) => c.name === name)!;
    const { engine, network, examples } = await build(golden);
    const { value } = network.parameters.get("blocks.0.recurrence.weight_ih_l0");
    const block = golden.width * golden.width;
    const weights = engine.memory.f32(value, 2 * block);
    const first = weights.slice(0, block);
    weights.copyWithin(0, block, 2 * block);
    weights.set(first, block);
    network.prepare();
    const { loss, count } = network.backpropagate(engine, examples, 0);
    expect(Math.abs(loss / count - golden.losses[0]), name).toBeGreaterThan(2e-4);
  }
});

test("windows change no loss: the state is carried on", async () => {
  for (const golden of cases) {
    const { engine, network, examples } = await build(golden, { window: 2 });
    const { loss, count } = network.backpropagate(engine, examples, 0);
    expect(loss / count, golden.name).toBeCloseTo(golden.losses[0], 5);
  }
});
