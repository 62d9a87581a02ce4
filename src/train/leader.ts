// The thread that runs a training: it leads the team, works through the lesson without ever waiting for an event, and tells the
// supervisor how far it is.

import { createEngine } from "../wasm/engine.ts";
import type { TrainingKernels } from "../wasm/kernels.ts";
import { Memory } from "../wasm/memory.ts";
import { Team } from "../wasm/team.ts";
import { type Progress, Stopped } from "./fit.ts";
import { type LeaderNote, type LeaderOrder, noteOf } from "./messages.ts";
import { lessonOf } from "./plan.ts";
import { trainNetwork } from "./train.ts";

/** Shortest time between two reports of steps. */
const REPORT_MS = 50;

/** Runs a training to its end and tells all about it. Never throws. */
export async function lead(
  order: LeaderOrder,
  tell: (note: LeaderNote, transfer?: ArrayBuffer[]) => void,
): Promise<void> {
  const { module, memory, board, threads, patience, config, numbers, timeBudgetSeconds, from, tellsState } = order;
  const stop = new Int32Array(order.stop);
  let reportedMs = -REPORT_MS;
  const onProgress = (progress: Progress) => {
    const nowMs = performance.now();
    if (!progress.closed && nowMs - reportedMs < REPORT_MS) return;
    reportedMs = nowMs;
    tell({ type: "progress", progress });
  };
  try {
    const team = threads > 1 ? new Team(board, threads, patience) : undefined;
    const engine = await createEngine<TrainingKernels>(module, new Memory(memory), team);
    const { network, ...outcome } = trainNetwork({
      engine,
      config,
      lesson: lessonOf(config, numbers),
      timeBudgetSeconds,
      from,
      onProgress,
      isStopped: () => Atomics.load(stop, 0) > 0,
      onState: tellsState ? (state) => tell({ type: "state", state }) : undefined,
    });
    const { values, floats } = network.parameters;
    const weights = engine.memory.f32(values, floats).slice();
    tell({ type: "done", result: { ...outcome, weights } });
  } catch (error) {
    tell(error instanceof Stopped ? { type: "stopped" } : { type: "failed", error: noteOf(error) });
  }
}
