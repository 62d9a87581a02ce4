// The composition against a twin that shares no code with it: every interest × normalisation × scale × cell, in f64.

import { expect, test } from "vitest";
import { backpropagate } from "../../src/model/backpropagate.ts";
import { type ModelConfig, resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import type { Interest } from "../reference/interest.ts";
import { modelStep } from "../reference/model.ts";
import { forSeeds } from "../reference/random.ts";
import { batchOf, expectGradients, fill, ITEMS } from "./random-network.ts";

const combinations: Partial<ModelConfig>[] = [];
for (const cell of ["gru", "lstm"] as const) {
  combinations.push({ cell, interest: "none" }, { cell, interest: "none", activation: "relu" });
  for (const interest of ["learned", "last", "mean"] as const) {
    for (const normalize of ["causal", "sequence"] as const) {
      for (const score of ["dot", "mlp", "gaussian"] as const) {
        combinations.push({ cell, interest, normalize, score, scale: "length" });
      }
      combinations.push({ cell, interest, normalize, score: "dot", scale: "none" });
    }
  }
}
combinations.push({
  cell: "gru",
  interest: "last",
  normalize: "causal",
  score: "gaussian",
  sigma: 0.8,
  scale: "length",
});

for (const settings of combinations) {
  const { cell, interest, normalize, scale, score, sigma, activation = "tanh" } = settings;
  const width = sigma ? `, fixed sigma ${sigma}` : "";
  const name =
    interest === "none"
      ? `${cell} with ${activation}, without attention`
      : `${cell}, ${interest} interest, ${score}${width}, ${normalize}, scale ${scale}`;
  test(`${name}: loss and every gradient equal the f64 twin`, async () => {
    const engine = await createTrainingEngine();
    const config = resolveConfig(settings, { embedding: 7, hidden: 7, layers: 2 });
    const network = new Network(engine, config, ITEMS, true);
    const positions = interest !== "none" && normalize === "sequence" ? "last" : "all";
    const block = { mixer: cell!, activation, residual: "none", norm: "none" } as const;
    const attention =
      interest === "none"
        ? null
        : {
            interest: interest as Interest,
            normalize: config.normalize,
            scale: config.scale,
            score: config.score,
            sigma,
          };
    forSeeds(4, (random) => {
      const tensors = fill(random, engine, network);
      const batch = batchOf(random, 5);
      const want = modelStep({ blocks: [block, block], attention, positions }, tensors, batch);
      const { floats, gradients } = network.parameters;
      engine.memory.f32(gradients, floats).fill(0);
      const examples = batch.map(({ inputs, targets }) => ({
        history: inputs,
        next: targets,
        lossFrom: positions === "all" ? 0 : inputs.length - 1,
      }));
      const { loss, count } = backpropagate(network, engine, examples, 0);
      network.releaseStep();
      expect(loss / count).toBeCloseTo(want.loss, 5);
      expectGradients(engine, network, want.gradients);
    });
  });
}

test("attention matters: the interest gets a gradient, and permuting a history's weights changes the loss", async () => {
  for (const normalize of ["causal", "sequence"] as const) {
    const engine = await createTrainingEngine();
    const config = resolveConfig({ embedding: 8, hidden: 8, interest: "learned", normalize });
    const network = new Network(engine, config, ITEMS, true);
    forSeeds(1, (random) => fill(random, engine, network));
    const interest = network.parameters.get("attention.interest");
    const example = { history: [1, 2, 3, 4, 5], next: [2, 3, 4, 5, 6], lossFrom: 4 };
    const lossOf = () => backpropagate(network, engine, [example], 0).loss;
    const before = lossOf();
    expect(Math.max(...engine.memory.f32(interest.gradient, interest.size).map(Math.abs)), normalize).toBeGreaterThan(
      1e-3,
    );
    // Turning the interest around permutes which steps are heavy.
    const u = engine.memory.f32(interest.value, interest.size);
    u.set(u.map((value) => -value));
    expect(Math.abs(lossOf() - before), normalize).toBeGreaterThan(1e-3);
  }
});

const blockSettings: [string, Partial<ModelConfig>][] = [
  ["GRU with ReLU", { activation: "relu" }],
  ["LSTM with ReLU", { cell: "lstm", activation: "relu" }],
  ["projection, input norm and output dropout", { embedding: 6, hidden: 9, inputNorm: "layer", outputDropout: 0.2 }],
  [
    "two residual GRU blocks, norm before, feed-forward with GELU",
    { layers: 2, residual: "add", norm: "pre", feedForward: 2 },
  ],
  [
    "residual LSTM block, norm after, feed-forward with ReLU",
    { cell: "lstm", residual: "add", norm: "post", feedForward: 1, feedForwardActivation: "relu" },
  ],
  ["a loss over unseen items", { rivals: "unseen" }],
  ["a loss over all items but the newest", { rivals: "others" }],
  ["weights over the whole history and a loss over unseen items", { normalize: "sequence", rivals: "unseen" }],
  ["norm without residual", { norm: "pre", feedForward: 1 }],
  ["rating head", { task: "rating", embedding: 6, hidden: 9 }],
  ["click head of sequences of features beside items", { task: "click", features: 3, hidden: 9 }],
  ["rating head of features under attention and input norm", { task: "rating", features: 2, inputNorm: "layer" }],
  ["click head over attention to the whole history", { task: "click", normalize: "sequence" }],
  [
    "self-attention with two heads and positions",
    { mixer: "self-attention", heads: 2, interest: "none", positions: "learned" },
  ],
  ["scaled embeddings under interest attention", { embeddingScale: "width" }],
  [
    "scaled embeddings and positions under residual self-attention that drops its weights",
    {
      mixer: "self-attention",
      interest: "none",
      embeddingScale: "width",
      positions: "learned",
      residual: "add",
      norm: "pre",
      attentionDropout: "weights",
    },
  ],
  [
    "residual self-attention that drops its output",
    { mixer: "self-attention", interest: "none", residual: "add", norm: "post", attentionDropout: "output" },
  ],
  [
    "two residual self-attention blocks",
    { mixer: "self-attention", layers: 2, heads: 3, interest: "none", residual: "add", norm: "pre", feedForward: 1 },
  ],
];

for (const [name, settings] of blockSettings) {
  test(`${name}: gradients equal finite differences of the loss, dropout included`, async () => {
    const engine = await createTrainingEngine();
    const config = resolveConfig({ embedding: 6, hidden: 6, interest: "learned", dropout: 0.2, window: 3 }, settings);
    const network = new Network(engine, config, ITEMS, true);
    forSeeds(2, (random) => {
      fill(random, engine, network);
      // Within one window, because gradients stop at the next.
      const batch = batchOf(random, 4).map(({ inputs, targets }) => ({ inputs: inputs.slice(0, 3), targets }));
      const examples = batch.map(({ inputs, targets }) => ({
        history: inputs,
        next: targets,
        lossFrom: config.normalize === "sequence" ? inputs.length - 1 : 0,
        labels: inputs.map(() => random.integer(0, 1)),
        features: Float32Array.from(random.vector(inputs.length * config.features, 1)),
      }));
      const { floats, gradients } = network.parameters;
      engine.memory.f32(gradients, floats).fill(0);
      const lossOf = () => {
        network.prepare();
        const { loss, count } = backpropagate(network, engine, examples, 5);
        network.releaseStep();
        return loss / count;
      };
      lossOf();
      const analytic = engine.memory.f32(gradients, floats).slice();
      const step = 1 / 256;
      const errors: number[] = [];
      for (const parameter of network.parameters.list) {
        const { value, size, offset } = parameter;
        for (let i = 0; i < size; i += 3) {
          const at = value + 4 * i;
          const start = engine.memory.f32(at, 1)[0];
          engine.memory.f32(at, 1)[0] = start + step;
          const up = lossOf();
          engine.memory.f32(at, 1)[0] = start - step;
          const down = lossOf();
          engine.memory.f32(at, 1)[0] = start;
          const want = (up - down) / (2 * step);
          errors.push(Math.abs(want - analytic[offset + i]));
          expect(analytic[offset + i], `${parameter.name}[${i}]`).toBeCloseTo(want, 1);
        }
      }
      // A ReLU or a norm is steep here and there; on average the two must agree closely.
      expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(2e-3);
    });
  });
}

test("without training, blocks carry state over windows and self-attention looks back one window", async () => {
  const engine = await createTrainingEngine();
  const long = Array.from({ length: 20 }, (_, t) => (t * 7) % ITEMS);
  const encodeWith = (settings: Partial<ModelConfig>, history: number[], window: number) => {
    const config = resolveConfig({ embedding: 6, hidden: 6, window }, settings);
    const network = new Network(engine, config, ITEMS, true);
    network.initialize(engine);
    const y = engine.memory.f32(network.encode([history]).y, 6).slice();
    network.releaseStep();
    return y;
  };
  const residual: Partial<ModelConfig> = {
    layers: 2,
    residual: "add",
    norm: "pre",
    feedForward: 1,
    interest: "learned",
  };
  expect(encodeWith(residual, long, 6)).toEqual(encodeWith(residual, long, 200));
  const attending: Partial<ModelConfig> = { mixer: "self-attention", heads: 2, layers: 2, residual: "add" };
  expect(encodeWith(attending, long, 6)).toEqual(encodeWith(attending, long.slice(-6), 6));
});

test("features alone, without a catalogue: gradients equal finite differences of the loss", async () => {
  const engine = await createTrainingEngine();
  const settings = { embedding: 5, hidden: 7, cell: "lstm", activation: "relu", interest: "none" } as const;
  const config = resolveConfig({ ...settings, task: "click", features: 3 });
  const network = new Network(engine, config, 0, true);
  forSeeds(3, (random) => {
    fill(random, engine, network);
    const examples = [3, 1, 4].map((length) => ({
      history: new Int32Array(length),
      next: new Int32Array(length),
      lossFrom: length - 1,
      labels: new Uint8Array(length).fill(random.integer(0, 1)),
      features: Float32Array.from(random.vector(length * 3, 1)),
    }));
    const { floats, gradients } = network.parameters;
    engine.memory.f32(gradients, floats).fill(0);
    const lossOf = () => {
      network.prepare();
      const { loss, count } = backpropagate(network, engine, examples, 0);
      network.releaseStep();
      return loss / count;
    };
    lossOf();
    const analytic = engine.memory.f32(gradients, floats).slice();
    const step = 1 / 256;
    for (const { name, value, size, offset } of network.parameters.list) {
      for (let i = 0; i < size; i++) {
        const start = engine.memory.f32(value + 4 * i, 1)[0];
        engine.memory.f32(value + 4 * i, 1)[0] = start + step;
        const up = lossOf();
        engine.memory.f32(value + 4 * i, 1)[0] = start - step;
        const down = lossOf();
        engine.memory.f32(value + 4 * i, 1)[0] = start;
        expect(Math.abs(analytic[offset + i] - (up - down) / (2 * step)), `${name}[${i}]`).toBeLessThan(1e-2);
      }
    }
  });
});
