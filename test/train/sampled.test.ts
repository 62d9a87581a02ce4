// The sampled loss inside whole networks, and the optimiser of rows that few steps meet.

import { describe, expect, test } from "vitest";
import { backpropagate, drawNegativesBy } from "../../src/model/backpropagate.ts";
import { type ModelConfig, resolveConfig } from "../../src/model/config.ts";
import type { Example } from "../../src/model/example.ts";
import { NegativeSampler } from "../../src/model/negatives.ts";
import { Network } from "../../src/model/network.ts";
import { Parameters } from "../../src/model/parameters.ts";
import { PRESETS } from "../../src/model/presets/index.ts";
import { AdamW } from "../../src/train/optimizer.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { adamCatchUp, adamState, adamStep, clipGradientNorm } from "../reference/adam.ts";
import { modelStep } from "../reference/model.ts";
import { forSeeds, randomOf } from "../reference/random.ts";
import { batchOf, fill, ITEMS } from "./random-network.ts";

const COUNTS = Array.from({ length: ITEMS }, (_, item) => (item * item) % 7);
const engine = await createTrainingEngine();

const examplesOf = (batch: ReturnType<typeof batchOf>, lastOnly = false): Example[] =>
  batch.map(({ inputs, targets }) => ({
    history: inputs,
    next: targets,
    lossFrom: lastOnly ? inputs.length - 1 : 0,
  }));

/** Returns the gradient of every parameter, by name; the table's as a whole. */
function gradientsOf(network: Network): Map<string, number[]> {
  const { parameters } = network;
  const { memory } = engine;
  return new Map(
    parameters.list.map(({ name, size, gradient }, index) => {
      const { rows } = parameters;
      if (index > 0 || !rows) return [name, [...memory.f32(gradient, size)]];
      const whole = new Array<number>(size).fill(0);
      const ids = memory.i32(rows.rowsAt, rows.count);
      const met = memory.f32(rows.at, rows.count * rows.width);
      ids.forEach((id, place) => {
        for (let d = 0; d < rows.width; d++) whole[id * rows.width + d] = met[place * rows.width + d];
      });
      return [name, whole];
    }),
  );
}

/** Runs a step with all gradients zero before. */
function step(network: Network, examples: readonly Example[]) {
  const { gradients, floats, floatsByRows } = network.parameters;
  engine.memory.f32(gradients, floats - floatsByRows).fill(0);
  const { loss, count } = backpropagate(network, engine, examples, 3);
  const result = { loss: loss / count, gradients: gradientsOf(network) };
  network.releaseStep();
  return result;
}

test("a GRU's loss and every gradient equal the f64 twin with the same negatives, drawn by popularity", () => {
  for (const negatives of [1, 2, 5, ITEMS]) {
    const mark = engine.memory.mark();
    const config = resolveConfig({
      loss: "sampled",
      negatives,
      cell: "gru",
      interest: "none",
      embedding: 7,
      hidden: 7,
    });
    const network = new Network(engine, config, ITEMS, true);
    drawNegativesBy(network, COUNTS);
    const { items, weights } = new NegativeSampler(COUNTS, negatives).draw(engine.kernels, config.seed, 3);
    const sample = { items: [...items], weights: [...weights] };
    forSeeds(4, (random) => {
      const tensors = fill(random, engine, network);
      const batch = batchOf(random, 5);
      const block = { mixer: "gru", residual: "none", norm: "none" } as const;
      const want = modelStep({ blocks: [block], attention: null, positions: "all" }, tensors, batch, sample);
      const { loss, gradients } = step(network, examplesOf(batch));
      expect(loss).toBeCloseTo(want.loss, 5);
      for (const [name, got] of gradients) {
        const wanted = (want.gradients[name] as number[][]).flat();
        const largest = Math.max(...wanted.map(Math.abs), 1e-3);
        wanted.forEach((value, i) => {
          expect(Math.abs(got[i] - value) / largest, `${name}[${i}], S=${negatives}`).toBeLessThan(2e-4);
        });
      }
    });
    engine.memory.release(mark);
  }
});

describe("with every item among the negatives, loss and gradients are those of the whole catalogue", () => {
  const cases: [string, Partial<ModelConfig>][] = [
    ...PRESETS.map(({ name, settings }): [string, Partial<ModelConfig>] => [name, settings]),
    ["windows of three steps", { interest: "none", window: 3 }],
    ["a loss over unseen items", { interest: "none", rivals: "unseen", window: 4 }],
    ["a loss over all items but the newest", { interest: "none", rivals: "others" }],
    ["weights over the whole history", { interest: "last", normalize: "sequence" }],
    ["users with and without an interest", { interest: "user" }],
    ["projection, scaled embeddings and dropout", { embedding: 6, hidden: 9, embeddingScale: "width", dropout: 0.3 }],
  ];
  test.each(cases)("%s", (_name, settings) => {
    const mark = engine.memory.mark();
    const [full, sampled] = (["full", "sampled"] as const).map((loss) => {
      const config = resolveConfig({ embedding: 8, hidden: 8 }, settings, { loss, negatives: ITEMS });
      const network = new Network(engine, config, ITEMS, true, 2);
      const random = randomOf(5);
      fill(random, engine, network);
      const examples = examplesOf(batchOf(random, 6), config.normalize === "sequence");
      examples.forEach((example, index) => {
        example.user = index % 3 < 2 ? index % 3 : undefined;
      });
      return step(network, examples);
    });
    engine.memory.release(mark);
    expect(sampled.loss).toBeCloseTo(full.loss, 5);
    for (const [name, want] of full.gradients) {
      const largest = Math.max(...want.map(Math.abs), 1e-3);
      want.forEach((value, i) => {
        expect(Math.abs(sampled.gradients.get(name)![i] - value) / largest, `${name}[${i}]`).toBeLessThan(1e-4);
      });
    }
  });
});

test("gradients equal finite differences of the loss with few negatives, dropout included", () => {
  const mark = engine.memory.mark();
  const settings = {
    embedding: 6,
    hidden: 6,
    interest: "learned",
    dropout: 0.2,
    loss: "sampled",
    negatives: 3,
  } as const;
  const network = new Network(engine, resolveConfig(settings), ITEMS, true);
  drawNegativesBy(network, COUNTS);
  forSeeds(2, (random) => {
    fill(random, engine, network);
    const examples = examplesOf(batchOf(random, 4));
    const { gradients } = step(network, examples);
    const [errors, change] = [[] as number[], 1 / 256];
    for (const { name, value, size } of network.parameters.list) {
      for (let i = 0; i < size; i += 3) {
        const at = engine.memory.f32(value + 4 * i, 1);
        const lossAt = (x: number) => {
          engine.memory.f32(value + 4 * i, 1)[0] = x;
          network.prepare();
          return step(network, examples).loss;
        };
        const [start] = at;
        const difference = (lossAt(start + change) - lossAt(start - change)) / (2 * change);
        lossAt(start);
        errors.push(Math.abs(gradients.get(name)![i] - difference));
        expect(errors.at(-1), `${name}[${i}]`).toBeLessThan(1e-2);
      }
    }
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(1e-3);
  });
  engine.memory.release(mark);
});

describe("AdamW over a table of which each step meets some rows", () => {
  const [ROWS, WIDTH] = [7, 5];
  const init = { kind: "constant", size: 0 } as const;
  const specs = (byRows: boolean) => [
    { name: "table", shape: [ROWS, WIDTH], init, byRows },
    { name: "other", shape: [6], init },
  ];
  const settings = { learningRate: 0.02, weightDecay: 0.1, clip: 1 };
  const start = (_: unknown, i: number) => ((i * 37) % 11) / 5 - 1;

  /** Runs steps; each is the rows it meets, whose gradients and the other parameter's are told from a seed. */
  function run(byRows: boolean, steps: readonly (readonly number[])[], frozen?: readonly [number, number]) {
    const { memory } = engine;
    const mark = memory.mark();
    const parameters = new Parameters(engine, specs(byRows), true);
    const { rows, values, floats, floatsByRows, gradients } = parameters;
    memory.f32(values, ROWS * WIDTH).set(Array.from({ length: ROWS * WIDTH }, start));
    const optimizer = new AdamW(engine, parameters, resolveConfig(settings));
    if (frozen) parameters.freeze(memory, frozen[0] * WIDTH, frozen[1] * WIDTH);
    const random = randomOf(3);
    const norms = steps.map((met) => {
      const [dTable, dOther] = [random.matrix(ROWS, WIDTH), random.vector(6)];
      const stepMark = memory.mark();
      if (rows) {
        rows.begin();
        rows.meet(met);
        rows.plan();
        memory.f32(rows.at, met.length * WIDTH).set(met.flatMap((row) => dTable[row]));
      } else for (const row of met) memory.f32(gradients + 4 * row * WIDTH, WIDTH).set(dTable[row]);
      memory.f32(parameters.get("other").gradient, 6).set(dOther);
      const norm = optimizer.step();
      expect(memory.f32(gradients, floats - floatsByRows).every((value) => value === 0)).toBe(true);
      memory.release(stepMark);
      return norm;
    });
    const before = [...memory.f32(values, floats)];
    optimizer.catchUp();
    const result = { norms, before, after: [...memory.f32(values, floats)], state: optimizer.state() };
    memory.release(mark);
    return result;
  }

  const ALL = [3, 0, 6, 2, 1, 5, 4];

  test("has the bits of the optimiser of whole parameters where every step meets every row", () => {
    const steps = new Array(12).fill(ALL);
    const [byRows, whole] = [run(true, steps), run(false, steps)];
    expect(byRows.before).toEqual(whole.before);
    expect(byRows.after).toEqual(byRows.before);
    expect(byRows.norms.map(Math.fround)).toEqual(whole.norms.map(Math.fround));
    expect(byRows.state.moments).toEqual(whole.state.moments);
    expect(byRows.state.velocities).toEqual(whole.state.velocities);
  });

  test("equals the f64 twin, which takes the missed steps of a row at once before it is met, and of all rows in the end", () => {
    forSeeds(5, (choice) => {
      const steps = Array.from({ length: 40 }, () => ALL.filter((row) => choice.unit() < (row + 1) / 9));
      const got = run(true, steps);
      const options = { ...settings, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled: true };
      const table = Array.from({ length: ROWS }, (_, row) =>
        Array.from({ length: WIDTH }, (_, d) => start(0, row * WIDTH + d)),
      );
      const states = table.map(() => adamState(WIDTH));
      const random = randomOf(3);
      steps.forEach((met, t) => {
        const [dTable, dOther] = [random.matrix(ROWS, WIDTH), random.vector(6)];
        const norm = clipGradientNorm([...met.map((row) => dTable[row]), dOther], settings.clip);
        expect(Math.abs(got.norms[t] - norm)).toBeLessThan(1e-5);
        for (const row of met) {
          if (states[row].step < t) adamCatchUp(table[row], states[row], t - states[row].step, options);
          adamStep(table[row], dTable[row], states[row], options);
        }
      });
      const compare = (got: readonly number[]) => {
        for (const [i, want] of table.flat().entries()) {
          expect(Math.abs(got[i] - want), `float ${i}`).toBeLessThan(1e-5);
        }
      };
      compare(got.before);
      table.forEach((row, index) => {
        if (states[index].step < steps.length)
          adamCatchUp(row, states[index], steps.length - states[index].step, options);
      });
      compare(got.after);
      expect([...got.state.rowSteps!]).toEqual(new Array(ROWS).fill(steps.length));
    });
  });

  test("leaves rows alone that it does not meet, until it catches up", () => {
    const { before, after } = run(true, [[1, 2], [2]]);
    const first = Array.from({ length: ROWS * WIDTH }, start).map(Math.fround);
    for (const row of [0, 3, 4, 5, 6]) {
      const of = (all: readonly number[]) => all.slice(row * WIDTH, (row + 1) * WIDTH);
      expect(of(before)).toEqual(of(first));
      // Weight decay is all that happens to a row without a gradient.
      for (const [d, value] of of(after).entries()) expect(value).toBeCloseTo(of(first)[d] * 0.998 ** 2, 6);
    }
  });

  test("never moves frozen rows, nor counts their gradients", () => {
    const steps = [
      [0, 3, 4],
      [3, 6],
      [1, 4],
    ];
    const [held, free] = [run(true, steps, [3, 5]), run(true, steps)];
    const first = Array.from({ length: ROWS * WIDTH }, start).map(Math.fround);
    expect(held.after.slice(3 * WIDTH, 5 * WIDTH)).toEqual(first.slice(3 * WIDTH, 5 * WIDTH));
    expect(free.after.slice(3 * WIDTH, 5 * WIDTH)).not.toEqual(first.slice(3 * WIDTH, 5 * WIDTH));
    for (const [t, norm] of held.norms.entries()) expect(norm).toBeLessThan(free.norms[t]);
  });
});

test("a step's plan and the rows it meets do not grow with the catalogue", () => {
  const planned = [1000, 10_000].map((items) => {
    const mark = engine.memory.mark();
    const config = resolveConfig({ loss: "sampled", negatives: 50, interest: "none", embedding: 8, hidden: 8 });
    const network = new Network(engine, config, items, true);
    network.initialize(engine);
    const before = engine.memory.mark();
    const random = randomOf(1);
    const examples = Array.from({ length: 4 }, () => {
      const history = Array.from({ length: 9 }, () => random.integer(0, 999));
      return { history, next: history, lossFrom: 0 };
    });
    backpropagate(network, engine, examples, 0);
    const met = network.parameters.rows!.count;
    const bytes = engine.memory.mark() - before;
    engine.memory.release(mark);
    expect(met).toBeLessThanOrEqual(50 + 36);
    return bytes;
  });
  // The same histories; which negatives are among them may differ.
  expect(planned[1]).toBeLessThan(1.1 * planned[0]);
});
