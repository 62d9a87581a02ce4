import { expect, test, vi } from "vitest";
import { configOf } from "../../src/api/train.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import type { HistoryNumbers } from "../../src/train/history-lesson.ts";
import type { Lesson } from "../../src/train/lesson.ts";
import { lessonOf } from "../../src/train/plan.ts";
import { rehearseStep } from "../../src/train/rehearsal.ts";
import { superviseTraining } from "../../src/train/supervisor.ts";
import { trainNetwork } from "../../src/train/train.ts";
import { createEngine } from "../../src/wasm/engine.ts";
import type { TrainingKernels } from "../../src/wasm/kernels.ts";
import { createMemory, Memory } from "../../src/wasm/memory.ts";
import { fullModule } from "../../src/wasm/node.ts";
import { hashOf, TRAININGS } from "./lessons.ts";

/** Whether trainings rehearse their largest step. */
const rehearsal = vi.hoisted(() => ({ on: true }));
vi.mock("../../src/train/rehearsal.ts", async (original) => {
  const actual = await original<typeof import("../../src/train/rehearsal.ts")>();
  return {
    rehearseStep: (...all: Parameters<typeof rehearseStep>) => rehearsal.on && actual.rehearseStep(...all),
  };
});

/** An engine whose memory refuses to grow from the `refused`th time on, or that one time; `growths` counts them. */
async function limitedEngine(refused = Number.POSITIVE_INFINITY, duration = "for ever") {
  const wasm = createMemory(true);
  const grow = wasm.grow.bind(wasm);
  const counts = { growths: 0 };
  wasm.grow = (pages) => {
    counts.growths++;
    if (counts.growths === refused || (duration === "for ever" && counts.growths > refused)) throw new RangeError("no");
    return grow(pages);
  };
  const engine = await createEngine<TrainingKernels>(await fullModule(), new Memory(wasm));
  return { engine, counts };
}

/** Runs a training without its held-out parts. */
const trainOnly = (lesson: Lesson): Lesson => ({
  ...lesson,
  everything: undefined,
  validates: false,
  measure: () => undefined,
});

test.each(["attune", "sasrec", "gru4rec"])(
  "%s: memory refused at any growth, once or for ever, is MEMORY_REFUSED; the same memory can train afterwards",
  async (name) => {
    const { config: tiny, plan } = await TRAININGS[name]();
    const config = { ...tiny, embedding: 48, hidden: 48, batch: 36, epochs: 1 };
    for (const on of [true, false]) {
      rehearsal.on = on;
      const healthy = await limitedEngine();
      const hash = hashOf(
        healthy.engine.memory,
        trainNetwork({ engine: healthy.engine, config, lesson: lessonOf(config, plan.numbers) }),
      );
      expect(healthy.counts.growths).toBeGreaterThan(3);
      for (let refused = 1; refused <= healthy.counts.growths; refused++) {
        for (const duration of ["once", "for ever"]) {
          const { engine } = await limitedEngine(refused, duration);
          const { memory } = engine;
          const mark = memory.mark();
          const train = () => trainNetwork({ engine, config, lesson: lessonOf(config, plan.numbers) });
          expect(train, `growth ${refused} of ${healthy.counts.growths}`).toThrow(
            expect.objectContaining({ name: "CapacityError", code: "MEMORY_REFUSED" }),
          );
          if (duration === "for ever") continue;
          memory.release(mark);
          expect(hashOf(memory, train()), `after growth ${refused}`).toBe(hash);
        }
      }
    }
  },
);

test.each(Object.entries(TRAININGS))("%s: rehearsing changes no bit", async (_name, make) => {
  const { config, plan } = await make();
  const hashes: string[] = [];
  for (const on of [true, false]) {
    rehearsal.on = on;
    const { engine } = await limitedEngine();
    hashes.push(hashOf(engine.memory, trainNetwork({ engine, config, lesson: lessonOf(config, plan.numbers) })));
  }
  expect(hashes[0]).toBe(hashes[1]);
});

test.each(Object.entries(TRAININGS))("%s: the rehearsed step is the largest there is", async (name, make) => {
  const { config: tiny, plan } = await make();
  for (const batch of [7, 1000]) {
    const config = { ...tiny, batch, epochs: 4, embedding: 20, hidden: 20 };
    const lesson = lessonOf(config, plan.numbers);
    rehearsal.on = true;
    const rehearsed = (await limitedEngine()).engine;
    const before = rehearsed.memory.mark();
    rehearseStep(rehearsed, config, lesson.training);
    expect(rehearsed.memory.mark()).toBe(before);
    rehearsal.on = false;
    const { engine } = await limitedEngine();
    const { peakBytes } = trainNetwork({ engine, config, lesson: trainOnly(lesson) });
    const samples = config.normalize === "sequence" && config.interest !== "none";
    // With sampled prefixes and parts of users it is the largest but for chance.
    if (samples || name === "interest=user") {
      expect(rehearsed.memory.peakBytes).toBeGreaterThan(0.7 * peakBytes);
    } else if (batch === 1000) expect(rehearsed.memory.peakBytes).toBe(peakBytes);
    else expect(rehearsed.memory.peakBytes).toBeGreaterThanOrEqual(peakBytes);
  }
});

/** Users of 3 steps, and a last one with far more. */
function oneLongHistory(events: number): HistoryNumbers {
  const users = 300;
  const offsets = Uint32Array.from({ length: users + 2 }, (_, user) => (user <= users ? 3 * user : 3 * users + events));
  const item = Int32Array.from({ length: 3 * users + events }, (_, event) => event % 10);
  const none = { user: new Uint32Array(0), prefix: new Uint32Array(0), target: new Int32Array(0) };
  return {
    kind: "histories",
    training: {
      histories: { offsets, item, rating: undefined, items: { size: 10 } },
      trainLength: Uint32Array.from({ length: users + 1 }, (_, user) => offsets[user + 1] - offsets[user]),
      interests: 0,
      userRows: undefined,
      vectors: {},
    },
    everything: undefined,
    valid: none,
    test: none,
  } as unknown as HistoryNumbers;
}

test("a step that needs more than 4 GiB is refused before the first one, with the number, here and in threads", async () => {
  const config: ModelConfig = configOf("gru4rec", { embedding: 4096, hidden: 4, batch: 2, window: 200, split: "none" });
  const numbers = oneLongHistory(300_000);
  rehearsal.on = true;
  const { engine } = await limitedEngine();
  const onProgress = vi.fn();
  const startMs = performance.now();
  const wanted = expect.objectContaining({
    name: "CapacityError",
    code: "MEMORY_LIMIT",
    message: expect.stringMatching(/needs at least 4,69\d MiB, the limit is 4,096 MiB/),
  });
  expect(() => trainNetwork({ engine, config, lesson: lessonOf(config, numbers), onProgress })).toThrow(wanted);
  expect(performance.now() - startMs, "milliseconds").toBeLessThan(1000);
  await expect(superviseTraining({ config, numbers, threads: 1, onProgress })).rejects.toEqual(wanted);
  expect(onProgress).not.toHaveBeenCalled();
});
