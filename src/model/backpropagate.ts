// A training step of a network, forward and backward. Apart from network.ts, so that what only answers does not carry it.

import type { TrainingEngine } from "../wasm/engine.ts";
import { type Example, NO_USER } from "./example.ts";
import type { Masks } from "./layers/stack.ts";
import { gateOf, type Network } from "./network.ts";
import { Objective } from "./objective.ts";
import { cutWindows, packHistories } from "./packed.ts";

/** Added to the step that masks are drawn for, in the part of a step whose users have no interest of their own. */
const SECOND_PART = 0x40000000;

/** The objective of each network that has begun to train. */
const objectives = new WeakMap<Network, Objective>();

function objectiveOf(network: Network): Objective {
  let objective = objectives.get(network);
  if (!objective) {
    objective = new Objective(network.config, network.readout, network.parameters);
    objectives.set(network, objective);
  }
  return objective;
}

/** Draws negatives by how often items occur, i32[V], where the loss is sampled; until then all are equally likely. */
export function drawNegativesBy(network: Network, counts: ArrayLike<number>): void {
  objectiveOf(network).drawNegativesBy(counts);
}

/**
 * Runs one training step forward and backward: adds the gradient of the mean loss to the parameters' gradients. Where the table's
 * gradient goes by rows, it is this step's alone, until the next or `releaseStep`.
 * @param step number of the optimiser step, which dropout masks and negatives depend on
 * @returns sum of the losses in f64, and how many steps were trained
 */
export function backpropagate(
  network: Network,
  engine: TrainingEngine,
  examples: readonly Example[],
  step: number,
): { loss: number; count: number } {
  let count = 0;
  for (const { history, lossFrom } of examples) count += history.length - lossFrom;
  const users = examples.map(({ user }) => user ?? NO_USER);
  objectiveOf(network).begin(engine, examples, step);
  let loss = 0;
  network.parts(examples.length, users).forEach(({ indices, rowOf }, part) => {
    const mark = engine.memory.mark();
    const own = indices.map((index) => examples[index]);
    loss += backpropagatePart(network, engine, own, rowOf, step + part * SECOND_PART, 1 / count);
    engine.memory.release(mark);
  });
  return { loss, count };
}

/** Runs the examples of one part forward and backward; returns the sum of their losses. */
function backpropagatePart(
  network: Network,
  engine: TrainingEngine,
  examples: readonly Example[],
  rowOf: readonly number[] | undefined,
  step: number,
  scale: number,
): number {
  const { config, embedding, attention, stack, outputWidth } = network;
  const objective = objectiveOf(network);
  const { memory } = engine;
  const batch = packHistories(
    engine,
    examples.map((example) => example.history),
    config.features > 0 ? examples.map((example) => example.features!) : undefined,
    config.features,
  );
  const embedded = embedding.forward(engine, batch);
  const weighed = attention?.forward(engine, batch, embedded.x, rowOf);
  const dX = memory.planF32(batch.rows * config.embedding);
  const dWeights = memory.planF32(batch.rows);
  memory.f32(dWeights, batch.rows).fill(0);
  const states = stack.planStates(batch.sequences);
  const leftOut = objective.leftOut(engine, batch, examples);
  const masks: Masks = { engine, seed: config.seed, step };
  let loss = 0;
  for (const window of cutWindows(engine, batch, config.window)) {
    const mark = memory.mark();
    const { rows, firstRow } = window;
    const gate = gateOf(window, weighed, dWeights);
    const trace = stack.forward(window, network.rowsOf(window, embedded), states, gate, masks, 0);
    const dY = memory.planF32(rows * outputWidth);
    const dWindow = dX + 4 * firstRow * config.embedding;
    const windowLoss = objective.loss(engine, window, examples, leftOut, trace.y, scale, dY);
    if (windowLoss === undefined) memory.f32(dWindow, rows * config.embedding).fill(0);
    else stack.backward(engine, window, trace, masks, dY, dWindow);
    loss += windowLoss ?? 0;
    for (const run of trace.runs) run.carry();
    memory.release(mark);
  }
  if (weighed) attention!.backward(engine, batch, embedded.x, weighed, dWeights, dX);
  embedding.backward(engine, batch, embedded, dX);
  return loss;
}
