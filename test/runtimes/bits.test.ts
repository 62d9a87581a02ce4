// One (data, settings, seed) gives one model file: whatever the number of threads, the version of Node, and whether the engine
// runs code it has optimised yet. Every run is the built command, and is compared by the sha256 of the file it wrote.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { PRESETS } from "../../src/model/presets/index.ts";
import { CLI, ended, makeFolder } from "../cli/command.ts";
import { makeRatings } from "../cli/logs.ts";

/** A Node that a run uses. */
interface Runtime {
  name: string;
  command: string;
}

/** One way to run a training that must not change its result. */
interface Way {
  runtime: Runtime;
  threads: number;
  engine: keyof typeof ENGINES;
}

/** What must be the same for every way of a case. */
interface Result {
  sha256: string;
  /** What training measured. */
  metrics: unknown;
  /** Bytes of an answer. */
  answer: string;
}

/** Flags of V8, which hold in worker threads too. */
const ENGINES = {
  "as it is": [],
  "nothing optimised": ["--liftoff", "--no-wasm-tier-up", "--no-turbofan", "--no-maglev", "--no-sparkplug"],
  "all kernels optimised at once": ["--no-liftoff", "--always-sparkplug"],
} as const;

const RUN_MS = 300_000;
const INSTALL = "npm ci --prefix test/runtimes --ignore-scripts";
const newest = fileURLToPath(new URL("node_modules/.bin/node", import.meta.url));
const here: Runtime = { name: `Node ${process.version}`, command: process.execPath };
const there: Runtime | undefined = existsSync(newest) ? { name: "Node 26", command: newest } : undefined;
const runtimes = there ? [here, there] : [here];

const folder = makeFolder();
const log = join(folder, "log.csv");
/** Histories of 3 to 20 events of 97 items: no size is a multiple of lanes, tiles or threads. */
const rows = makeRatings({ users: 101, items: 97, events: 20 }).filter(({ user }, index) => {
  const length = 3 + ((Number(user.slice(1)) * 7) % 18);
  return Math.floor(index / 101) < length;
});
const HISTORY = "i1,i2,i3,i50,i51";
writeFileSync(
  log,
  `user,item,time,rating\n${rows.map(({ user, item, time, rating }) => `${user},${item},${time},${rating}\n`).join("")}`,
);

/** Arguments of a training, by what it is about. */
const CASES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...PRESETS.map(({ name }): [string, string[]] => [name, ["--model", name]]),
  [
    "LSTM with relu, another width and carried state",
    ["--model", "lstm", "--set", "activation=relu", "hidden=28", "window=5", "outputDropout=0.1", "layers=2"],
  ],
  [
    "mlp score, interests of users, weights over the whole history",
    ["--model", "attentive-gru", "--set", "interest=user", "score=mlp", "normalize=sequence", "scale=none"],
  ],
  [
    "gaussian score of trained width, layer norm before sublayers",
    ["--model", "attentive-lstm", "--set", "score=gaussian", "interest=last", "inputNorm=layer"].concat([
      "norm=pre",
      "residual=add",
      "feedForward=1",
    ]),
  ],
  [
    "four heads, gelu, weight decay",
    ["--model", "sasrec", "--set", "heads=4", "feedForwardActivation=gelu", "weightDecay=0.1", "window=9"],
  ],
  ["a loss over unseen items, in windows", ["--model", "attune", "--set", "rivals=unseen", "window=6"]],
  [
    "sampled negatives, windows and interests of users",
    [
      "--model",
      "attentive-gru",
      "--set",
      "loss=sampled",
      "negatives=13",
      "interest=user",
      "window=7",
      "weightDecay=0.1",
    ],
  ],
  ["ratings", ["--model", "attune", "--task", "rating", "--set", "interest=mean"]],
]);

/** The case whose every way is run. */
const THOROUGH = PRESETS[0].name;

let runs = 0;

/** Trains for some epochs and again on everything, and asks once: all in one way. */
async function resultOf(name: string, epochs: number, { runtime, threads, engine }: Way): Promise<Result> {
  const model = join(folder, `${runs++}.safetensors`);
  const run = async (args: readonly string[]) => {
    const outcome = await ended(spawn(runtime.command, [...ENGINES[engine], CLI, ...args]));
    const { code, stderr } = outcome;
    expect(code, `${runtime.name}: attune ${args.join(" ")}: ${stderr}`).toBe(0);
    return outcome.stdout;
  };
  const training = ["train", log, "-o", model, ...CASES.get(name)!, "--epochs", String(epochs), "--json"];
  const { validation, test: tested, sha256 } = JSON.parse(await run([...training, "--threads", String(threads)]));
  expect(sha256).toBe(createHash("sha256").update(readFileSync(model)).digest("hex"));
  const isRanking = !CASES.get(name)!.includes("rating");
  const answer = isRanking ? await run(["recommend", model, "--history", HISTORY, "-k", "20", "--json"]) : "";
  return { sha256, metrics: { validation, tested }, answer };
}

/** Runs a case in several ways, two at a time, and compares all with the first. */
async function compareWays(name: string, epochs: number, ways: readonly Way[]): Promise<void> {
  const results: Result[] = [];
  const left = ways.entries();
  const work = async () => {
    for (const [index, way] of left) results[index] = await resultOf(name, epochs, way);
  };
  await Promise.all([work(), work()]);
  const named = ways.map(({ runtime, threads, engine }, index) => [
    `${runtime.name}, ${threads} threads, ${engine}`,
    results[index],
  ]);
  expect(Object.fromEntries(named)).toEqual(Object.fromEntries(named.map(([way]) => [way, results[0]])));
}

describe("one model file, one answer", () => {
  const other = there ?? here;
  const names = [...CASES.keys()].filter((name) => name !== THOROUGH);
  test.each(names)(
    "%s",
    async (name) => {
      // Every number of threads, runtime and engine for every preset; all of their combinations are for one of them, below.
      const ways: Way[] = [
        { runtime: here, threads: 1, engine: "as it is" },
        { runtime: other, threads: 2, engine: "all kernels optimised at once" },
        { runtime: here, threads: 3, engine: "nothing optimised" },
        { runtime: other, threads: 8, engine: "as it is" },
      ];
      await compareWays(name, 1, PRESETS.some((preset) => preset.name === name) ? ways : ways.slice(0, 3));
    },
    RUN_MS,
  );

  const [asItIs, ...engines] = Object.keys(ENGINES) as Way["engine"][];
  const ways = runtimes.flatMap((runtime) => [
    ...[1, 2, 3, 8].map((threads): Way => ({ runtime, threads, engine: asItIs })),
    ...engines.map((engine): Way => ({ runtime, threads: 2, engine })),
  ]);
  test(
    `${THOROUGH}, with all numbers of threads and all engines on ${runtimes.map(({ name }) => name).join(" and ")}`,
    () => compareWays(THOROUGH, 2, ways),
    RUN_MS,
  );
});

test("another model gives another file, so the comparison can fail", async () => {
  const way: Way = { runtime: here, threads: 2, engine: "as it is" };
  const hashes = await Promise.all(["lstm", "gru4rec"].map(async (name) => (await resultOf(name, 1, way)).sha256));
  expect(new Set(hashes).size).toBe(2);
});

if (there) {
  test("the other Node is Node 26", async () => {
    const { stdout } = await ended(spawn(there.command, ["--version"]));
    expect(stdout).toMatch(/^v26\./);
  });
} else if (process.env.CI) {
  test("Node 26 is there to compare with", () => {
    throw new Error(`test/runtimes/node_modules/.bin/node: not there. Install it: ${INSTALL}`);
  });
} else console.info(`Node 26 is not installed: bits are not compared with it. To do so: ${INSTALL}`);
