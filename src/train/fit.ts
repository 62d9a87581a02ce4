// The training loop: epochs of optimiser steps, validation after each, the best weights kept, and an end by patience, number
// of epochs, time or order. It knows nothing of files, terminals and threads: whoever calls it listens to its progress, and may keep
// where it stands, to go on from there with the same bits.

import { TrainingError } from "../errors.ts";
import type { Metrics } from "../evaluate/metrics.ts";
import { backpropagate } from "../model/backpropagate.ts";
import type { Network } from "../model/network.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { shuffledUsers } from "./examples.ts";
import { type ExampleSource, SELECTION } from "./lesson.ts";
import { type AdamState, AdamW } from "./optimizer.ts";

/** Longest time between two reports of where training stands, where an epoch takes longer. */
const STATE_MS = 60_000;

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

/** Where a training stands between two steps: all that decides how it goes on. */
export interface FitState {
  epoch: number;
  /** Units done in this epoch. */
  done: number;
  /** Whether the epoch's validation is done as well. */
  closed: boolean;
  /** Optimiser steps in all. */
  step: number;
  /** Sum of the losses of this epoch, and how many there are. */
  lossSum: number;
  count: number;
  weights: Float32Array;
  adam: AdamState;
  best: { epoch: number; metrics: Metrics | undefined; weights: Float32Array | undefined };
}

/** The training was told to stop; its state was reported before. */
export class Stopped extends Error {}

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
  /** Asked after each step; the loop ends there with `Stopped`. */
  isStopped?: () => boolean;
  /** When to stop, in ms of `performance.now()`; the step reached decides the result. */
  deadlineMs?: number;
  /** Where to go on from, instead of the beginning. */
  from?: FitState;
  /** Told where training stands: at the end of each epoch, now and then inside a long one, and when it is stopped. */
  onState?: (state: FitState) => void;
}

/** How training went. The network holds the best weights. */
export interface FitResult {
  /** Epochs trained, the last perhaps in part. */
  epochs: number;
  bestEpoch: number;
  validation: Metrics | undefined;
}

/**
 * Trains a network from its present weights, or from where a state says that an earlier training of it stood.
 * @throws TrainingError `NOTHING_TO_LEARN`, `LOSS_NOT_FINITE` · Stopped
 */
export function fitNetwork(options: FitOptions): FitResult {
  const { engine, network, source, epochs, phase, validate, onProgress, isStopped, from, onState } = options;
  const { config, parameters } = network;
  const { memory } = engine;
  const users = source.units;
  if (users.length === 0) throw nothingToLearn(source.total);
  const { metric, lowest } = SELECTION[config.task];
  const optimizer = new AdamW(engine, parameters, config);
  network.keepPlanned();
  const weights = () => memory.f32(parameters.values, parameters.floats);
  const startMs = performance.now();
  const outOfTime = () => options.deadlineMs !== undefined && performance.now() >= options.deadlineMs;
  let { epoch, done, closed, step, lossSum, count } = from ?? BEGINNING;
  const best: FitState["best"] = from ? { ...from.best } : { epoch: 0, metrics: undefined, weights: undefined };
  if (from) {
    weights().set(from.weights);
    optimizer.restore(from.adam, from.step);
    network.prepare();
  }
  let stateMs = startMs;
  const tell = () => {
    stateMs = performance.now();
    onState?.({
      epoch,
      done,
      closed,
      step,
      lossSum,
      count,
      weights: weights().slice(),
      adam: optimizer.state(),
      best: { ...best },
    });
  };
  for (;;) {
    if (closed && (epoch === epochs || epoch - best.epoch >= config.patience || (step > 0 && outOfTime()))) break;
    if (closed) {
      epoch++;
      [done, lossSum, count] = [0, 0, 0];
      closed = false;
    }
    const order = shuffledUsers(engine.kernels, users, config.seed, epoch);
    const epochMs = performance.now();
    const countBefore = count;
    const report = (end?: Progress["closed"]) => {
      const nowMs = performance.now();
      onProgress?.({
        phase,
        epoch,
        epochs,
        users: done,
        usersTotal: order.length,
        loss: lossSum / Math.max(1, count),
        interactionsPerSecond: (count - countBefore) / Math.max(1e-9, (nowMs - epochMs) / 1000),
        seconds: (nowMs - startMs) / 1000,
        closed: end,
      });
    };
    while (done < order.length && !(done > 0 && outOfTime())) {
      const batch = order.subarray(done, done + config.batch);
      const examples = source.examples(engine.kernels, batch, epoch);
      const result = backpropagate(network, engine, examples, step);
      if (!Number.isFinite(result.loss)) throw notFinite(epoch, step + 1, result.loss);
      const norm = optimizer.step();
      if (!Number.isFinite(norm)) throw notFinite(epoch, step + 1, norm);
      network.prepare();
      network.releaseStep();
      step++;
      done += batch.length;
      lossSum += result.loss;
      count += result.count;
      report();
      if (isStopped?.()) {
        tell();
        throw new Stopped();
      }
      if (performance.now() - stateMs > STATE_MS) tell();
    }
    optimizer.catchUp();
    network.prepare();
    const validation = validate?.();
    const isBest =
      !validation ||
      !best.metrics ||
      (lowest ? validation[metric] < best.metrics[metric] : validation[metric] > best.metrics[metric]);
    if (isBest) {
      best.epoch = epoch;
      best.metrics = validation;
      if (validation) best.weights = weights().slice();
    }
    closed = true;
    report({ validation, best: isBest });
    tell();
  }
  if (best.weights) {
    weights().set(best.weights);
    network.prepare();
  }
  return { epochs: epoch, bestEpoch: best.epoch, validation: best.metrics };
}

/** Before the first epoch, as if one were over. */
const BEGINNING = { epoch: 0, done: 0, closed: true, step: 0, lossSum: 0, count: 0 };
