// node scripts/run.mjs bench/training-targets.ts   What training is meant to reach, and what it does here: how much of the machine's
// peak whole steps of gru4rec use, what a second thread is worth, rounds against PyTorch on the same batches, and the time to a
// model that is good enough. ATTUNE_DATA names the folder of the data sets.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareData } from "../src/api/source.ts";
import { configOf, train } from "../src/api/train.ts";
import { formatTable } from "../src/cli/output.ts";
import type { Example } from "../src/model/example.ts";
import { formatSpread, type Spread, spreadOf } from "./measure.ts";
import { type Exercise, openTorch, type PeerForm, type TorchPeer, writeExercise } from "./peers/pytorch.ts";
import { formatProfile, profileOf } from "./profile.ts";
import { formatMachine, machine } from "./report.ts";
import { flopsPerPosition, openTrainer, SHAPES, type Trainer } from "./steps.ts";
import { type BenchTeam, openTeam } from "./team.ts";

const BATCH = 128;
const WIDTH = 64;
const DROPOUT = 0.3;
const THREADS = 2;
const ROUNDS = 3;
/** Steps between two looks at the machine's peak. */
const STEPS_BETWEEN_PEAKS = 4;
const PEAK_CALLS = 4;
const PEAK_LOOKS = 9;
/** Calls that a comparison of peaks takes: helpers are wide awake after some. */
const LONG_LOOK = 40;
const PROFILED_STEPS = 20;
/** How far losses of the first batch may lie apart, relatively: both sides sum in f32. */
const LOSS_TOLERANCE = 1e-4;

/** A log, and how long its histories are at most. */
interface Log {
  name: string;
  path: string;
  length: number;
  kCore: number;
  /** What each side trains in a round: so many batches, from the first on. */
  batches: number;
}

const BEAUTY: Log = { name: "Beauty", path: "beauty/Beauty.txt.gz", length: 50, kCore: 0, batches: 35 };
const ML_100K: Log = { name: "ML-100K", path: "ml-100k/u.data.gz", length: 200, kCore: 5, batches: 8 };

const PEERS: readonly PeerForm[] = [
  { name: "padded", form: "padded", tuned: true },
  { name: "packed", form: "packed", tuned: true },
  { name: "padded, allocator as installed", form: "padded", tuned: false },
];

/** A row of the table. */
interface Target {
  name: string;
  measured: Spread;
  /** Undefined for what is only told. */
  asked?: number;
  /** Whether less is better. */
  most?: boolean;
  unit?: string;
}

/** What a round on a team came to. */
interface RoundTime {
  seconds: number;
  /** Share of the peak of all threads. */
  efficiency: number;
}

const folder = process.env.ATTUNE_DATA;
if (!folder) {
  console.error("bench: ATTUNE_DATA is not set, expected the folder of the data sets. Run ATTUNE_DATA=/path/to/data …");
  process.exit(2);
}
console.log(formatMachine(machine()));
console.log(
  `gru4rec, width ${WIDTH}, batch ${BATCH}, full cross-entropy, dropout ${DROPOUT}; ` +
    "efficiency = 6·(V·D + 3·H·(D + H)) · positions ÷ (time × peak of all threads)",
);
const targets: Target[] = [
  ...(await targetsOf(BEAUTY, { one: 0.78, two: 0.72, padded: 3.5, packed: 2 })),
  ...(await targetsOf(ML_100K, { two: 0.65, padded: 4 })),
  await timeToQuality(),
];
printTargets(targets);
console.log("\nWhat limits the shares of the peak: where a step's time goes, on random histories of either shape");
for (const shape of SHAPES) {
  for (const line of ["", ...formatTable(formatProfile(await profileOf("gru4rec", shape, THREADS, PROFILED_STEPS)))]) {
    console.log(line);
  }
}

/** Measures all that is asked of one log. */
async function targetsOf(
  log: Log,
  asked: { one?: number; two: number; padded: number; packed?: number },
): Promise<Target[]> {
  const exercise = await readExercise(log);
  const scratch = mkdtempSync(join(tmpdir(), "attune-targets-"));
  const teams = [await openTeam(1), await openTeam(THREADS)];
  const peers: (TorchPeer | undefined)[] = [];
  try {
    const trainers = teams.map(({ engine }) =>
      openTrainer(engine, "gru4rec", exercise.items, { embedding: WIDTH, hidden: WIDTH, dropout: DROPOUT }),
    );
    const weights = startWeights(teams[0], trainers[0]);
    writeExercise(scratch, { ...exercise, weights });
    for (const form of PEERS) peers.push(await openTorch(scratch, form, THREADS));
    await compareLosses(exercise, peers);
    const positions = exercise.order.reduce((sum, user) => sum + exercise.sequences[user].length - 1, 0);
    console.log(
      `${log.name}: ${exercise.items.toLocaleString("en")} items; a round trains ${exercise.order.length.toLocaleString("en")} of ` +
        `${exercise.sequences.length.toLocaleString("en")} users, ${positions.toLocaleString("en")} positions, at most ${log.length} a user`,
    );
    const ours: RoundTime[][] = teams.map(() => []);
    const theirs: number[][] = peers.map(() => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, team] of teams.entries()) ours[index].push(trainRound(team, trainers[index], exercise));
      for (const [index, peer] of peers.entries()) {
        // As installed a round takes long, as the system clears every page anew: one tells enough.
        if (peer && (PEERS[index].tuned || round === 0)) theirs[index].push(await peer.round());
      }
    }
    const [one, two] = ours.map((rounds) => rounds.map(({ seconds }) => seconds));
    const rows: Target[] = [
      {
        name: `${log.name}: efficiency, 1 thread`,
        measured: spreadOf(ours[0].map(({ efficiency }) => efficiency)),
        asked: asked.one,
      },
      {
        name: `${log.name}: efficiency, 2 threads`,
        measured: spreadOf(ours[1].map(({ efficiency }) => efficiency)),
        asked: asked.two,
      },
      {
        name: `${log.name}: 2 threads against 1`,
        measured: spreadOf(one.map((seconds, round) => seconds / two[round])),
        asked: 1.8,
      },
      {
        // What the second thread could be worth at best.
        name: `${log.name}: peak of 2 threads against 1`,
        measured: spreadOf(
          Array.from({ length: PEAK_LOOKS }, () => peakNow(teams[1], LONG_LOOK) / peakNow(teams[0], LONG_LOOK)),
        ),
      },
      { name: `${log.name}: a round, 2 threads`, measured: spreadOf(two), unit: " s" },
    ];
    for (const [index, { name, form, tuned }] of PEERS.entries()) {
      const peer = peers[index];
      if (!peer) continue;
      rows.push(
        { name: `${log.name}: PyTorch ${name}`, measured: spreadOf(theirs[index]), unit: " s" },
        {
          name: `${log.name}: against PyTorch ${name}`,
          measured: spreadOf(theirs[index].map((seconds, round) => seconds / two[round])),
          asked: tuned ? asked[form] : undefined,
        },
      );
    }
    return rows;
  } finally {
    for (const peer of peers) peer?.close();
    for (const team of teams) await team.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Reads the training part of a log: the last events of each user, in an order fixed once. */
async function readExercise({ path, length, kCore, batches }: Log): Promise<Omit<Exercise, "weights">> {
  const { split } = await prepareData(join(folder!, path), configOf("gru4rec", { kCore }));
  const { histories, trainLength } = split;
  const sequences: Int32Array[] = [];
  for (const [user, trained] of trainLength.entries()) {
    const end = histories.offsets[user] + trained;
    if (trained >= 2)
      sequences.push(Int32Array.from(histories.item.subarray(end - Math.min(trained, length + 1), end)));
  }
  // Any fixed order in which neighbours have nothing in common.
  const order = sequences.map((_, user) => user).sort((a, b) => ((a * 7919) % 104_729) - ((b * 7919) % 104_729));
  const model = { embedding: WIDTH, hidden: WIDTH, dropout: DROPOUT, batch: BATCH };
  return { ...model, items: histories.items.size, sequences, order: order.slice(0, batches * BATCH) };
}

function startWeights({ engine }: BenchTeam, { network }: Trainer): Exercise["weights"] {
  return network.parameters.list.map(({ name, shape, value, size }) => ({
    name,
    shape,
    values: engine.memory.f32(value, size).slice(),
  }));
}

function batchesOf({ sequences, order }: Pick<Exercise, "sequences" | "order">): Example[][] {
  const batches: Example[][] = [];
  for (let start = 0; start < order.length; start += BATCH) {
    const users = order.slice(start, start + BATCH);
    batches.push(
      users.map((user) => ({
        history: sequences[user].subarray(0, -1),
        next: sequences[user].subarray(1),
        lossFrom: 0,
      })),
    );
  }
  return batches;
}

/** Trains a round, and looks at the peak on the same threads now and then; its time is not the round's. */
function trainRound(team: BenchTeam, trainer: Trainer, exercise: Omit<Exercise, "weights">): RoundTime {
  const perPosition = flopsPerPosition(trainer.network.parameters.list, exercise.items);
  const peaks: number[] = [];
  let ms = 0;
  let positions = 0;
  for (const [index, batch] of batchesOf(exercise).entries()) {
    if (index % STEPS_BETWEEN_PEAKS === 0) peaks.push(peakNow(team));
    const startMs = performance.now();
    positions += trainer.step(batch).count;
    ms += performance.now() - startMs;
  }
  return { seconds: ms / 1000, efficiency: (positions * perPosition) / (ms * spreadOf(peaks).median) };
}

/** Makes sure that both sides compute the same before either is timed. */
async function compareLosses(exercise: Omit<Exercise, "weights">, peers: readonly (TorchPeer | undefined)[]) {
  const team = await openTeam(1);
  const own = { embedding: WIDTH, hidden: WIDTH, dropout: 0 };
  const { loss, count } = openTrainer(team.engine, "gru4rec", exercise.items, own).step(batchesOf(exercise)[0]);
  for (const [index, peer] of peers.entries()) {
    if (!peer) continue;
    const mine = loss / count;
    if (!(Math.abs(peer.loss - mine) <= LOSS_TOLERANCE * mine)) {
      throw new Error(`${PEERS[index].name}: first loss ${peer.loss}, attune has ${mine}`);
    }
    const core = peer.coreType && `, OpenBLAS for ${peer.coreType}`;
    console.log(
      `  PyTorch ${peer.version}${core}, ${PEERS[index].name}: first loss ${peer.loss.toFixed(5)}, attune ${mine.toFixed(5)}`,
    );
  }
}

/** Looks at the peak: the fastest of a few calls, as helpers may have to wake up first. @returns flops in a ms */
function peakNow({ peak }: BenchTeam, calls = PEAK_CALLS): number {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let call = 0; call < calls; call++) {
    const startMs = performance.now();
    peak.run();
    leastMs = Math.min(leastMs, performance.now() - startMs);
  }
  return peak.units / leastMs;
}

/** Trains as a user would, until validation is good enough. */
async function timeToQuality(): Promise<Target> {
  const wanted = 0.094;
  const seconds: number[] = [];
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const enough = new AbortController();
    const startMs = performance.now();
    let spent = Number.NaN;
    await train(join(folder!, ML_100K.path), {
      model: "gru4rec",
      kCore: ML_100K.kCore,
      seed,
      threads: THREADS,
      refit: false,
      signal: enough.signal,
      onProgress({ closed }) {
        if (!((closed?.validation?.["ndcg@10"] ?? 0) >= wanted)) return;
        spent = (performance.now() - startMs) / 1000;
        enough.abort();
      },
    }).catch((error) => {
      if (!enough.signal.aborted) throw error;
    });
    seconds.push(spent);
  }
  return {
    name: `ML-100K: time to validation NDCG@10 ${wanted}, seeds 1–${ROUNDS}`,
    measured: spreadOf(seconds),
    asked: 20,
    most: true,
    unit: " s",
  };
}

function printTargets(all: readonly Target[]): void {
  const rows = all.map(({ name, measured, asked, most, unit = "" }) => {
    if (asked === undefined) return [name, formatSpread(measured) + unit, "", ""];
    const met = most ? measured.median <= asked : measured.median >= asked;
    const gap = met ? "met" : `missed by ${(100 * Math.abs(1 - measured.median / asked)).toFixed(0)} %`;
    return [name, formatSpread(measured) + unit, `${most ? "≤" : "≥"} ${asked}${unit}`, gap];
  });
  for (const line of ["", ...formatTable([["target", "measured", "asked", ""], ...rows])]) console.log(line);
}
