// Kernels alone, at the shapes of MovieLens-100K (V = 1,349) and Beauty (V = 12,101), D = H = 64. Model operations only: a
// gemm of rows·n·k counts 2·rows·n·k flops.

import { pack, panelFloats } from "../src/model/layers/linear.ts";
import type { TrainingEngine } from "../src/wasm/engine.ts";
import type { Work } from "./team.ts";

const D = 64;
/** The squashing tanh, as assembly/core/math.ts numbers it. */
const TANH = 0;

/** Makes calls of the kernels that training spends its time in; one thread each. */
export function kernelWorks(engine: TrainingEngine): Work[] {
  const { kernels, memory } = engine;
  const random = (count: number) => {
    const at = memory.planF32(count);
    kernels.fillUniformF32(0, count, at, -0.1, 0.1, 1, at);
    return at;
  };
  const works: Work[] = [];
  const arithmetic = (name: string, flops: number, run: () => void) =>
    works.push({ name, units: flops, unit: "Gflop/s", scale: 1e9, flops, run });
  const gemm = (name: string, rows: number, n: number, k: number) => {
    const [a, b, c] = [random(rows * k), random(n * k), random(rows * n)];
    const panels = memory.planF32(panelFloats(n, k));
    pack(engine, n, k, b, 1, k, panels);
    arithmetic(name, 2 * rows * n * k, () => kernels.gemmF32(0, rows, n, k, a, k, 1, panels, c, n, 0));
  };
  gemm("gemm scores 64×1349×64", 64, 1349, D);
  gemm("gemm scores 20×12101×64", 20, 12_101, D);
  gemm("gemm dY 64×64×1349", 64, D, 1349);
  gemm("gemm input product 4096×192×64", 4096, 3 * D, D);
  gemm("gemm one row 1×192×64", 1, 3 * D, D);

  /** @param held items of each row that are left out */
  const crossEntropy = (rows: number, items: number, held = 0) => {
    const [table, y, dY, dTable] = [random(items * D), random(rows * D), random(rows * D), random(items * D)];
    const [tablePanels, yPanels] = [memory.planF32(panelFloats(D, items)), memory.planF32(panelFloats(D, rows))];
    const [scores, sums, losses] = [random(rows * items), memory.planF32(7 * rows), memory.planF32(rows)];
    const targets = memory.place(new Int32Array(rows));
    const list = Int32Array.from({ length: 2 * held }, (_, i) =>
      i % 2 === 0 ? 1 + Math.floor((i * items) / (2 * held + 2)) : 0,
    );
    const listAt = memory.place(list);
    const leftOut = Array.from({ length: rows }, () => [listAt, listAt + 4 * list.length, 0, 0]).flat();
    const leftOutAt = memory.place(leftOut);
    pack(engine, D, items, table, D, 1, tablePanels);
    const block = [rows, rows, items, D] as const;
    const shape = `${rows}×${items}×${D}${held > 0 ? `, ${held} items left out` : ""}`;
    arithmetic(`cross-entropy with scores and dY ${shape}`, 4 * rows * items * D, () => {
      const out = [scores, yPanels, sums, losses, dY] as const;
      // Rows are used up.
      memory.i32(leftOutAt, leftOut.length).set(leftOut);
      const from = held > 0 ? leftOutAt : 0;
      kernels.crossEntropyF32(0, 1, ...block, y, table, tablePanels, targets, from, 1, ...out);
    });
    if (held > 0) return;
    arithmetic(`cross-entropy's dE ${shape}`, 2 * rows * items * D, () =>
      kernels.crossEntropyTableF32(0, items, ...block, scores, yPanels, dTable),
    );
  };
  crossEntropy(128, 1349);
  crossEntropy(128, 1349, 100);
  crossEntropy(128, 12_101);

  const rows = 64;
  const items = 1352;
  const scores = random(rows * items);
  const saved = memory.f32(scores, rows * items).slice();
  const [losses, factors] = [memory.planF32(rows), memory.planF32(rows)];
  const own = memory.place(new Int32Array(rows).fill(-1));
  const [weights, targetScores, dTargets] = [random(items), random(rows), random(rows)];
  memory.f32(weights, items).fill(5);
  works.push({
    name: "sampled cross-entropy 64×1352 (copy included)",
    units: rows * items,
    unit: "Gscores/s",
    scale: 1e9,
    run: () => {
      memory.f32(scores, rows * items).set(saved);
      const out = [losses, factors, dTargets] as const;
      kernels.sampledCrossEntropyF32(0, rows, items, items, scores, weights, own, targetScores, 1, ...out);
    },
  });

  const pairs = 4096;
  const [pairY, table, pairScores] = [random(pairs * D), random(items * D), random(pairs)];
  const pairItems = memory.place(Int32Array.from({ length: pairs }, (_, r) => (r * 31) % items));
  const [itemBias, bias] = [random(items), random(1)];
  arithmetic("head scores 4096×64", 2 * pairs * D, () =>
    kernels.headForwardF32(0, pairs, D, pairY, pairItems, table, itemBias, bias, pairScores),
  );

  const sequences = 64;
  const steps = 100;
  const offsets = memory.place(Int32Array.from({ length: steps + 1 }, (_, t) => t * sequences));
  const recurrence = (cell: "gru" | "lstm", gates: number) => {
    const count = sequences * steps;
    const [input, weight, bias, state] = [
      random(count * gates * D),
      random(gates * D * D),
      random(gates * D),
      random(sequences * D),
    ];
    const panels = memory.planF32(panelFloats(gates * D, D));
    pack(engine, gates * D, D, weight, 1, D, panels);
    const [h, c, kept, scratch] = [
      random(count * D),
      random(count * D),
      random(count * 4 * D),
      random(sequences * gates * D),
    ];
    arithmetic(`${cell} forward, 64 sequences of 100 steps, H = 64`, count * 2 * gates * D * D, () =>
      cell === "gru"
        ? kernels.gruForwardF32(
            0,
            sequences,
            steps,
            offsets,
            D,
            TANH,
            input,
            0,
            0,
            bias,
            panels,
            bias,
            state,
            h,
            kept,
            scratch,
          )
        : kernels.lstmForwardF32(
            0,
            sequences,
            steps,
            offsets,
            D,
            TANH,
            input,
            0,
            0,
            bias,
            panels,
            bias,
            state,
            state,
            h,
            c,
            kept,
            scratch,
          ),
    );
  };
  recurrence("gru", 3);
  recurrence("lstm", 4);

  const parameters = 1_000_000;
  const [w, g, m, v] = [random(parameters), random(parameters), random(parameters), random(parameters)];
  memory.f32(v, parameters).fill(1);
  works.push({
    name: "AdamW, 1,000,000 parameters",
    units: parameters,
    unit: "Gparameters/s",
    scale: 1e9,
    run: () => kernels.adamF32(0, parameters, w, g, m, v, 1e-3, 0.9, 0.1, 0.999, 0.001, 1e-8, 0, 0.1, 0.001, 1),
  });
  const [tableRows, met] = [parameters / D, 2000];
  const ids = memory.place(Int32Array.from({ length: met }, (_, r) => (r * 7) % tableRows));
  const step = [1e-3, 0.9, 0.1, 0.999, 0.001, 1e-8, 0, 0.1, 0.001, 1] as const;
  works.push({
    name: "AdamW, 2,000 of 15,625 rows of 64",
    units: met * D,
    unit: "Gparameters/s",
    scale: 1e9,
    run: () => kernels.adamRowsF32(0, met, D, ids, w, g, m, v, ...step),
  });
  const late = random(5 * met);
  memory.f32(late, 5 * met).fill(0.5);
  works.push({
    name: "missed steps of 2,000 of 15,625 rows of 64",
    units: met * D,
    unit: "Gparameters/s",
    scale: 1e9,
    run: () => kernels.catchUpRowsF32(0, met, D, ids, w, m, v, late, 1e-8),
  });
  return works;
}
