// Every score × interest × normalisation × cell × activation, every wrap of blocks and every head against PyTorch, through the
// kernels: outputs, weights, losses and gradients, and for heads ten training steps. Tensors are compared by their digests.

import { describe, expect, test } from "vitest";
import { backpropagate } from "../../src/model/backpropagate.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { NO_USER } from "../../src/model/example.ts";
import { Network } from "../../src/model/network.ts";
import { predictPairs } from "../../src/rank/predictor.ts";
import { predictSequences } from "../../src/rank/sequence-predictor.ts";
import { AdamW } from "../../src/train/optimizer.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { bytesOf, type CombinationCase, floatsOf, loadGolden } from "../golden/load.ts";

const { cases, items, users, batch, probes } = loadGolden("combinations.json");
const [probe, otherProbe] = probes.map(bytesOf);
type CombinationRun = CombinationCase["runs"][number];

/** Largest difference of a digest, in proportion to the norm: sums in f32 whose terms cancel, log_sigma's above all; ten steps of AdamW
 * add no more. */
const ROUNDING = 3e-5;

/** Says a tensor in three numbers, as make_combinations.py does. */
function digestOf(tensor: ArrayLike<number>): [number, number, number] {
  let [squares, sum, otherSum] = [0, 0, 0];
  for (let i = 0; i < tensor.length; i++) {
    squares += tensor[i] ** 2;
    sum += tensor[i] * probe[i % probe.length];
    otherSum += tensor[i] * otherProbe[i % otherProbe.length];
  }
  return [Math.sqrt(squares), sum, otherSum];
}

/** Compares tensors by name, in order, with their digests. */
function expectDigests(got: readonly [string, ArrayLike<number>][], digests: string, tolerance: number): void {
  const wanted = floatsOf(digests);
  expect(wanted.length, "numbers in the digests").toBe(3 * got.length);
  got.forEach(([name, tensor], index) => {
    const want = wanted.subarray(3 * index, 3 * index + 3);
    digestOf(tensor).forEach((number, which) => {
      const what = `${["norm", "first sum", "second sum"][which]} of ${name}`;
      const error = Math.abs(number - want[which]) / want[0];
      expect(error, `${what}: got ${number}, want ${want[which]}`).toBeLessThan(tolerance);
    });
  });
}

async function build(golden: CombinationCase, run: CombinationRun) {
  const engine = await createTrainingEngine();
  const config = resolveConfig(golden.settings, run.settings);
  const hasItems = "embedding.weight" in golden.tensors;
  const network = new Network(engine, config, hasItems ? items : 0, true, config.interest === "user" ? users : 0);
  const { parameters } = network;
  for (const { name, value, size } of parameters.list) {
    const numbers = bytesOf(golden.tensors[name]);
    expect(numbers.length, `numbers in ${name}`).toBe(size);
    engine.memory.f32(value, size).set(numbers);
  }
  const optimizer = new AdamW(engine, parameters, config);
  network.keepPlanned();
  network.prepare();
  const trainsLast = config.features > 0 || (config.interest !== "none" && config.normalize === "sequence");
  const examples = batch.map(({ inputs, targets, user, ratings, clicks, features }) => ({
    history: hasItems ? Int32Array.from(inputs) : new Int32Array(inputs.length),
    next: targets,
    lossFrom: trainsLast ? inputs.length - 1 : 0,
    user: user ?? NO_USER,
    labels: config.task === "rating" ? ratings : clicks,
    features: bytesOf(features),
  }));
  /** Values or gradients in the order of the fixture. */
  const all = (which: "value" | "gradient"): [string, Float32Array][] =>
    Object.keys(golden.tensors)
      .filter((name) => parameters.list.some((parameter) => parameter.name === name))
      .map((name) => [name, engine.memory.f32(parameters.get(name)[which], parameters.get(name).size)]);
  return { engine, config, network, optimizer, examples, all };
}

type Built = Awaited<ReturnType<typeof build>>;

/** What the model says of the last step of each history, without training. */
function encodeAll({ engine, config, network, examples }: Built): [string, ArrayLike<number>][] {
  const histories = examples.map(({ history }) => history);
  const owners = examples.map(({ user }) => user);
  const features = config.features > 0 ? examples.map((example) => example.features) : undefined;
  const { y, weights } = network.encode(histories, owners, features);
  const ys = engine.memory.f32(y, histories.length * network.outputWidth).slice();
  network.releaseStep();
  const said: [string, ArrayLike<number>][] = [["y", ys]];
  if (weights.length > 0) said.push(["weights", weights.flatMap((own) => [...own])]);
  return said;
}

/** What a head says after the last step of each history: of the item that follows, or of the whole. */
function predictAll({ network, examples }: Built): Float32Array {
  if (network.head)
    return predictPairs(
      network,
      examples.map(({ history, next }) => ({ history, item: next.at(-1)! })),
    );
  return predictSequences(
    network,
    examples.map(({ history }) => history),
    examples.map(({ features }) => features),
  );
}

const textOf = (settings: CombinationRun["settings"]): string => Object.values(settings).join(", ");

for (const golden of cases) {
  describe(golden.name, () => {
    for (const run of golden.runs) {
      test(`${textOf(run.settings)}: PyTorch's outputs, loss and gradients`, async () => {
        const built = await build(golden, run);
        const { engine, network, examples, all } = built;
        const said = encodeAll(built);
        if (run.predicted) {
          const predicted = predictAll(built);
          run.predicted.forEach((want, b) => {
            expect(predicted[b], `prediction for history ${b}`).toBeCloseTo(want, 5);
          });
        }
        const { loss, count } = backpropagate(network, engine, examples, 0);
        expect(loss / count, "loss").toBeCloseTo(run.loss, 5);
        expectDigests([...said, ...all("gradient")], run.digests, ROUNDING);
      });

      if (!run.training) continue;
      const { losses, norms, final } = run.training;
      test(`${textOf(run.settings)}: PyTorch's losses, norms and weights over ten training steps`, async () => {
        const { engine, network, examples, optimizer, all } = await build(golden, run);
        for (const [step, want] of losses.entries()) {
          const { loss, count } = backpropagate(network, engine, examples, step);
          expect(Math.abs(loss / count / want - 1), `loss of step ${step}`).toBeLessThan(ROUNDING);
          expect(Math.abs(optimizer.step() / norms[step] - 1), `gradient norm of step ${step}`).toBeLessThan(ROUNDING);
          network.prepare();
          network.releaseStep();
        }
        const values = all("value");
        for (const [name, value] of values) {
          // The bias of k changes nothing, and is moved by rounding alone.
          if (name.endsWith("in_proj_bias")) value.fill(0, value.length / 3, (2 * value.length) / 3);
        }
        expectDigests(values, final, ROUNDING);
      });
    }
  });
}

test("the fixture has every score × interest × normalisation × cell × activation, and every four of them at either scale", () => {
  const counts = { cell: 2, activation: 2, score: 4, interest: 4, normalize: 2 };
  const all = cases.slice(0, 2).flatMap(({ settings, runs }) =>
    runs.map((run): Record<string, unknown> => {
      const { score, sigma, ...others } = run.settings;
      return { ...settings, ...others, score: `${score} ${sigma}` };
    }),
  );
  const attentive = all.filter(({ interest }) => interest !== "none");
  const distinct = (names: string[]): number =>
    new Set(attentive.map((settings) => names.map((name) => settings[name]).join())).size;
  const names = Object.keys(counts) as (keyof typeof counts)[];
  const product = names.reduce((so, name) => so * counts[name], 1);
  expect(all.length - attentive.length, "without attention").toBe(counts.cell * counts.activation);
  expect(distinct(names)).toBe(product);
  for (const left of names) {
    const others = names.filter((name) => name !== left);
    expect(distinct([...others, "scale"]), `without ${left}`).toBe((2 * product) / counts[left]);
  }
});

test("a digest notices one wrong number, two that changed places, and a sign", () => {
  const tensor = Float32Array.from({ length: 700 }, (_, i) => ((i * 37) % 101) / 101 - 0.5);
  const before = digestOf(tensor);
  const moved = (change: (copy: Float32Array) => void) => {
    const copy = tensor.slice();
    change(copy);
    return Math.max(...digestOf(copy).map((number, i) => Math.abs(number - before[i]) / before[0]));
  };
  for (let i = 1; i < tensor.length; i++) {
    // A thousandth of the norm: a thirtieth of a number of middling size.
    const wrong = moved((copy) => {
      copy[i] += 1e-3 * before[0];
    });
    expect(wrong, `number ${i} is wrong`).toBeGreaterThan(15 * ROUNDING);
    const swapped = moved((copy) => {
      [copy[i - 1], copy[i]] = [copy[i], copy[i - 1]];
    });
    expect(swapped, `numbers ${i - 1} and ${i} changed places`).toBeGreaterThan(ROUNDING);
    const negative = moved((copy) => {
      copy[i] = -copy[i];
    });
    if (tensor[i] !== 0) expect(negative, `number ${i} has the other sign`).toBeGreaterThan(ROUNDING);
  }
});
