import { beforeAll, expect, test } from "vitest";
import { lessonOf } from "../../src/train/plan.ts";
import { trainNetwork } from "../../src/train/train.ts";
import { createEngine, type TrainingEngine } from "../../src/wasm/engine.ts";
import type { TrainingKernels } from "../../src/wasm/kernels.ts";
import { createMemory, Memory } from "../../src/wasm/memory.ts";
import { fullModule } from "../../src/wasm/node.ts";
import { createBoard, Team } from "../../src/wasm/team.ts";
import { startHelpers } from "../wasm/teammates.ts";
import { hashOf, TRAININGS } from "./lessons.ts";

const COUNTS = [1, 2, 3, 8];
/** An engine for each number of threads; its helpers go from training to training. */
const engines: TrainingEngine[] = [];

beforeAll(async () => {
  for (const threads of COUNTS) {
    const memory = new Memory(createMemory(true));
    const board = createBoard();
    await startHelpers(threads - 1, memory.wasm, board);
    engines.push(await createEngine<TrainingKernels>(await fullModule(), memory, new Team(board, threads, 0)));
  }
});

test.each(Object.entries(TRAININGS))("%s: 1, 2, 3 and 8 threads give the same weights", async (_name, make) => {
  const { config, plan } = await make();
  const hashes = engines.map((engine) => {
    const mark = engine.memory.mark();
    const outcome = trainNetwork({ engine, config, lesson: lessonOf(config, plan.numbers) });
    expect(outcome.refitted).toBe(true);
    const hash = hashOf(engine.memory, outcome);
    engine.memory.release(mark);
    return hash;
  });
  expect(hashes).toEqual(COUNTS.map(() => hashes[0]));
});
