// One whole training: fit on the training part, choose the epoch by validation, report the test once, and refit on everything.

import type { Histories } from "../data/histories.ts";
import type { Split } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { popularity } from "../evaluate/baselines/baseline.ts";
import { DEFAULT_CUTOFFS, type Evaluation, evaluateCases } from "../evaluate/protocol.ts";
import type { ModelConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import type { TrainingEngine } from "../wasm/engine.ts";
import { type FitOptions, type FitResult, fitNetwork } from "./fit.ts";
import { placeVectors, type SuppliedVectors } from "./supplied.ts";
import { interestUsers, userRowsOf } from "./users.ts";

/** What a training is told. */
export interface TrainingRequest {
  config: ModelConfig;
  split: Split;
  /** Makes an engine of its own memory: one for the evaluated model, one for the refitted. */
  createEngine: () => Promise<TrainingEngine>;
  /** Whether the shipped weights are trained again on everything. */
  refit: boolean;
  /** What was trained elsewhere. */
  vectors?: SuppliedVectors;
  /** Seconds for all of it; the steps reached decide the result. */
  timeBudgetSeconds?: number;
  onProgress?: FitOptions["onProgress"];
  signal?: AbortSignal;
}

/** What a training gives. */
export interface TrainingOutcome {
  /** Holds the shipped weights. */
  network: Network;
  /** Item ids of the shipped weights. */
  items: Vocabulary;
  /** Training events per item of the shipped weights, i32[V]. */
  counts: Int32Array;
  /** Users with an interest of their own in the shipped weights; undefined unless `interest=user`. */
  users: Vocabulary | undefined;
  refitted: boolean;
  epochs: number;
  bestEpoch: number;
  /** Epochs the shipped weights were trained for. */
  shippedEpochs: number;
  validation: Evaluation | undefined;
  test: Evaluation | undefined;
  seconds: number;
  /** Most bytes of WebAssembly memory in use at once. */
  peakBytes: number;
}

/**
 * Trains a model by the rules of a split. Validation chooses, the test only reports: it is measured once, on the chosen
 * weights, before the refit.
 */
export async function trainNetwork(request: TrainingRequest): Promise<TrainingOutcome> {
  const { config, split, refit, timeBudgetSeconds } = request;
  const { histories, trainLength } = split;
  const startMs = performance.now();
  // Refitting takes about as long as choosing the epoch took, so each gets half.
  const phases = refit ? 2 : 1;
  const budgetMs = timeBudgetSeconds === undefined ? undefined : timeBudgetSeconds * 1000;
  const deadline = (phase: number) => (budgetMs === undefined ? undefined : startMs + (budgetMs * phase) / phases);

  const evaluated = await fitFresh(request, histories, trainLength, "train", config.epochs, deadline(1));
  const { network, engine, users, result } = evaluated;
  const userRows = userRowsOf(users, histories.userIds);
  const validation = measure(network, userRows, split, "valid");
  const test = measure(network, userRows, split, "test");
  const shared = { ...result, validation, test };
  const everything = refit && result.bestEpoch > 0 ? split.everything() : histories;
  const allLengths = lengths(everything);
  // A split that cut before it filtered builds other histories, perhaps of more items; the others only train on more of theirs.
  const isMore = everything !== histories || allLengths.some((length, user) => trainLength[user] < length);
  if (!refit || result.bestEpoch === 0 || !isMore) {
    return {
      ...shared,
      network,
      items: histories.items,
      counts: Int32Array.from(popularity({ histories, trainLength })),
      users,
      refitted: false,
      shippedEpochs: result.bestEpoch,
      seconds: (performance.now() - startMs) / 1000,
      peakBytes: engine.memory.peakBytes,
    };
  }
  const shipped = await fitFresh(request, everything, allLengths, "refit", result.bestEpoch, deadline(2));
  return {
    ...shared,
    network: shipped.network,
    items: everything.items,
    counts: Int32Array.from(popularity({ histories: everything, trainLength: allLengths })),
    users: shipped.users,
    refitted: true,
    shippedEpochs: shipped.result.epochs,
    seconds: (performance.now() - startMs) / 1000,
    peakBytes: Math.max(engine.memory.peakBytes, shipped.engine.memory.peakBytes),
  };
}

async function fitFresh(
  request: TrainingRequest,
  histories: Histories,
  trainLength: ArrayLike<number>,
  phase: "train" | "refit",
  epochs: number,
  deadlineMs: number | undefined,
): Promise<{ network: Network; engine: TrainingEngine; users: Vocabulary | undefined; result: FitResult }> {
  const { config, split, vectors = {}, createEngine, onProgress, signal } = request;
  const engine = await createEngine();
  const users = vectors.interests?.ids ?? interestUsers(config, histories, trainLength);
  const userRows = userRowsOf(users, histories.userIds);
  const network = new Network(engine, config, histories.items.size, true, users?.size);
  network.initialize(engine);
  placeVectors(network, vectors, histories.items);
  const selects = phase === "train" && split.valid.user.length > 0;
  const validate = selects ? () => measure(network, userRows, split, "valid")!.metrics : undefined;
  const data = { histories, trainLength, userRows };
  const options = { engine, network, ...data, epochs, phase, validate, onProgress, signal, deadlineMs };
  return { network, engine, users, result: await fitNetwork(options) };
}

function measure(
  network: Network,
  userRows: ArrayLike<number> | undefined,
  split: Split,
  part: "valid" | "test",
): Evaluation | undefined {
  const cases = split[part];
  if (cases.user.length === 0) return undefined;
  const { config, engine } = network;
  const ranker = new NetworkRanker(network, userRows);
  return evaluateCases(ranker, split.histories, cases, config.seen, DEFAULT_CUTOFFS, engine.kernels.log2F64);
}

function lengths(histories: Histories): Uint32Array {
  return Uint32Array.from(
    { length: histories.offsets.length - 1 },
    (_, u) => histories.offsets[u + 1] - histories.offsets[u],
  );
}
