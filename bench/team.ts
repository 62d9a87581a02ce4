// An engine to measure with: this thread leads, helpers are the worker threads that training uses.

import { Worker } from "node:worker_threads";
import type { HelperOrder } from "../src/train/messages.ts";
import { patienceOf } from "../src/train/supervisor.ts";
import { createEngine, type TrainingEngine } from "../src/wasm/engine.ts";
import type { TrainingKernels } from "../src/wasm/kernels.ts";
import { createMemory, Memory } from "../src/wasm/memory.ts";
import { fullModule, workerFile } from "../src/wasm/node.ts";
import { createBoard, Team } from "../src/wasm/team.ts";

/** The peak kernel's work: flops of a round (assembly/kernel/peak.ts), rounds of a place, places for a thread. About 1 ms in all. */
const ROUND_FLOPS = 16_384;
const PEAK_ROUNDS = 400;
const PEAK_PLACES = 8;
const PEAK_VECTORS = 512;

/** Work to time: what one call does, in units that make calls comparable. */
export interface Work {
  name: string;
  /** Units of one call, such as floating-point operations or users. */
  units: number;
  /** What `units` are, written as `Gflop/s`, `users/s`. */
  unit: string;
  /** How many units make one printed unit: 1e9 for G. */
  scale: number;
  /** Floating-point operations of a call by the model's arithmetic, for a share of the peak; left out where it is not arithmetic. */
  flops?: number;
  run: () => void;
}

/** Threads over one memory, and the yardstick that runs on them. */
export interface BenchTeam {
  engine: TrainingEngine;
  threads: number;
  /** All threads multiply and add as fast as they can. */
  peak: Work;
  /** Ends the helpers. */
  close(): Promise<void>;
}

/** Starts a team. */
export async function openTeam(threads: number): Promise<BenchTeam> {
  const [module, memory, board] = [await fullModule(), createMemory(true), createBoard()];
  const patience = patienceOf(threads);
  const order: HelperOrder = { role: "helper", module, memory, board, patience };
  const helpers = Array.from({ length: threads - 1 }, () => new Worker(workerFile(), { workerData: order }));
  const team = threads > 1 ? new Team(board, threads, patience) : undefined;
  const engine = await createEngine<TrainingKernels>(module, new Memory(memory), team);
  return {
    engine,
    threads,
    peak: peakOf(engine, PEAK_PLACES * threads),
    close: async () => {
      await Promise.all(helpers.map((helper) => helper.terminate()));
    },
  };
}

function peakOf(engine: TrainingEngine, places: number): Work {
  const { memory, kernels } = engine;
  const x = memory.planF32(4 * PEAK_VECTORS);
  const scales = memory.place(Float32Array.of(1e-3, -2e-3, 3e-3, -1e-3));
  const y = memory.planF32(4 * places);
  kernels.fillUniformF32(0, 4 * PEAK_VECTORS, x, -1, 1, 1, 1);
  return {
    name: "peak",
    units: places * PEAK_ROUNDS * ROUND_FLOPS,
    unit: "Gflop/s",
    scale: 1e9,
    run: () => engine.each("multiplyAddF32", places, 1, PEAK_ROUNDS, x, scales, y),
  };
}
