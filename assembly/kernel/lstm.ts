// What     i, f, o = σ(w·x_• + b_i• + h_•),  g = tanh(w·x_g + b_ig + h_g),  c' = f·c + i·g,  h' = o·tanh c'
//          with x_• = W_i•·x (given), h_• = W_h•·h + b_h•, w the attention weight of the step.
//          backward: do = dh'·tanh c'·o·(1 − o), dc = dc' + dh'·o·(1 − tanh² c'), di = dc·g·i·(1 − i), df = dc·c·f·(1 − f),
//          dg = dc·i·(1 − g²), dc_before = dc·f, dh = W_hᵀ·(di, df, dg, do).
//          squash 1 puts max(·, 0) in the place of both tanh, and its derivative in that of 1 − tanh².
// Source   Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; gate order (i, f, g, o) and shapes of
//          torch.nn.LSTM. w·(W·x) for W·(w·x).
// Shapes   offsets i32[T + 1] · input f32[rows, 4H] with inputRows 0, or f32[V, 4H] with the row of it that each row takes, i32[rows] ·
//          weights f32[rows] or 0 · biasIh, biasHh f32[4H] · wHhPanels packF32 of W_hhᵀ (forward) or W_hh (backward) ·
//          state, cellState f32[B, H] · h, c, dH f32[rows, H] · gates f32[rows, 4H] · scratch f32[B, 4H] ·
//          dState, dCellState f32[B, H]
// Layout   packed rows (core/packed.ts), rows of this window only; state and cellState are h and c before its first step.
// Writes   sequences [begin, end): h, c, gates overwritten; backward turns gates into (di, df, dg, do) = dA for both products;
//          dState and dCellState = gradients of the states.
// Numerics f32, products as gemm.ts orders them; every sequence on its own. Bound vs f64: test/assembly/recurrent.test.ts
// Limits   H ≥ 1. Without gates (0) nothing is kept and only the forward pass is possible.
// Cost     8·H² flops a row forward, 8·H² backward, plus three σ and two tanh for each of H.  npm run bench -- kernel

import { fetchRows, sigmoidGates, squashAll } from "../core/gates";
import { squashF32x4, squashSlopeF32x4 } from "../core/math";
import { aliveAt, stepRow } from "../core/packed";
import { isZeroF32, loadLanes, loadTail, preactivation, storeLanes, storeTail } from "../core/v128";
import { gemmF32 } from "./gemm";

/** Runs the recurrence over all steps for sequences [begin, end). */
export function lstmForwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  hidden: i32,
  squash: i32,
  input: usize,
  inputRows: usize,
  weights: usize,
  biasIh: usize,
  wHhPanels: usize,
  biasHh: usize,
  state: usize,
  cellState: usize,
  h: usize,
  c: usize,
  gates: usize,
  scratch: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  let hBefore = state;
  let cBefore = cellState;
  for (let t = 0; t < steps; t++) {
    const first = stepRow(t, offsets);
    const alive = min(end, aliveAt(t, offsets));
    if (alive <= begin) break;
    if (inputRows) fetchRows(alive - begin, inputRows + ((<usize>(first + begin)) << 2), input, 4 * hBytes);
    // Nothing came before a history's first step, and products with zeros are zero.
    if (t === 0 && isZeroF32(state + <usize>begin * hBytes, (alive - begin) * hidden)) {
      memory.fill(scratch + <usize>begin * 4 * hBytes, 0, <usize>(alive - begin) * 4 * hBytes);
    } else gemmF32(begin, alive, 4 * hidden, hidden, hBefore, hidden, 1, wHhPanels, scratch, 4 * hidden, 0);
    for (let b = begin; b < alive; b++) {
      const row = <usize>(first + b);
      lstmCell(
        hidden,
        squash,
        input + (inputRows ? <usize>load<u32>(inputRows + (row << 2)) : row) * 4 * hBytes,
        weights ? load<f32>(weights + (row << 2)) : 1,
        biasIh,
        scratch + <usize>b * 4 * hBytes,
        biasHh,
        cBefore + <usize>b * hBytes,
        h + row * hBytes,
        c + row * hBytes,
        gates ? gates + row * 4 * hBytes : 0,
      );
    }
    hBefore = h + <usize>first * hBytes;
    cBefore = c + <usize>first * hBytes;
  }
}

function lstmCell(
  hidden: i32,
  squash: i32,
  x: usize,
  weight: f32,
  biasIh: usize,
  hProduct: usize,
  biasHh: usize,
  cBefore: usize,
  h: usize,
  c: usize,
  gates: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  const full = hBytes & ~15;
  const rest = hidden & 3;
  const weightF32x4 = f32x4.splat(weight);
  const spare = hProduct;
  // 1. i, f and o; h and c are written last, and spare until then
  const i = gates ? gates : hProduct;
  const f = i + hBytes;
  const g = f + hBytes;
  const o = g + hBytes;
  sigmoidGates(hidden, x, weightF32x4, biasIh, hProduct, biasHh, i, h);
  const toF = hBytes;
  sigmoidGates(hidden, x + toF, weightF32x4, biasIh + toF, hProduct + toF, biasHh + toF, f, h);
  const toO = o - i;
  sigmoidGates(hidden, x + toO, weightF32x4, biasIh + toO, hProduct + toO, biasHh + toO, o, h);
  // 2. g
  const toG = g - i;
  x += toG;
  biasIh += toG;
  hProduct += toG;
  biasHh += toG;
  for (let at: usize = 0; at < full; at += 16) {
    const fromX = f32x4.add(f32x4.mul(weightF32x4, v128.load(x + at)), v128.load(biasIh + at));
    const fromH = f32x4.add(v128.load(hProduct + at), v128.load(biasHh + at));
    v128.store(g + at, f32x4.add(fromX, fromH));
  }
  if (rest) {
    const sumF32x4 = preactivation(x + full, weightF32x4, biasIh + full, hProduct + full, biasHh + full, rest);
    storeTail(g + full, sumF32x4, rest);
  }
  squashAll(squash, g, o, h, c);
  // 3. c', to h as well
  for (let at: usize = 0; at < full; at += 16) {
    const keptF32x4 = f32x4.mul(v128.load(f + at), v128.load(cBefore + at));
    const cF32x4 = f32x4.add(keptF32x4, f32x4.mul(v128.load(i + at), v128.load(g + at)));
    v128.store(c + at, cF32x4);
    v128.store(h + at, cF32x4);
  }
  if (rest) {
    const keptF32x4 = f32x4.mul(loadTail(f + full, rest), loadTail(cBefore + full, rest));
    const cF32x4 = f32x4.add(keptF32x4, f32x4.mul(loadTail(i + full, rest), loadTail(g + full, rest)));
    storeTail(c + full, cF32x4, rest);
    storeTail(h + full, cF32x4, rest);
  }
  // 4. h'
  squashAll(squash, h, h + hBytes, spare, spare + hBytes);
  for (let at: usize = 0; at < full; at += 16) v128.store(h + at, f32x4.mul(v128.load(o + at), v128.load(h + at)));
  if (rest) storeTail(h + full, f32x4.mul(loadTail(o + full, rest), loadTail(h + full, rest)), rest);
}

/** Runs back over all steps for sequences [begin, end). */
export function lstmBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  hidden: i32,
  squash: i32,
  wHhPanels: usize,
  cellState: usize,
  c: usize,
  dH: usize,
  gates: usize,
  dState: usize,
  dCellState: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  const from = <usize>begin * hBytes;
  memory.fill(dState + from, 0, <usize>(end - begin) * hBytes);
  memory.fill(dCellState + from, 0, <usize>(end - begin) * hBytes);
  for (let t = steps - 1; t >= 0; t--) {
    const first = stepRow(t, offsets);
    const alive = min(end, aliveAt(t, offsets));
    if (alive <= begin) continue;
    const cBefore = t > 0 ? c + <usize>stepRow(t - 1, offsets) * hBytes : cellState;
    for (let b = begin; b < alive; b++) {
      const row = <usize>(first + b);
      lstmCellBackward(
        hidden,
        squash,
        cBefore + <usize>b * hBytes,
        c + row * hBytes,
        dH + row * hBytes,
        gates + row * 4 * hBytes,
        dState + <usize>b * hBytes,
        dCellState + <usize>b * hBytes,
      );
    }
    const dGates = gates + <usize>first * 4 * hBytes;
    gemmF32(begin, alive, hidden, 4 * hidden, dGates, 4 * hidden, 1, wHhPanels, dState, hidden, 0);
  }
}

function lstmCellBackward(
  hidden: i32,
  squash: i32,
  cBefore: usize,
  c: usize,
  dH: usize,
  gates: usize,
  dState: usize,
  dCellState: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  const one = f32x4.splat(1);
  for (let j = 0; j < hidden; j += 4) {
    const count = hidden - j;
    const at = (<usize>j) << 2;
    const iAt = gates + at;
    const iF32x4 = loadLanes(iAt, count);
    const fF32x4 = loadLanes(iAt + hBytes, count);
    const gF32x4 = loadLanes(iAt + 2 * hBytes, count);
    const oF32x4 = loadLanes(iAt + 3 * hBytes, count);
    // The gradients that later steps sent back join the one from above.
    const dhF32x4 = f32x4.add(loadLanes(dH + at, count), loadLanes(dState + at, count));
    // h' = o·tanh c'
    const squashedF32x4 = squashF32x4(squash, loadLanes(c + at, count));
    const doF32x4 = f32x4.mul(f32x4.mul(dhF32x4, squashedF32x4), f32x4.mul(oF32x4, f32x4.sub(one, oF32x4)));
    const dcF32x4 = f32x4.add(
      loadLanes(dCellState + at, count),
      f32x4.mul(f32x4.mul(dhF32x4, oF32x4), squashSlopeF32x4(squash, squashedF32x4)),
    );
    // c' = f·c + i·g
    const diF32x4 = f32x4.mul(f32x4.mul(dcF32x4, gF32x4), f32x4.mul(iF32x4, f32x4.sub(one, iF32x4)));
    const dfF32x4 = f32x4.mul(
      f32x4.mul(dcF32x4, loadLanes(cBefore + at, count)),
      f32x4.mul(fF32x4, f32x4.sub(one, fF32x4)),
    );
    const dgF32x4 = f32x4.mul(f32x4.mul(dcF32x4, iF32x4), squashSlopeF32x4(squash, gF32x4));
    storeLanes(iAt, diF32x4, count);
    storeLanes(iAt + hBytes, dfF32x4, count);
    storeLanes(iAt + 2 * hBytes, dgF32x4, count);
    storeLanes(iAt + 3 * hBytes, doF32x4, count);
    storeLanes(dCellState + at, f32x4.mul(dcF32x4, fF32x4), count);
  }
}
