// Whole models against PyTorch: losses, gradient norms and weights of ten training steps, for every composition there is.

import { expect, test } from "vitest";
import { backpropagate } from "../../src/model/backpropagate.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { AdamW } from "../../src/train/optimizer.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { type BlocksTrainingCase, type GoldenBlock, loadGolden, type TrainingCase } from "../golden/load.ts";

const { cases } = loadGolden("training.json");
const all: (TrainingCase | BlocksTrainingCase)[] = [...cases, ...loadGolden("training-blocks.json").cases];

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

/** The block of a fixture; those of training.json are recurrences and nothing else. */
const blockOf = (block: TrainingCase["blocks"][number] | GoldenBlock): GoldenBlock =>
  typeof block === "string" ? { mixer: block, residual: "none", norm: "none", feedForward: null } : block;

/** The settings of what a fixture trained; sizes that it does not name are those of its tensors. */
function settingsOf(golden: TrainingCase | BlocksTrainingCase): Record<string, unknown> {
  const { attention, optimizer, initial } = golden;
  const { mixer, heads, activation, residual, norm, feedForward } = blockOf(golden.blocks[0]);
  const attends = mixer === "self-attention";
  const inner = initial["blocks.0.feed_forward.linear1.bias"]?.length ?? 0;
  return {
    embedding: golden.width,
    hidden: golden.width,
    layers: golden.blocks.length,
    mixer: attends ? mixer : "recurrence",
    cell: attends ? undefined : mixer,
    activation,
    heads,
    residual,
    norm,
    feedForward: inner / golden.width,
    feedForwardActivation: feedForward ?? undefined,
    positions: "learnedPositions" in golden && golden.learnedPositions ? "learned" : "none",
    window: initial["positions.weight"]?.length,
    interest: attention?.interest ?? "none",
    score: attention && "score" in attention ? attention.score : undefined,
    normalize: attention?.normalize ?? "causal",
    scale: attention?.scale ?? "none",
    learningRate: optimizer.learningRate,
    weightDecay: optimizer.weightDecay,
    clip: optimizer.maxNorm,
  };
}

async function build(golden: TrainingCase | BlocksTrainingCase, overrides: Record<string, unknown> = {}) {
  const engine = await createTrainingEngine();
  const config = resolveConfig(settingsOf(golden), overrides);
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

/** Whether a number has no effect: the bias of a self-attention's k, whose gradient is rounding that Adam makes steps of. */
const hasNoEffect = (name: string, index: number, width: number): boolean =>
  name.endsWith("self_attention.in_proj_bias") && index >= width && index < 2 * width;

for (const golden of all) {
  test(`${golden.name}: ten training steps give PyTorch's losses, norms, gradients and weights`, async () => {
    const { engine, network, optimizer, examples } = await build(golden);
    for (const [step, want] of golden.losses.entries()) {
      const { loss, count } = backpropagate(network, engine, examples, step);
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
      const got = engine.memory.f32(value, size).slice();
      const want = (golden.final[name] as number[][]).flat();
      for (const i of want.keys()) if (hasNoEffect(name, i, golden.width)) got[i] = want[i];
      const { error, at } = worst(got, want);
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
    const { loss, count } = backpropagate(network, engine, examples, 0);
    expect(Math.abs(loss / count - golden.losses[0]), name).toBeGreaterThan(2e-4);
  }
});

test("windows change no loss: the state is carried on", async () => {
  for (const golden of all) {
    // Self-attention reaches back one window and no further.
    if (blockOf(golden.blocks[0]).mixer === "self-attention") continue;
    const { engine, network, examples } = await build(golden, { window: 2 });
    const { loss, count } = backpropagate(network, engine, examples, 0);
    expect(loss / count, golden.name).toBeCloseTo(golden.losses[0], 5);
  }
});

test("sasrec: steps beyond the window are a history of their own, with positions of its own", async () => {
  const golden = all.find(({ name }) => name === "sasrec")!;
  const lossOf = async (histories: typeof golden.batch): Promise<number> => {
    const { engine, network, examples } = await build({ ...golden, batch: histories });
    const { loss, count } = backpropagate(network, engine, examples, 0);
    return loss / count;
  };
  // Twice a window: its halves are the same history.
  const inputs = [3, 7, 3, 0, 11, 5, 12];
  const targets = [7, 3, 0, 11, 5, 12, 3];
  const once = await lossOf([{ inputs, targets }]);
  const twice = await lossOf([{ inputs: [...inputs, ...inputs], targets: [...targets, ...targets] }]);
  expect(twice).toBeCloseTo(once, 5);
});
