import { createHash } from "node:crypto";
import type * as threads from "node:worker_threads";
import { describe, expect, test, vi } from "vitest";
import { prepareData } from "../../src/api/source.ts";
import { configOf, type TrainOptions, train } from "../../src/api/train.ts";
import { historyPlan } from "../../src/train/history-lesson.ts";
import type { HelperOrder, LeaderOrder } from "../../src/train/messages.ts";
import { type SupervisedTraining, superviseTraining } from "../../src/train/supervisor.ts";
import type { TrainingState } from "../../src/train/train.ts";
import { QUICK, shopRows } from "../api/shop.ts";

/** The workers that were started, newest training last; what they are told can be changed before. */
const spied = vi.hoisted(() => ({
  workers: [] as threads.Worker[],
  change: (_order: LeaderOrder | HelperOrder): void => {},
}));
vi.mock("node:worker_threads", async (original) => {
  const actual = await original<typeof threads>();
  class Worker extends actual.Worker {
    constructor(file: URL, options: threads.WorkerOptions) {
      spied.change(options.workerData);
      super(file, options);
      spied.workers.push(this);
    }
  }
  return { ...actual, Worker };
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const rows = shopRows(40, 12);
const TINY = { ...QUICK, batch: 12, epochs: 2 } satisfies TrainOptions;

describe("threads", () => {
  test("never change a bit of the model file", async () => {
    const [one, three] = [await train(rows, { ...TINY, threads: 1 }), await train(rows, { ...TINY, threads: 3 })];
    expect(sha256(three.toBytes())).toBe(sha256(one.toBytes()));
    expect(three.report.test).toEqual(one.report.test);
  });

  test("a number of threads that is none is refused", async () => {
    for (const count of [0, 1.5, 33, -1, Number.NaN, "2" as unknown as number])
      await expect(train(rows, { ...TINY, threads: count }), String(count)).rejects.toMatchObject({
        code: "THREADS_INVALID",
        exitCode: 2,
      });
  });
});

describe("a training that loses a thread stops with a typed error, and what it kept can be resumed", async () => {
  const config = configOf("gru4rec", { ...QUICK, batch: 12, epochs: 1_000_000, patience: 1_000_000 });
  const data = await prepareData(rows, config);
  const { numbers } = historyPlan(config, data.split, {}, true);
  /** Trains in 3 threads until `end` of an epoch is reached; returns what it threw and kept last. */
  const supervise = async (more: Partial<SupervisedTraining>) => {
    spied.workers.length = 0;
    let kept: TrainingState | undefined;
    const keepState = async (state: TrainingState) => {
      kept = state;
    };
    const outcome = superviseTraining({ config, numbers, threads: 3, keepState, ...more });
    const error = await outcome.then(
      () => undefined,
      (thrown) => thrown,
    );
    // Nothing of it is left.
    for (const worker of spied.workers) expect(worker.threadId).toBe(-1);
    return { error, kept };
  };
  /** Trains two epochs from a state: its weights, if it is one of the unbroken training. */
  const goOn = async (from: TrainingState | undefined, epochs: number) => {
    const short = { ...config, epochs };
    return sha256(
      new Uint8Array((await superviseTraining({ config: short, numbers, threads: 2, from })).weights.buffer),
    );
  };
  const atEpoch = (epoch: number, act: () => void): Partial<SupervisedTraining> => ({
    onProgress: (progress) => {
      if (progress.epoch >= epoch && progress.phase === "train") act();
    },
  });

  test.each([
    ["the leader", 0, "the leading thread"],
    ["a helper", 2, "a helping thread"],
  ])("when %s is ended from outside: WORKER_LOST", async (_name, index, words) => {
    const { error, kept } = await supervise(atEpoch(3, () => spied.workers[index].terminate()));
    expect(error).toMatchObject({
      name: "InternalError",
      code: "WORKER_LOST",
      message: expect.stringContaining(words),
    });
    const epochs = kept!.fit.epoch + 2;
    expect(await goOn(kept, epochs)).toBe(await goOn(undefined, epochs));
  });

  test("when a kernel traps in a helper: KERNEL_FAILED or WORKER_CRASHED, whichever is heard first", async () => {
    const trapping = new Map<WebAssembly.Module, WebAssembly.Module>();
    spied.change = (order) => {
      if (order.role === "helper") {
        if (!trapping.has(order.module)) trapping.set(order.module, trappingTwin(order.module));
        order.module = trapping.get(order.module)!;
      }
    };
    try {
      const { error } = await supervise({});
      expect(error).toMatchObject({
        name: "InternalError",
        code: expect.stringMatching(/^(KERNEL_FAILED|WORKER_CRASHED)$/),
      });
    } finally {
      spied.change = () => {};
    }
  });

  test("when the leader traps: WORKER_CRASHED", async () => {
    spied.change = (order) => {
      if (order.role === "leader") order.module = trappingTwin(order.module, ["abiVersion", "heapBase"]);
    };
    try {
      const { error } = await supervise({});
      expect(error).toMatchObject({ name: "InternalError", code: "WORKER_CRASHED" });
    } finally {
      spied.change = () => {};
    }
  });

  test("when keeping a state fails: what keeping threw", async () => {
    const { error } = await supervise({
      keepState: async () => {
        throw new Error("no disk");
      },
    });
    expect(error).toMatchObject({ message: "no disk" });
  });

  test("when a listener throws: what it threw", async () => {
    const { error } = await supervise(
      atEpoch(2, () => {
        throw new Error("no ear");
      }),
    );
    expect(error).toMatchObject({ message: "no ear" });
  });

  test("when it is aborted: the signal's reason, after the last state was kept; at once where nothing keeps", async () => {
    const before = new AbortController();
    before.abort(new Error("before"));
    expect(await supervise({ signal: before.signal })).toEqual({ error: before.signal.reason, kept: undefined });
    const during = new AbortController();
    const { error, kept } = await supervise({
      ...atEpoch(2, () => during.abort(new Error("during"))),
      signal: during.signal,
    });
    expect(error).toBe(during.signal.reason);
    expect(await goOn(kept, kept!.fit.epoch + 1)).toBe(await goOn(undefined, kept!.fit.epoch + 1));
    const unkept = new AbortController();
    const { error: reason } = await supervise({
      ...atEpoch(2, () => unkept.abort(new Error("unkept"))),
      signal: unkept.signal,
      keepState: undefined,
    });
    expect(reason).toBe(unkept.signal.reason);
  });
});

/** Makes a module of the same exports whose functions trap, but for those that tell 1 or the heap's base. */
function trappingTwin(module: WebAssembly.Module, answering: readonly string[] = []): WebAssembly.Module {
  const names = WebAssembly.Module.exports(module)
    .filter(({ kind }) => kind === "function")
    .map(({ name }) => name);
  const number = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...number(Math.floor(value / 128))];
  const text = (value: string) => [...number(value.length), ...Buffer.from(value)];
  const section = (id: number, content: number[]) => [id, ...number(content.length), ...content];
  const list = (entries: number[][]) => [...number(entries.length), ...entries.flat()];
  const ANSWERS: Record<string, number[]> = { abiVersion: [0x41, 1], heapBase: [0x41, 0x80, 0x08] };
  const body = (name: string) => {
    const code = [0, ...(answering.includes(name) ? ANSWERS[name] : [0]), 0x0b];
    return [...number(code.length), ...code];
  };
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      // One type: nothing to an i32, which `unreachable` satisfies.
      ...section(1, list([[0x60, 0, 1, 0x7f]])),
      ...section(3, list(names.map(() => [0]))),
      ...section(7, list(names.map((name, index) => [...text(name), 0, ...number(index)]))),
      ...section(10, list(names.map(body))),
    ]),
  );
}
