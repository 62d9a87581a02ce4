/** A GRU or LSTM layer run by kernels, as src/model/layers/recurrent.ts composes them, and the same by the f64 twins. */

import { PANEL_COLUMNS, panelFloats } from "../../src/model/layers/linear.ts";
import { gruBackward, gruForward } from "../reference/gru.ts";
import { lstmBackward, lstmForward } from "../reference/lstm.ts";
import { addGradients, type RecurrentParameters, zeroGradients } from "../reference/recurrent.ts";
import { fromFlat, type Matrix, zeros } from "../reference/tensor.ts";
import { packing, packNumbers, packRows, reads, run, unpackNumbers, unpackRows, updates, writes } from "./harness.ts";

export type Cell = "gru" | "lstm";
/** Gates of each cell. */
export const GATES = { gru: 3, lstm: 4 };

/** A layer and what it runs over, by sequence; longest first. */
export interface Case {
  cell: Cell;
  parameters: RecurrentParameters;
  x: Matrix[];
  /** 1 if left out. */
  weights?: Matrix;
  h0: Matrix;
  c0: Matrix;
  dH: Matrix[];
  /** Gradient of each last cell by itself. */
  dCLast?: Matrix;
}

export interface Result {
  h: Matrix[];
  c: Matrix[];
  dX: Matrix[];
  dWeights: Matrix;
  dH0: Matrix;
  dC0: Matrix;
  dWeightIh: Matrix;
  dWeightHh: Matrix;
  dBiasIh: number[];
  dBiasHh: number[];
}

/**
 * A step after the last one through which a gradient reaches the last cell, as a later window's would: its gates are shut and
 * open so far (i = 0, f = o = 1) that h' = tanh c and nothing else is touched, so dh' = dc/(1 − tanh² c) arrives as dc.
 */
function withExitStep(input: Case): Case {
  const { dCLast, parameters } = input;
  if (!dCLast) return input;
  const { c } = runLayer({ ...input, dCLast: undefined }, "forward");
  const dExit = dCLast.map((row, b) =>
    row.map((value, j) => {
      const last = Math.tanh(c[b][c[b].length - 1][j]);
      return value / (1 - last * last);
    }),
  );
  const width = parameters.weightIh[0].length;
  return {
    ...input,
    x: input.x.map((sequence) => [...sequence, zeros(width)]),
    weights: input.x.map((sequence, b) => [...(input.weights?.[b] ?? sequence.map(() => 1)), 1]),
    dH: input.dH.map((sequence, b) => [...sequence, dExit[b]]),
  };
}

/** Far enough from zero that a sigmoid of it is 0 or 1. */
/** The squashing tanh, as core/math.ts numbers it; ReLU is measured in whole models, in test/train. */
const TANH = 0;

const SHUT = -200;
const OPEN = 200;

/** Runs a layer as src/model/layers/recurrent.ts composes it: "forward" as an answer would, "both" as training does. */
export function runLayer(given: Case, passes: "forward" | "both", quick = false): Result {
  const input = passes === "both" ? withExitStep(given) : given;
  const { cell, parameters } = input;
  const batch = packing(input.x.map((sequence) => sequence.length));
  const { offsets, steps, rows, lengths } = batch;
  const sequences = lengths.length;
  const hidden = parameters.weightHh[0].length;
  const width = parameters.weightIh[0].length;
  const gates = GATES[cell] * hidden;
  const kept = 4 * hidden;
  const gateCount = GATES[cell];
  const setPanels = panelFloats(hidden, hidden);
  const buffers = {
    offsets: reads.i32(offsets),
    x: reads.f32(packRows(batch, input.x)),
    weights: reads.f32(input.weights ? packNumbers(batch, input.weights) : []),
    weightIh: reads.f32(parameters.weightIh.flat()),
    weightHh: reads.f32(parameters.weightHh.flat()),
    biasIh: reads.f32(parameters.biasIh),
    biasHh: reads.f32(parameters.biasHh),
    h0: reads.f32(input.h0.flat()),
    c0: reads.f32(cell === "lstm" ? input.c0.flat() : []),
    dH: updates.f32(packRows(batch, input.dH)),
    inputPanels: writes.f32(panelFloats(gates, width)),
    hiddenPanels: writes.f32(panelFloats(gates, hidden)),
    product: writes.f32(rows * gates),
    scratch: writes.f32(sequences * gates),
    h: writes.f32(rows * hidden),
    c: writes.f32(cell === "lstm" ? rows * hidden : 0),
    gates: writes.f32(rows * kept),
    // backward
    backPanels: writes.f32(cell === "lstm" ? panelFloats(hidden, kept) : 3 * setPanels),
    dState: writes.f32(sequences * hidden),
    dCellState: writes.f32(sequences * hidden),
    before: writes.f32(rows * hidden),
    beforePanels: writes.f32(panelFloats(hidden, rows)),
    xPanels: writes.f32(panelFloats(width, rows)),
    inputBackPanels: writes.f32(panelFloats(width, gates)),
    dWeights: writes.f32(rows),
    dX: writes.f32(rows * width),
    dWeightIh: updates.f32(zeros(gates * width)),
    dWeightHh: updates.f32(zeros(gates * hidden)),
    dBiasIh: updates.f32(zeros(gates)),
    dBiasHh: updates.f32(zeros(gates)),
  };
  const out = run(
    buffers,
    ({ kernels: k, at, views, each }) => {
      const pack = (n: number, terms: number, b: number, step: number, column: number, panels: number): void =>
        each(Math.ceil(n / PANEL_COLUMNS), 1, (begin, end) => k.packF32(begin, end, n, terms, b, step, column, panels));
      pack(gates, width, at.weightIh, 1, width, at.inputPanels);
      pack(gates, hidden, at.weightHh, 1, hidden, at.hiddenPanels);
      each(rows, 1, (b, e) => k.gemmF32(b, e, gates, width, at.x, width, 1, at.inputPanels, at.product, gates, 0));
      if (input !== given) {
        for (const [b, length] of lengths.entries()) {
          const first = (offsets[length - 1] + b) * gates;
          for (const [gate, value] of [SHUT, OPEN, 0, OPEN].entries()) {
            views.product.fill(value, first + gate * hidden, first + (gate + 1) * hidden);
          }
        }
      }
      const weights = input.weights ? at.weights : 0;
      const keep = passes === "both" ? at.gates : 0;
      const { offsets: steps0, product, biasIh, hiddenPanels, biasHh, h0, c0, h, c, scratch, gates: dGates } = at;
      each(sequences, 1, (b, e) => {
        const layer = [
          b,
          e,
          steps,
          steps0,
          hidden,
          TANH,
          product,
          0,
          weights,
          biasIh,
          hiddenPanels,
          biasHh,
          h0,
        ] as const;
        if (cell === "gru") k.gruForwardF32(...layer, h, keep, scratch);
        else k.lstmForwardF32(...layer, c0, h, c, keep, scratch);
      });
      if (passes === "forward") return;

      if (cell === "gru") {
        for (let gate = 0; gate < 3; gate++) {
          const block = at.weightHh + 4 * gate * hidden * hidden;
          pack(hidden, hidden, block, hidden, 1, at.backPanels + 4 * gate * setPanels);
        }
        each(sequences, 1, (b, e) =>
          k.gruBackwardF32(b, e, steps, steps0, hidden, TANH, at.backPanels, h0, h, at.dH, dGates, at.dState),
        );
      } else {
        pack(hidden, kept, at.weightHh, hidden, 1, at.backPanels);
        each(sequences, 1, (b, e) =>
          k.lstmBackwardF32(
            b,
            e,
            steps,
            steps0,
            hidden,
            TANH,
            at.backPanels,
            c0,
            c,
            at.dH,
            dGates,
            at.dState,
            at.dCellState,
          ),
        );
      }
      each(steps, 1, (b, e) => k.previousRowsF32(b, e, steps0, hidden, h0, h, at.before));
      pack(hidden, rows, at.before, hidden, 1, at.beforePanels);
      // The GRU's n gate has two gradients: of W_in·x in the third block, of h_n in the fourth.
      const blocks =
        cell === "lstm"
          ? [[0, 0, gates]]
          : [
              [0, 0, 2 * hidden],
              [3 * hidden, 2 * hidden, hidden],
            ];
      for (const [column, row, count] of blocks) {
        const dHere = dGates + 4 * column;
        each(count, 1, (b, e) =>
          k.gemmF32(b, e, hidden, rows, dHere, 1, kept, at.beforePanels, at.dWeightHh + 4 * row * hidden, hidden, 1),
        );
        each(count, 1, (b, e) => k.columnSumsF32(b, e, rows, dHere, kept, at.dBiasHh + 4 * row));
      }
      each(gates, 1, (b, e) => k.columnSumsF32(b, e, rows, dGates, kept, at.dBiasIh));
      each(rows, 1, (b, e) => k.rowDotsF32(b, e, gates, dGates, kept, product, gates, at.dWeights));
      if (weights) each(rows, 1, (b, e) => k.scaleRowsF32(b, e, gates, dGates, kept, weights, dGates, kept));
      pack(width, rows, at.x, width, 1, at.xPanels);
      each(gates, 1, (b, e) => k.gemmF32(b, e, width, rows, dGates, 1, kept, at.xPanels, at.dWeightIh, width, 1));
      pack(width, gates, at.weightIh, width, 1, at.inputBackPanels);
      each(rows, 1, (b, e) => k.gemmF32(b, e, width, gates, dGates, kept, 1, at.inputBackPanels, at.dX, width, 0));
    },
    quick,
  );
  const exits = input === given ? 0 : 1;
  const withoutExit = <Entry>(sequence: Entry[]): Entry[] => sequence.slice(0, sequence.length - exits);
  const both = passes === "both";
  return {
    h: unpackRows(batch, out.h, hidden).map(withoutExit),
    c: cell === "lstm" ? unpackRows(batch, out.c, hidden).map(withoutExit) : [],
    dX: both ? unpackRows(batch, out.dX, width).map(withoutExit) : [],
    dWeights: both ? unpackNumbers(batch, out.dWeights).map(withoutExit) : [],
    dH0: fromFlat(out.dState, sequences, hidden),
    dC0: cell === "lstm" ? fromFlat(out.dCellState, sequences, hidden) : [],
    dWeightIh: fromFlat(out.dWeightIh, gates, width),
    dWeightHh: fromFlat(out.dWeightHh, gateCount * hidden, hidden),
    dBiasIh: [...out.dBiasIh],
    dBiasHh: [...out.dBiasHh],
  };
}

/** The same by the f64 twins, one sequence at a time. */
export function twinOf({ cell, parameters, x, weights, h0, c0, dH, dCLast }: Case): Result {
  const sum = zeroGradients(parameters);
  const result: Result = { h: [], c: [], dX: [], dWeights: [], dH0: [], dC0: [], ...sum };
  for (const [b, sequence] of x.entries()) {
    const input = { x: sequence, weights: weights?.[b], h0: h0[b], c0: c0[b] };
    if (cell === "gru") {
      const output = gruForward(parameters, input);
      const back = gruBackward(parameters, input, output, dH[b]);
      result.h.push(output.h);
      result.dX.push(back.dX);
      result.dWeights.push(back.dWeights);
      result.dH0.push(back.dH0);
      addGradients(sum, back);
    } else {
      const output = lstmForward(parameters, input);
      const back = lstmBackward(parameters, input, output, dH[b], dCLast?.[b]);
      result.h.push(output.h);
      result.c.push(output.c);
      result.dX.push(back.dX);
      result.dWeights.push(back.dWeights);
      result.dH0.push(back.dH0);
      result.dC0.push(back.dC0);
      addGradients(sum, back);
    }
  }
  return result;
}
