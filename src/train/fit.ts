// The training loop: epochs of optimiser steps, validation after each, the best weights kept, and an end by patience, number
// of epochs, time or signal. It knows nothing of files and terminals; whoever calls it listens to its progress.

import { TrainingError } from "../errors.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import type { Network } from "../model/network.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { shuffledUsers } from "./examples.ts";
import { type ExampleSource, SELECTION } from "./lesson.ts";
import { AdamW } from "./optimizer.ts";

/** How long the loop may keep the thread before it lets events in. */
const BREATH_MS = 100;

const nothingToLearn = (users: number) =>
  new TrainingError(
    "NOTHING_TO_LEARN",
    `training part: ${users} users, none with two events in it. Use a log with longer histories, or --split none.`,
  );
const notFinite = (epoch: number, step: number, loss: number) =>
  new TrainingError(
    "LOSS_NOT_FINITE",
    `loss: ${loss} in epoch ${epoch}, step ${step}. Lower --set learningRate=… or --set clip=…, and train again.`,
  );

/** Where training stands; one after each step and one after each epoch. */
export interface Progress {
  phase: "train" | "refit";
  epoch: number;
  epochs: number;
  /** Users done in this epoch, and in all. */
  users: number;
  usersTotal: number;
  /** Mean loss of the epoch so far. */
  loss: number;
  /** Trained interactions per second of this epoch so far. */
  interactionsPerSecond: number;
  /** Seconds since the phase began. */
  seconds: number;
  /** Set on the report that closes an epoch. */
  closed?: { validation?: Metrics; best: boolean };
}

/** What the loop trains on and listens to. */
export interface FitOptions {
  engine: TrainingEngine;
  network: Network;
  source: ExampleSource;
  /** Most epochs. */
  epochs: number;
  phase: Progress["phase"];
  /** Measures the validation part; without it the last weights are kept. */
  validate?: () => Metrics;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** When to stop, in ms of `performance.now()`; the step reached decides the result. */
  deadlineMs?: number;
}

/** How training went. The network holds the best weights. */
export interface FitResult {
  /** Epochs trained, the last perhaps in part. */
  epochs: number;
  bestEpoch: number;
  validation: Metrics | undefined;
}

/**
 * Trains a network from its present weights.
 * @throws TrainingError `NOTHING_TO_LEARN`, `LOSS_NOT_FINITE` · the signal's reason when aborted
 */
export async function fitNetwork(options: FitOptions): Promise<FitResult> {
  const { engine, network, source, epochs, phase, validate, onProgress, signal } = options;
  const { config } = network;
  const users = source.units;
  if (users.length === 0) throw nothingToLearn(source.total);
  const { metric, lowest } = SELECTION[config.task];
  const optimizer = new AdamW(engine, network.parameters, config);
  network.keepPlanned();
  const startMs = performance.now();
  const outOfTime = () => options.deadlineMs !== undefined && performance.now() >= options.deadlineMs;
  const best = { epoch: 0, metrics: undefined as Metrics | undefined, weights: undefined as Float32Array | undefined };
  let step = 0;
  let epoch = 0;
  let breathMs = startMs;
  while (epoch < epochs && !outOfTime()) {
    epoch++;
    const order = shuffledUsers(engine.kernels, users, config.seed, epoch);
    const epochMs = performance.now();
    let lossSum = 0;
    let count = 0;
    const report = (done: number, closed?: Progress["closed"]) => {
      const nowMs = performance.now();
      onProgress?.({
        phase,
        epoch,
        epochs,
        users: done,
        usersTotal: order.length,
        loss: lossSum / Math.max(1, count),
        interactionsPerSecond: count / Math.max(1e-9, (nowMs - epochMs) / 1000),
        seconds: (nowMs - startMs) / 1000,
        closed,
      });
    };
    let done = 0;
    while (done < order.length && !(done > 0 && outOfTime())) {
      const batch = order.subarray(done, done + config.batch);
      const examples = source.examples(engine.kernels, batch, epoch);
      const result = network.backpropagate(engine, examples, step);
      if (!Number.isFinite(result.loss)) throw notFinite(epoch, step + 1, result.loss);
      const norm = optimizer.step();
      if (!Number.isFinite(norm)) throw notFinite(epoch, step + 1, norm);
      network.prepare();
      network.releaseStep();
      step++;
      done += batch.length;
      lossSum += result.loss;
      count += result.count;
      report(done);
      if (performance.now() - breathMs > BREATH_MS) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        breathMs = performance.now();
      }
      signal?.throwIfAborted();
    }
    const validation = validate?.();
    const isBest =
      !validation ||
      !best.metrics ||
      (lowest ? validation[metric] < best.metrics[metric] : validation[metric] > best.metrics[metric]);
    if (isBest) {
      best.epoch = epoch;
      best.metrics = validation;
      if (validation) best.weights = copyWeights(engine, network);
    }
    report(done, { validation, best: isBest });
    if (epoch - best.epoch >= config.patience) break;
  }
  if (best.weights) {
    const { values, floats } = network.parameters;
    engine.memory.f32(values, floats).set(best.weights);
    network.prepare();
  }
  return { epochs: epoch, bestEpoch: best.epoch, validation: best.metrics };
}

function copyWeights(engine: TrainingEngine, network: Network): Float32Array {
  return engine.memory.f32(network.parameters.values, network.parameters.floats).slice();
}
