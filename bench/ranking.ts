// node scripts/run.mjs bench/ranking.ts [gaussian|ml-100k|beauty|generated …]   Exact top-20 and whole requests against
// onnxruntime-node, onnxruntime-web and tfjs-wasm, one thread each, a call of either in turn, and cold starts: the table of targets.

import { cpus } from "node:os";
import { formatTable } from "../src/cli/output.ts";
import { forceIntegerCopy } from "../src/rank/integer-copy.ts";
import { NetworkRanker } from "../src/rank/network-ranker.ts";
import { joinLists, search } from "../src/rank/search.ts";
import { scannerOf } from "../src/wasm/scanner.ts";
import { spreadOf } from "./measure.ts";
import { openOnnxruntime } from "./peers/onnxruntime.ts";
import type { Lists, Peer } from "./peers/peer.ts";
import { openTensorflow } from "./peers/tensorflow.ts";
import { type ColdStart, measureColdStart } from "./ranking/cold-start.ts";
import { makeSetting, ROWS, SETTINGS, type Setting, STEPS, weightsOf } from "./ranking/settings.ts";

const K = 20;
/** Rounds that are not counted, by how many requests are asked at once: both sides compile what they run often. */
const warmUpOf = (rows: number) => (rows === 1 ? 300 : 4);
/** Rounds against each, for a batch; many times as many for single requests, so that their p99 is not a matter of four. */
const ROUNDS = { "onnxruntime-node": 40, "onnxruntime-web": 10, "tfjs-wasm": 4 } as const;
const SINGLES = 100;
type PeerName = keyof typeof ROUNDS;
/** Largest gap of two scores in the same place, as a part of the larger: sums in another order. */
const TOLERANCE = 1e-3;

const isNew = Number(process.versions.node.split(".")[0]) >= 24;
/** What the time of the other by ours is to be at least: on Node 24 and newer, and on Node 20. */
const TARGETS = {
  gaussian: [1.35, 0.75],
  trained: [2.5, 1.5],
  request: [1.5, 1.0],
  single: [2.5, 1.4],
} as const;
/** Most milliseconds of a cold start, on any Node: 50,000 items × 64. */
const COLD_TARGETS = { instantiate: 3, readAndAnswer: 25 } as const;
/** What most of our time goes to, where that is not enough. */
const REASONS: Record<keyof typeof TARGETS, string> = {
  gaussian: "the integer pass multiplies nearly every panel whole",
  trained: "the first quarter of the integer pass, which every panel takes, and scoring what is left",
  request: "the GRU: two thirds of its time are 128-bit products at the limit of the core",
  single: "the GRU: 50 products of one row with 48 kB of weights",
};

interface Row {
  name: string;
  kind: keyof typeof TARGETS;
  peer: PeerName;
  mine: number[];
  theirs: number[];
}

/** Two ways to one answer. */
interface Contest {
  name: string;
  kind: keyof typeof TARGETS;
  rows: number;
  ours(turn: number): Lists;
  theirs(peer: Peer, turn: number): Promise<Lists>;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !SETTINGS.includes(name));
if (unknown.length > 0) {
  console.error(`ranking: unknown setting ${unknown.join(", ")}, expected ${SETTINGS.join(", ")}.`);
  process.exit(2);
}
console.log(`attune, Node ${process.version}, ${cpus()[0].model}, one thread`);
const rows: Row[] = [];
const setups = new Map<string, string>();
for (const name of SETTINGS) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const setting = await makeSetting(name);
  if (setting) await measure(setting);
}
for (const [name, setup] of setups) console.log(`${name}: ${setup}`);
printTable(await measureColdStart());

async function measure(setting: Setting): Promise<void> {
  const contests = contestsOf(setting);
  const { network } = setting;
  console.log(
    `${setting.name}: ${network.items.toLocaleString("en")} items × ${network.scorer.width}, K = ${K}, ${scannerOf(network.engine).name}`,
  );
  const weights = weightsOf(setting);
  for (const name of Object.keys(ROUNDS) as PeerName[]) {
    const peer = name === "tfjs-wasm" ? await openTensorflow(weights, K) : await openOnnxruntime(name, weights, K);
    if (!peer) {
      console.log(`  ${name}: not installed. In bench/: npm install --ignore-scripts`);
      continue;
    }
    setups.set(name, peer.setup);
    for (const contest of contests) rows.push(await contend(setting, contest, peer, name));
  }
}

function contestsOf({ name, network, histories, queries: given }: Setting): Contest[] {
  const { memory } = network.engine;
  const { width } = network.scorer;
  network.releaseStep();
  let queries = given;
  if (!queries) {
    const { y } = network.encode(histories);
    queries = memory.f32(y, ROWS * width).slice();
  }
  network.releaseStep();
  const catalogue = forceIntegerCopy(network, () => 0)!;
  const nothing = joinLists(Array.from({ length: ROWS }, () => []));
  const ranking: Contest = {
    name: `top-${K}, ${name}`,
    kind: given ? "gaussian" : "trained",
    rows: ROWS,
    ours() {
      network.releaseStep();
      const y = memory.planF32(ROWS * width);
      memory.f32(y, ROWS * width).set(queries);
      return search(network, catalogue, ROWS, y, K, nothing);
    },
    theirs: (peer) => peer.rank(queries, ROWS),
  };
  if (given) return [ranking];
  // Every history as long as the targets have it: its own items over again.
  const long = histories.map((own) => Int32Array.from({ length: STEPS }, (_, t) => own[t % own.length]));
  const ranker = new NetworkRanker(network);
  const requests = (first: number, count: number): Contest["ours"] => {
    const asks = long.map((history) => ({ history, excluded: new Int32Array(0) }));
    return (turn) => {
      const from = (first + turn * count) % ROWS;
      const lists = ranker.topK(asks.slice(from, from + count), K);
      const scores = new Float32Array(count * K);
      const items = new Int32Array(count * K);
      for (const [r, list] of lists.entries()) {
        scores.set(list.scores, r * K);
        items.set(list.items, r * K);
      }
      return { scores, items };
    };
  };
  const idsOf = (from: number, count: number) =>
    Int32Array.from({ length: STEPS * count }, (_, i) => long[from + (i % count)][Math.floor(i / count)]);
  const [all, each] = [idsOf(0, ROWS), long.map((_, row) => idsOf(row, 1))];
  return [
    ranking,
    {
      name: `request, batch ${ROWS}, ${name}`,
      kind: "request",
      rows: ROWS,
      ours: requests(0, ROWS),
      theirs: (peer) => peer.answer(all, ROWS),
    },
    {
      name: `request, batch 1, ${name}`,
      kind: "single",
      rows: 1,
      ours: requests(0, 1),
      theirs: (peer, turn) => peer.answer(each[turn % ROWS], 1),
    },
  ];
}

async function contend({ network }: Setting, contest: Contest, peer: Peer, name: PeerName): Promise<Row> {
  compare(network.items, contest, contest.ours(0), await contest.theirs(peer, 0), name);
  const [mine, theirs]: [number[], number[]] = [[], []];
  const rounds = ROUNDS[name] * (contest.rows === 1 ? SINGLES : 1);
  const warmUp = warmUpOf(contest.rows);
  for (let round = -warmUp; round < rounds; round++) {
    const turn = round + warmUp;
    const before = performance.now();
    contest.ours(turn);
    const between = performance.now();
    await contest.theirs(peer, turn);
    const after = performance.now();
    if (round < 0) continue;
    mine.push(between - before);
    theirs.push(after - between);
  }
  return { name: contest.name, kind: contest.kind, peer: name, mine, theirs };
}

/** Fails unless both lists say the same: scores close, and other items only where scores are. */
function compare(items: number, contest: Contest, ours: Lists, theirs: Lists, name: string): void {
  let different = 0;
  let largest = 0;
  for (let i = 0; i < ours.scores.length; i++) {
    const gap = Math.abs(ours.scores[i] - theirs.scores[i]) / Math.max(1, Math.abs(theirs.scores[i]));
    largest = Math.max(largest, gap);
    if (!(gap <= TOLERANCE) || !(Number(theirs.items[i]) < items)) {
      throw new Error(`${contest.name}, entry ${i}: attune has ${ours.scores[i]}, ${name} ${theirs.scores[i]}`);
    }
    if (Number(ours.items[i]) !== Number(theirs.items[i])) different++;
  }
  console.log(
    `  ${name}, ${contest.name}: scores within ${largest.toExponential(1)}, ${different} of ${ours.scores.length} items in another order`,
  );
}

function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function printTable(cold: ColdStart): void {
  const head = ["", "against", "", "attune ms", "theirs ms", "ratio (least–most)", "target", ""];
  const lines: string[][] = [head];
  for (const { name, kind, peer, mine, theirs } of rows) {
    const [onNew, on20] = peer === "onnxruntime-node" ? TARGETS[kind] : peer === "onnxruntime-web" ? [5, 3] : [10, 10];
    const target = isNew ? onNew : on20;
    const add = (part: string, own: number, other: number, ratio: number, spread: string) => {
      const verdict = ratio >= target ? "met" : `missed: ${REASONS[kind]}`;
      lines.push([
        name,
        peer,
        part,
        own.toFixed(2),
        other.toFixed(2),
        `${ratio.toFixed(2)}${spread}`,
        `≥ ${target}`,
        verdict,
      ]);
    };
    const ratios = mine.map((ms, i) => theirs[i] / ms);
    const spread = ` (${at(ratios, 0).toFixed(2)}–${at(ratios, 1).toFixed(2)})`;
    add("p50", at(mine, 0.5), at(theirs, 0.5), at(ratios, 0.5), spread);
    if (kind === "single") add("p99", at(mine, 0.99), at(theirs, 0.99), at(theirs, 0.99) / at(mine, 0.99), "");
  }
  const addCold = (name: string, values: readonly number[], target: number) => {
    const { median, least, most } = spreadOf(values);
    const spread = `${least.toFixed(2)}–${most.toFixed(2)} ms`;
    const verdict =
      median <= target ? "met" : "missed: code that runs for the first time, and memory that the model is copied into";
    lines.push([name, "", "p50", median.toFixed(2), "", spread, `≤ ${target} ms`, verdict]);
  };
  addCold("cold start: compile and instantiate", cold.instantiate, COLD_TARGETS.instantiate);
  addCold("cold start: read the model and answer", cold.readAndAnswer, COLD_TARGETS.readAndAnswer);
  for (const line of formatTable(lines)) console.log(line);
}
