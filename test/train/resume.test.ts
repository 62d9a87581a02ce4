import { expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/format/checkpoint.ts";
import { Stopped } from "../../src/train/fit.ts";
import { lessonOf } from "../../src/train/plan.ts";
import { type TrainingOutcome, type TrainingRequest, type TrainingState, trainNetwork } from "../../src/train/train.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";
import { randomOf } from "../reference/random.ts";
import { hashOf, type TinyTraining, TRAININGS } from "./lessons.ts";

const engine = await createTrainingEngine();

/** Trains until `steps` steps are done, in a memory full of something else; returns the outcome, or the file of the last state. */
function trainFor({ config, plan }: TinyTraining, steps: number, file: Uint8Array | undefined) {
  const { memory } = engine;
  const mark = memory.mark();
  memory.f32(mark, 1000).fill(Number.NaN);
  let left = steps;
  let last: TrainingState | undefined;
  const request: TrainingRequest = {
    engine,
    config,
    lesson: lessonOf(config, plan.numbers),
    isStopped: () => --left === 0,
    onState: (state) => {
      last = state;
    },
    from: file && decodeCheckpoint(file, "state").state,
  };
  try {
    const outcome: TrainingOutcome = trainNetwork(request);
    const { epochs, bestEpoch, validation, test, refitted } = outcome;
    return { hash: hashOf(memory, outcome), measured: { epochs, bestEpoch, validation, test, refitted } };
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return { file: encodeCheckpoint({ config, data: {}, state: last! }) };
  } finally {
    memory.release(mark);
  }
}

/** Trains in pieces of so many steps each; the bytes of a checkpoint are all that goes from one to the next. */
function trainInPieces(training: TinyTraining, stepsOf: () => number) {
  let pieces = 1;
  let result = trainFor(training, stepsOf(), undefined);
  for (; result.file; pieces++) result = trainFor(training, stepsOf(), result.file);
  return { ...result, pieces };
}

test.each(Object.entries(TRAININGS))(
  "%s: a training that is stopped and resumed after every step, or after random ones, gives the unbroken one's bits",
  async (name, make) => {
    const training = await make();
    const { hash, measured } = trainFor(training, Number.POSITIVE_INFINITY, undefined);
    expect(measured!.refitted).toBe(true);
    expect(trainFor(training, Number.POSITIVE_INFINITY, undefined).hash).toBe(hash);

    const everyStep = trainInPieces(training, () => 1);
    expect(everyStep.pieces).toBeGreaterThan(6);
    expect(everyStep.hash).toBe(hash);
    expect(everyStep.measured).toEqual(measured);
    for (const seed of [1, 2]) {
      const random = randomOf(seed);
      const some = trainInPieces(training, () => random.integer(1, 7));
      expect(some.hash, `${name}, seed ${seed}`).toBe(hash);
      expect(some.measured, `${name}, seed ${seed}`).toEqual(measured);
    }
  },
);

test("patience and the best weights are resumed: training stops at the same epoch, on the same best one", async () => {
  const { config, plan } = await TRAININGS.gru4rec();
  // A learning rate at which validation soon gets worse.
  const training = { config: { ...config, epochs: 40, patience: 2, learningRate: 0.1 }, plan };
  const unbroken = trainFor(training, Number.POSITIVE_INFINITY, undefined);
  expect(unbroken.measured!.epochs).toBeLessThan(40);
  expect(unbroken.measured!.bestEpoch).toBe(unbroken.measured!.epochs - 2);
  const pieces = trainInPieces(training, () => 5);
  expect(pieces.measured).toEqual(unbroken.measured);
  expect(pieces.hash).toBe(unbroken.hash);
});
