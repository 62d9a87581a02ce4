// What     r = σ(w·x_r + b_ir + h_r),  z = σ(w·x_z + b_iz + h_z),  n = tanh(w·x_n + b_in + r·h_n),  h' = (1 − z)·n + z·h
//          with x_• = W_i•·x (given), h_• = W_h•·h + b_h•, w the attention weight of the step.
//          backward: dn = dh'·(1 − z)·(1 − n²), dz = dh'·(h − n)·z·(1 − z), dr = dn·h_n·r·(1 − r), dh_n = dn·r,
//          dh = dh'·z + W_hᵀ·(dr, dz, dh_n).
//          squash 1 puts max(·, 0) in the place of tanh, and its derivative in that of 1 − n².
// Source   Cho et al., EMNLP 2014, in the variant, gate order (r, z, n) and shapes of torch.nn.GRU. w·(W·x) for W·(w·x).
// Shapes   offsets i32[T + 1] · input f32[rows, 3H] with inputRows 0, or f32[V, 3H] with the row of it that each row takes, i32[rows] ·
//          weights f32[rows] or 0 · biasIh, biasHh f32[3H] · wHhPanels packF32 of W_hhᵀ (forward), or of W_hr, W_hz, W_hn one after
//          the other (backward) · state f32[B, H] · h, dH f32[rows, H] · gates f32[rows, 4H] · scratch f32[B, 3H] · dState f32[B, H]
// Layout   packed rows (core/packed.ts), rows of this window only; state is h before its first step. Gates keep (r, z, n, h_n).
// Writes   sequences [begin, end): h, gates overwritten; backward turns gates into (dr, dz, dn, dh_n), so that
//          dA_ih = columns [0, 3H) and dA_hh = columns [0, 2H) and [3H, 4H); dState = gradient of state; dH and scratch are used up.
// Numerics f32, products as gemm.ts orders them; every sequence on its own. Bound vs f64: test/assembly/recurrent.test.ts
// Limits   H ≥ 1. Without gates (0) nothing is kept and only the forward pass is possible.
// Cost     6·H² flops a row forward, 6·H² backward, plus two σ and one tanh for each of H.  npm run bench -- kernel

import { fetchRows, sigmoidGates, squashAll } from "../core/gates";
import { squashSlopeF32x4 } from "../core/math";
import { aliveAt, stepRow } from "../core/packed";
import { isZeroF32, loadLanes, loadTail, storeLanes, storeTail } from "../core/v128";
import { columnsOf, gemmF32 } from "./gemm";

/** Runs the recurrence over all steps for sequences [begin, end). */
export function gruForwardF32(
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
  h: usize,
  gates: usize,
  scratch: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  let before = state;
  for (let t = 0; t < steps; t++) {
    const first = stepRow(t, offsets);
    const alive = min(end, aliveAt(t, offsets));
    if (alive <= begin) break;
    if (inputRows) fetchRows(alive - begin, inputRows + ((<usize>(first + begin)) << 2), input, 3 * hBytes);
    // Nothing came before a history's first step, and products with zeros are zero.
    if (t === 0 && isZeroF32(state + <usize>begin * hBytes, (alive - begin) * hidden)) {
      memory.fill(scratch + <usize>begin * 3 * hBytes, 0, <usize>(alive - begin) * 3 * hBytes);
    } else gemmF32(begin, alive, 3 * hidden, hidden, before, hidden, 1, wHhPanels, scratch, 3 * hidden, 0);
    for (let b = begin; b < alive; b++) {
      const row = <usize>(first + b);
      gruCell(
        hidden,
        squash,
        input + (inputRows ? <usize>load<u32>(inputRows + (row << 2)) : row) * 3 * hBytes,
        weights ? load<f32>(weights + (row << 2)) : 1,
        biasIh,
        scratch + <usize>b * 3 * hBytes,
        biasHh,
        before + <usize>b * hBytes,
        h + row * hBytes,
        gates ? gates + row * 4 * hBytes : 0,
      );
    }
    before = h + <usize>first * hBytes;
  }
}

function gruCell(
  hidden: i32,
  squash: i32,
  x: usize,
  weight: f32,
  biasIh: usize,
  hProduct: usize,
  biasHh: usize,
  hBefore: usize,
  h: usize,
  gates: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  const full = hBytes & ~15;
  const rest = hidden & 3;
  const weightF32x4 = f32x4.splat(weight);
  const spare = hProduct;
  // 1. r and z; h is written last, and spare until then
  const r = gates ? gates : hProduct;
  const z = r + hBytes;
  sigmoidGates(hidden, x, weightF32x4, biasIh, hProduct, biasHh, r, h);
  const toZ = hBytes;
  sigmoidGates(hidden, x + toZ, weightF32x4, biasIh + toZ, hProduct + toZ, biasHh + toZ, z, h);
  // 2. what n is the tanh of
  const n = z + hBytes;
  const hn = n + hBytes;
  const skip = n - r;
  x += skip;
  biasIh += skip;
  hProduct += skip;
  biasHh += skip;
  for (let at: usize = 0; at < full; at += 16) {
    const hnF32x4 = f32x4.add(v128.load(hProduct + at), v128.load(biasHh + at));
    const xnF32x4 = f32x4.add(f32x4.mul(weightF32x4, v128.load(x + at)), v128.load(biasIh + at));
    v128.store(n + at, f32x4.add(xnF32x4, f32x4.mul(v128.load(r + at), hnF32x4)));
    if (gates) v128.store(hn + at, hnF32x4);
  }
  if (rest) {
    const hnF32x4 = f32x4.add(loadTail(hProduct + full, rest), loadTail(biasHh + full, rest));
    const xnF32x4 = f32x4.add(f32x4.mul(weightF32x4, loadTail(x + full, rest)), loadTail(biasIh + full, rest));
    storeTail(n + full, f32x4.add(xnF32x4, f32x4.mul(loadTail(r + full, rest), hnF32x4)), rest);
    if (gates) storeTail(hn + full, hnF32x4, rest);
  }
  // 3. n
  squashAll(squash, n, hn, h, spare);
  // 4. h'
  for (let at: usize = 0; at < full; at += 16) {
    v128.store(h + at, mixed(v128.load(z + at), v128.load(n + at), v128.load(hBefore + at)));
  }
  if (rest) {
    const hF32x4 = mixed(loadTail(z + full, rest), loadTail(n + full, rest), loadTail(hBefore + full, rest));
    storeTail(h + full, hF32x4, rest);
  }
}

/** Returns (1 − z)·n + z·h. */
function mixed(z: v128, n: v128, h: v128): v128 {
  return f32x4.add(f32x4.mul(f32x4.sub(f32x4.splat(1), z), n), f32x4.mul(z, h));
}

/** Runs back over all steps for sequences [begin, end). */
export function gruBackwardF32(
  begin: i32,
  end: i32,
  steps: i32,
  offsets: usize,
  hidden: i32,
  squash: i32,
  wHhPanels: usize,
  state: usize,
  h: usize,
  dH: usize,
  gates: usize,
  dState: usize,
): void {
  const hBytes = (<usize>hidden) << 2;
  // W_hh as three panel sets of k = H: its rows for r, for z and for n.
  const panelBytes = (<usize>columnsOf(hidden) * <usize>hidden) << 2;
  memory.fill(dState + <usize>begin * hBytes, 0, <usize>(end - begin) * hBytes);
  for (let t = steps - 1; t >= 0; t--) {
    const first = stepRow(t, offsets);
    const alive = min(end, aliveAt(t, offsets));
    if (alive <= begin) continue;
    const before = t > 0 ? h + <usize>stepRow(t - 1, offsets) * hBytes : state;
    for (let b = begin; b < alive; b++) {
      const row = <usize>(first + b);
      gruCellBackward(
        hidden,
        squash,
        before + <usize>b * hBytes,
        dH + row * hBytes,
        gates + row * 4 * hBytes,
        dState + <usize>b * hBytes,
      );
    }
    // dh = dh'·z (left in dState by the cell) + W_hhᵀ·(dr, dz, dh_n): k runs over r, z and n in order.
    const dGates = gates + <usize>first * 4 * hBytes;
    gemmF32(begin, alive, hidden, hidden, dGates, 4 * hidden, 1, wHhPanels, dState, hidden, 1);
    gemmF32(begin, alive, hidden, hidden, dGates + hBytes, 4 * hidden, 1, wHhPanels + panelBytes, dState, hidden, 1);
    gemmF32(
      begin,
      alive,
      hidden,
      hidden,
      dGates + 3 * hBytes,
      4 * hidden,
      1,
      wHhPanels + 2 * panelBytes,
      dState,
      hidden,
      1,
    );
  }
}

function gruCellBackward(hidden: i32, squash: i32, hBefore: usize, dH: usize, gates: usize, dState: usize): void {
  const hBytes = (<usize>hidden) << 2;
  const one = f32x4.splat(1);
  for (let j = 0; j < hidden; j += 4) {
    const count = hidden - j;
    const at = (<usize>j) << 2;
    const rAt = gates + at;
    const rF32x4 = loadLanes(rAt, count);
    const zF32x4 = loadLanes(rAt + hBytes, count);
    const nF32x4 = loadLanes(rAt + 2 * hBytes, count);
    const hnF32x4 = loadLanes(rAt + 3 * hBytes, count);
    // The gradient that later steps sent back joins the one from above.
    const dhF32x4 = f32x4.add(loadLanes(dH + at, count), loadLanes(dState + at, count));
    // h' = (1 − z)·n + z·h
    const dnF32x4 = f32x4.mul(f32x4.mul(dhF32x4, f32x4.sub(one, zF32x4)), squashSlopeF32x4(squash, nF32x4));
    const dzF32x4 = f32x4.mul(
      f32x4.mul(dhF32x4, f32x4.sub(loadLanes(hBefore + at, count), nF32x4)),
      f32x4.mul(zF32x4, f32x4.sub(one, zF32x4)),
    );
    // n = tanh(… + r·h_n)
    const drF32x4 = f32x4.mul(f32x4.mul(dnF32x4, hnF32x4), f32x4.mul(rF32x4, f32x4.sub(one, rF32x4)));
    storeLanes(rAt, drF32x4, count);
    storeLanes(rAt + hBytes, dzF32x4, count);
    storeLanes(rAt + 2 * hBytes, dnF32x4, count);
    storeLanes(rAt + 3 * hBytes, f32x4.mul(dnF32x4, rF32x4), count);
    storeLanes(dState + at, f32x4.mul(dhF32x4, zF32x4), count);
  }
}
