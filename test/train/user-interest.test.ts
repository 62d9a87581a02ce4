// An interest per user: each known user's vector is to its own histories what `learned` is to all, and a user without one has
// the mean. In one batch both take their own way, and neither notices the other.

import { expect, test } from "vitest";
import { backpropagate } from "../../src/model/backpropagate.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { NO_USER } from "../../src/model/example.ts";
import { Network } from "../../src/model/network.ts";
import { NetworkRanker } from "../../src/rank/network-ranker.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { modelStep, type Tensors } from "../reference/model.ts";
import { forSeeds } from "../reference/random.ts";
import { addScaled, addTensors, zerosLike } from "../reference/tensor.ts";
import { batchOf, expectGradients, fill, ITEMS } from "./random-network.ts";

const USERS = 4;
const WIDTH = 7;

for (const cell of ["gru", "lstm"] as const) {
  for (const normalize of ["causal", "sequence"] as const) {
    for (const score of ["dot", "mlp", "gaussian"] as const) {
      test(`${cell}, ${score}, ${normalize}: loss and gradients are the twin's, known and new users in one batch`, async () => {
        const engine = await createTrainingEngine();
        const settings = { cell, interest: "user", normalize, score, embedding: WIDTH, hidden: WIDTH, layers: 2 };
        const config = resolveConfig(settings);
        const network = new Network(engine, config, ITEMS, true, USERS);
        const block = { mixer: cell, residual: "none", norm: "none" } as const;
        const positions = normalize === "sequence" ? "last" : "all";
        forSeeds(4, (random) => {
          const tensors = fill(random, engine, network);
          const batch = batchOf(random, 7);
          // One user twice, one never, and two histories of nobody.
          const users = [2, 0, NO_USER, 2, 1, NO_USER, 0];
          const { "attention.users": interests, ...others } = tensors;
          const stepsOf = (b: number) => (positions === "all" ? batch[b].inputs.length : 1);
          const trained = batch.reduce((sum, _, b) => sum + stepsOf(b), 0);
          const wanted = zerosLike(tensors);
          let wantedLoss = 0;
          batch.forEach((sequence, b) => {
            const user = users[b];
            const known = user !== NO_USER;
            const attention = { interest: known ? "learned" : "mean", normalize, scale: config.scale, score } as const;
            const own: Tensors = known
              ? { ...others, "attention.interest": (interests as number[][])[user] }
              : { ...others };
            const step = modelStep({ blocks: [block, block], attention, positions }, own, [sequence]);
            const share = stepsOf(b) / trained;
            wantedLoss += step.loss * share;
            const { "attention.interest": dInterest, ...rest } = step.gradients;
            addTensors(wanted, scaled(rest, share));
            if (known) addScaled((wanted["attention.users"] as number[][])[user], dInterest as number[], share);
          });
          const { floats, gradients } = network.parameters;
          engine.memory.f32(gradients, floats).fill(0);
          const examples = batch.map(({ inputs, targets }, b) => {
            const lossFrom = positions === "all" ? 0 : inputs.length - 1;
            return { history: inputs, next: targets, lossFrom, user: users[b] };
          });
          const { loss, count } = backpropagate(network, engine, examples, 0);
          network.releaseStep();
          expect(loss / count).toBeCloseTo(wantedLoss, 5);
          expectGradients(engine, network, wanted);
        });
      });
    }
  }
}

for (const normalize of ["causal", "sequence"] as const) {
  test(`${normalize}: a mixed batch gives each history the bits it has alone, and new users those of interest=mean`, async () => {
    const engine = await createTrainingEngine();
    const settings = { normalize, score: "mlp", embedding: WIDTH, hidden: WIDTH } as const;
    const network = new Network(engine, resolveConfig({ ...settings, interest: "user" }), ITEMS, false, USERS);
    const meanEngine = await createTrainingEngine();
    const mean = new Network(meanEngine, resolveConfig({ ...settings, interest: "mean" }), ITEMS, false);
    forSeeds(3, (random) => {
      fill(random, engine, network);
      for (const { name, value, size } of mean.parameters.list) {
        meanEngine.memory.f32(value, size).set(engine.memory.f32(network.parameters.get(name).value, size));
      }
      mean.prepare();
      const queries = batchOf(random, 40).map(({ inputs }, index) => ({
        history: inputs,
        excluded: Int32Array.of(),
        user: index % 3 === 0 ? undefined : random.integer(0, USERS - 1),
      }));
      const together = new NetworkRanker(network).topK(queries, ITEMS);
      queries.forEach((query, index) => {
        const [alone] = new NetworkRanker(network).topK([query], ITEMS);
        expect(together[index]).toEqual(alone);
        if (query.user !== undefined) return;
        expect(together[index]).toEqual(new NetworkRanker(mean).topK([query], ITEMS)[0]);
      });
      // Users do differ, and the ranker finds them by the caller's numbers.
      const of = (user: number) =>
        new NetworkRanker(network).topK([{ ...queries[0], history: [1, 2, 3], user }], ITEMS);
      expect(of(0)).not.toEqual(of(1));
      const renumbered = new NetworkRanker(network, [NO_USER, 1]);
      expect(renumbered.topK([{ ...queries[0], history: [1, 2, 3], user: 1 }], ITEMS)).toEqual(of(1));
    });
  });
}

function scaled(tensors: Tensors, factor: number): Tensors {
  const times = (value: number | number[]): unknown =>
    Array.isArray(value) ? value.map((one) => times(one)) : value * factor;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, value]) => [name, times(value as number[]) as number[]]),
  );
}
