// The integer pass of exact top-K, as this runtime does it best: with i16 everywhere, and with relaxed SIMD's i8 where a module for
// it was offered, tells the truth and is the faster one. This is the one place that decides.

import type { Engine } from "./engine.ts";
import type { InferenceKernels } from "./kernels.ts";

/** A form of the integer pass. */
export interface Scanner {
  readonly name: "i16" | "relaxed-i8" | "relaxed-pairs";
  /** Integers in a 32-bit word: 2 of 16 bits or 4 of 8. */
  readonly perWord: 2 | 4;
  /** What `scan` takes last: whether pairs of products are added by an instruction of their own. */
  readonly inPairs: 0 | 1;
  readonly scan: InferenceKernels["scanCatalogue"];
}

/** What has to be true of a relaxed module's time, as a part of the other's, for it to be used. */
const FAST_ENOUGH = 0.85;
const TEST_ROUNDS = 8;
const TIMED_BLOCKS = 8;
const TIMED_GROUPS = 8;
const TIMED_WIDTH = 64;
/** Rounds at the start, as a baseline compiler left the forms, and once both are compiled for speed: their least time is the verdict. */
const [FIRST_ROUNDS, LAST_ROUNDS] = [5, 20];
/** Part of its time at the start below which a form is taken to be compiled for speed, and how long to wait for that. */
const COMPILED = 0.7;
const MOST_MS = 400;
/**
 * As the kernels have them: queries of a group, items of a panel and of a block, floats of a group's bounds and of a block's; and stages
 * after which the pass looks whether to go on.
 */
const [GROUP, PANEL, BLOCK, GROUP_FLOATS, BLOCK_FLOATS, STAGES] = [4, 8, 64, 80, 8, 2];

const offers = new WeakMap<Engine, WebAssembly.Module>();
const scanners = new WeakMap<Engine, Scanner>();
/** Which form proved best in this process, of those with a relaxed module. */
const verdicts = new WeakMap<WebAssembly.Module, Scanner["name"]>();

/** Offers an engine the compiled relaxed module; whether it is used is decided when the pass is first needed. */
export function offerRelaxed(engine: Engine, module: WebAssembly.Module): void {
  offers.set(engine, module);
}

/** Returns the integer pass of an engine. Nothing that is planned is touched. */
export function scannerOf(engine: Engine): Scanner {
  let scanner = scanners.get(engine);
  if (!scanner) {
    const plain: Scanner = { name: "i16", perWord: 2, inPairs: 0, scan: engine.kernels.scanCatalogue };
    scanner = plain;
    const module = offers.get(engine);
    const verdict = module && verdicts.get(module);
    if (module && verdict !== "i16") {
      const others = instantiate(engine, module);
      scanner = others.find(({ name }) => name === verdict) ?? chooseScanner(engine, plain, others);
      verdicts.set(module, scanner.name);
    }
    scanners.set(engine, scanner);
  }
  return scanner;
}

/** Makes an engine use a form of the integer pass from now on: for tests and benchmarks. */
export function useScanner(engine: Engine, scanner: Scanner): void {
  scanners.set(engine, scanner);
}

/** Instantiates a relaxed module over an engine's memory: its forms, or none where that is refused or it is another version's. */
export function instantiate(engine: Engine, module: WebAssembly.Module): Scanner[] {
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory: engine.memory.wasm } });
    const { abiVersion, scanCatalogue } = exports as unknown as InferenceKernels;
    if (abiVersion() !== engine.kernels.abiVersion()) return [];
    return [
      { name: "relaxed-i8", perWord: 4, inPairs: 0, scan: scanCatalogue },
      { name: "relaxed-pairs", perWord: 4, inPairs: 1, scan: scanCatalogue },
    ];
  } catch {
    return [];
  }
}

/**
 * Chooses between forms of the integer pass: the fastest of `others` if it is right on random numbers, before and after it has run
 * long enough to be compiled for speed, and faster than `plain`.
 * @param now milliseconds; a clock that stands still chooses `plain`
 */
export function chooseScanner(
  engine: Engine,
  plain: Scanner,
  others: readonly Scanner[],
  now: () => number = clock,
): Scanner {
  const right = others.filter((other) => isRight(engine, other));
  if (right.length === 0) return plain;
  const best = findFastest(engine, plain, right, now);
  return best === plain || isRight(engine, best) ? best : plain;
}

function clock(): number {
  return typeof performance === "undefined" ? 0 : performance.now();
}

/** Whether a form lists exactly what sums of products, done in integers here, say, for thresholds at the very sums and just above them. */
export function isRight(engine: Engine, scanner: Scanner): boolean {
  let state = 1;
  const draw = (bound: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x100000000) * bound);
  };
  const { perWord } = scanner;
  // The extremes come often: they are where instructions differ.
  const pick = (least: number, most: number) => {
    const kind = draw(8);
    return kind < 2 ? most : kind < 4 ? least : least + draw(most - least + 1);
  };
  for (let round = 0; round < TEST_ROUNDS; round++) {
    const words = 2 + 2 * draw(8);
    const stages = Array.from({ length: STAGES }, () => (round % 2 === 0 ? words : 2 * (1 + draw(words / 2))));
    stages.sort((a, b) => a - b).push(words);
    const length = words * perWord;
    const queries = Array.from({ length: round % 3 === 0 ? 1 : GROUP }, () =>
      Array.from({ length }, () => (perWord === 4 ? pick(-63, 63) : pick(-127, 127))),
    );
    const items = Array.from({ length: BLOCK }, () =>
      Array.from({ length }, () => pick(perWord === 4 ? 0 : -127, 127)),
    );
    const sums = queries.map((query) => items.map((item) => item.reduce((sum, value, k) => sum + value * query[k], 0)));
    // A sum too large by one shows above it, one too small at it.
    const thresholds = sums.map((row) => row[draw(BLOCK)] + draw(2));
    const wanted = sums.map((row, r) => [...row.keys()].filter((i) => row[i] >= thresholds[r]));
    const listed = runOnce(engine, scanner, { words, stages, queries, items, thresholds });
    if (JSON.stringify(listed) !== JSON.stringify(wanted)) return false;
  }
  return true;
}

interface Trial {
  words: number;
  stages: readonly number[];
  queries: readonly (readonly number[])[];
  items: readonly (readonly number[])[];
  thresholds: readonly number[];
}

/** Lays a trial out as the kernels want it, and returns what is listed for each query. */
function runOnce(engine: Engine, { perWord, inPairs, scan }: Scanner, trial: Trial): number[][] {
  const { words, stages, queries, items, thresholds } = trial;
  const { memory } = engine;
  const mark = memory.mark();
  const panels = memory.planI32(BLOCK * words);
  const bounds = memory.planF32(BLOCK_FLOATS);
  const q = memory.planI32(GROUP * words);
  const queryBounds = memory.planF32(GROUP_FLOATS);
  const positions = memory.planI32(GROUP * BLOCK);
  const counts = memory.planI32(GROUP);
  memory.i32(q, GROUP * words).fill(0);
  memory.i32(counts, GROUP).fill(0);
  const { buffer } = memory.wasm;
  const bytes = 4 / perWord;
  const stagesAt = memory.place(Int32Array.from(stages));
  const place = (at: number, values: readonly number[], stride: number) => {
    const view = new DataView(buffer);
    for (const [k, value] of values.entries()) {
      const to = at + Math.floor(k / perWord) * stride + (k % perWord) * bytes;
      if (bytes === 1) view.setInt8(to, value);
      else view.setInt16(to, value, true);
    }
  };
  for (const [i, item] of items.entries()) {
    const [panel, lane] = [Math.floor(i / PANEL), i % PANEL];
    for (const [stage, stop] of stages.entries()) {
      const from = stages[stage - 1] ?? 0;
      const to = panels + 4 * (BLOCK * from + PANEL * panel * (stop - from) + lane);
      place(to, item.slice(from * perWord, stop * perWord), 4 * PANEL);
    }
  }
  for (const [r, query] of queries.entries()) place(q + 4 * r, query, 4 * GROUP);
  // One block of scale 1 with nothing left out, whose other words can reach anything.
  const far = 0x100000;
  memory.f32(bounds, BLOCK_FLOATS).set([1, 0, 0, far, far, far, 0, 0]);
  const group = memory.f32(queryBounds, GROUP_FLOATS).fill(0);
  for (let r = 0; r < GROUP; r++) {
    group[r] = thresholds[r] ?? Number.POSITIVE_INFINITY;
    for (let length = 0; length <= STAGES; length++) group[(2 + length) * GROUP + r] = r < queries.length ? 1000 : 0;
  }
  const rows = queries.length;
  scan(0, 1, rows, BLOCK, 1, 0, 1, words, stagesAt, panels, bounds, q, queryBounds, BLOCK, positions, counts, inPairs);
  const listed = queries.map((_, r) => [...memory.i32(positions + 4 * BLOCK * r, memory.i32(counts, GROUP)[r])]);
  memory.release(mark);
  return listed;
}

/**
 * Finds the form that is fastest on a catalogue of nothing but zeros that is read whole, by the least of some rounds of each, in turn; `plain`
 * unless another is much faster. A runtime compiles them for speed one after the other and beside this thread, on a busy machine late: until all
 * have got much faster than they were, times say little.
 */
function findFastest(engine: Engine, plain: Scanner, others: readonly Scanner[], now: () => number): Scanner {
  const forms = [...others, plain];
  const { memory } = engine;
  const mark = memory.mark();
  const panels = memory.planI32((TIMED_BLOCKS * BLOCK * TIMED_WIDTH) / 2);
  const bounds = memory.planF32(TIMED_BLOCKS * BLOCK_FLOATS);
  const q = memory.planI32((TIMED_GROUPS * GROUP * TIMED_WIDTH) / 2);
  const queryBounds = memory.planF32(TIMED_GROUPS * GROUP_FLOATS);
  const counts = memory.planI32(TIMED_GROUPS * GROUP);
  memory.i32(panels, (memory.mark() - panels) / 4).fill(0);
  const stages = forms.map(({ perWord }) => memory.place(new Int32Array(STAGES + 1).fill(TIMED_WIDTH / perWord)));
  // Thresholds of 1, which sums of 0 do not reach, but a length of 1 might.
  for (let block = 0; block < TIMED_BLOCKS; block++) {
    memory.f32(bounds + 4 * block * BLOCK_FLOATS, BLOCK_FLOATS).set([1, 0, 0, 1, 1]);
  }
  for (let group = 0; group < TIMED_GROUPS; group++) {
    const own = memory.f32(queryBounds + 4 * group * GROUP_FLOATS, GROUP_FLOATS);
    own.fill(1, 0, GROUP).fill(1, 2 * GROUP, 3 * GROUP);
  }
  const [queries, items] = [TIMED_GROUPS * GROUP, TIMED_BLOCKS * BLOCK];
  const least = forms.map(() => Number.POSITIVE_INFINITY);
  let atFirst = least;
  const startMs = now();
  for (let round = 0, settled = 0; settled < LAST_ROUNDS && now() - startMs < MOST_MS; round++) {
    if (round === FIRST_ROUNDS) {
      atFirst = [...least];
      // A clock that stands still, as some runtimes have it, says nothing.
      if (least.every((ms) => ms === 0)) break;
    }
    if (atFirst !== least && least.every((ms, form) => ms < COMPILED * atFirst[form])) settled++;
    for (const [form, { perWord, inPairs, scan }] of forms.entries()) {
      const words = TIMED_WIDTH / perWord;
      const before = now();
      scan(
        0,
        TIMED_GROUPS,
        queries,
        items,
        TIMED_BLOCKS,
        0,
        TIMED_BLOCKS,
        words,
        stages[form],
        panels,
        bounds,
        q,
        queryBounds,
        0,
        0,
        counts,
        inPairs,
      );
      least[form] = Math.min(least[form], now() - before);
    }
  }
  memory.release(mark);
  const best = least.indexOf(Math.min(...least.slice(0, -1)));
  return least[best] < FAST_ENOUGH * least[others.length] ? forms[best] : plain;
}
