// Which items a loss compares the next one with: whole batches against the scores of each step alone.

import { describe, expect, test } from "vitest";
import { backpropagate } from "../../src/model/backpropagate.ts";
import { type ModelConfig, resolveConfig } from "../../src/model/config.ts";
import type { Example } from "../../src/model/example.ts";
import { NegativeSampler } from "../../src/model/negatives.ts";
import { Network } from "../../src/model/network.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { logSumExp } from "../reference/math.ts";
import { type Random, randomOf } from "../reference/random.ts";

const ITEMS = 40;
/** Of the optimiser, which negatives depend on. */
const STEP = 3;
const NEGATIVES = 9;
const engine = await createTrainingEngine();

/** More rows than a block of any loss has, of histories that are not in the order of their lengths; some train their last steps alone. */
function makeExamples(random: Random): Example[] {
  return Array.from({ length: 30 }, (_, index) => {
    const length = 1 + ((index * 7) % 16);
    const items = Array.from({ length: length + 1 }, () => random.integer(0, ITEMS - 1));
    return { history: items.slice(0, length), next: items.slice(1), lossFrom: index % 4 === 0 ? length - 1 : 0 };
  });
}

/** Sums the losses of all trained steps, each of its own prefix's scores. */
function lossOfSteps(network: Network, examples: readonly Example[]): number {
  const { rivals, loss, seed } = network.config;
  const { memory, kernels } = engine;
  const sampler = new NegativeSampler(new Int32Array(ITEMS), NEGATIVES);
  const all = { items: Array.from({ length: ITEMS }, (_, item) => item), weights: new Float32Array(ITEMS).fill(1) };
  const { items, weights } = loss === "sampled" ? sampler.draw(kernels, seed, STEP) : all;
  let sum = 0;
  for (const { history, next, lossFrom } of examples) {
    for (let t = lossFrom; t < history.length; t++) {
      const prefix = Array.from(history).slice(0, t + 1);
      const { y } = network.encode([prefix]);
      const at = memory.planF32(network.scorer.stride);
      network.score(1, y, at);
      const scores = [...memory.f32(at, ITEMS)];
      network.releaseStep();
      const target = scores[next[t]];
      const hidden = rivals === "unseen" ? prefix : rivals === "others" ? [history[t]] : [];
      const logits = [target];
      for (const [j, item] of Array.from(items).entries()) {
        if (item !== next[t] && !hidden.includes(item)) logits.push(scores[item] + Math.log(weights[j]));
      }
      sum += logSumExp(logits) - target;
    }
  }
  return sum;
}

describe.each(["full", "sampled"] as const)("with loss=%s", (loss) => {
  const settings = { embedding: 6, hidden: 6, initStd: 1, interest: "learned", loss, negatives: NEGATIVES } as const;
  const networkOf = (more: Partial<ModelConfig>) => {
    const network = new Network(engine, resolveConfig(settings, more), ITEMS, true);
    network.initialize(engine);
    return network;
  };

  test.each(["all", "unseen", "others"] as const)(
    "rivals=%s: the loss of a batch is that of its steps, whatever windows it goes in",
    (rivals) => {
      const mark = engine.memory.mark();
      const examples = makeExamples(randomOf(11));
      for (const window of [200, 3]) {
        const network = networkOf({ rivals, window });
        const { loss: sum, count } = backpropagate(network, engine, examples, STEP);
        network.releaseStep();
        expect(count).toBeGreaterThan(128);
        expect(sum / count).toBeCloseTo(lossOfSteps(network, examples) / count, 5);
        engine.memory.release(mark);
      }
    },
  );

  test("fewer rivals cost less", () => {
    const mark = engine.memory.mark();
    const examples = makeExamples(randomOf(11));
    const [all, others, unseen] = (["all", "others", "unseen"] as const).map((rivals) => {
      const { loss: sum, count } = backpropagate(networkOf({ rivals }), engine, examples, STEP);
      engine.memory.release(mark);
      return sum / count;
    });
    expect(others).toBeLessThan(all - 0.01);
    expect(unseen).toBeLessThan(others - 0.01);
  });
});

test("a step that has seen all negatives has nothing to learn from", () => {
  const mark = engine.memory.mark();
  const history = Array.from({ length: ITEMS - 1 }, (_, item) => item);
  const example = { history, next: [...history.slice(1), ITEMS - 1], lossFrom: ITEMS - 2 };
  for (const loss of ["full", "sampled"] as const) {
    const config = resolveConfig({ embedding: 6, hidden: 6, rivals: "unseen", loss, negatives: NEGATIVES });
    const network = new Network(engine, config, ITEMS, true);
    network.initialize(engine);
    const { parameters } = network;
    engine.memory.f32(parameters.gradients, parameters.floats - parameters.floatsByRows).fill(0);
    expect(backpropagate(network, engine, [example], STEP)).toEqual({ loss: 0, count: 1 });
    for (const { name, gradient, size } of parameters.list.slice(1)) {
      for (const value of engine.memory.f32(gradient, size)) expect(Math.abs(value), name).toBe(0);
    }
    engine.memory.release(mark);
  }
});
