// What     Cross-entropy over the whole catalogue: s_rj = <y_r, E_j>, loss_r = log Σ_j e^{s_rj} − s_r,target, and
//          dS_rj = (e^{s_rj}/Σ − [j = target])·scale as f_r·g_rj with g_rj = e^{s_rj − max} − [j = target]·Z_r, f_r = scale/Z_r: the
//          factor goes to the narrow sides of the products, dy_r = f_r·Σ_j e^{s_rj − max}·E_j − scale·E_target and dE_j += Σ_r g_rj·(f_r·y_r).
// Source   Categorical cross-entropy as torch.nn.functional.cross_entropy; `scale` is 1/count for the mean.
// Shapes   y, dY f32[rows, D] · table, dTable f32[V, D] · tablePanels packF32 of the table (n = D, k = V) · targets i32[rows] ·
//          losses f32[rows] · leftOut i32[rows, 4] of left-out.ts, or 0 where all items count ·
//          a block of R rows: scores f32[V, C], C = R up to the next 16 · yPanels f32[D up to the next 16, C] · sums f32[7, C]
// Layout   block i holds rows [i·R, (i + 1)·R); blocks of each buffer stand one after the other. Scores are kept by item: a vector is
//          four rows, all three products read and write them in order, and a thread needs nothing of another's block.
// Writes   crossEntropy: blocks [begin, end): losses and dY overwritten, g left in scores, f·y in yPanels; sums and leftOut are used up.
//          crossEntropyTable: items [begin, end) of dTable, accumulated (+=).
// Numerics f32; products as gemm.ts orders them; the largest score is taken out first; of Z, items 4i + l make lane sum l, added as sumF32x4
//          does; log in f64. A row's bits depend on neither R nor shares. Bound vs the f64 twin: test/assembly/loss.test.ts
// Limits   1 ≤ V; R ≤ 256, the terms that packF32 keeps together; targets in [0, V), checked in TypeScript.
// Cost     6·V·D flops a row, one exp and about 3 flops a score.  npm run bench -- kernel

import { expColumnsF32, logF64 } from "../core/math";
import { addScaledF32, loadLanes, storeLanes } from "../core/v128";
import { columnsOf, gemmF32, KC, packF32 } from "./gemm";
import { leaveOutF32 } from "./left-out";

/** Items whose scores are made, and looked through, while they are in the first-level cache. */
const CHUNK: i32 = 64;
/** Items whose exponentials are made, and summed up, while they are in the second-level cache: those that panels keep together. */
const SLICE: i32 = KC;

/** Makes losses, g and dY of blocks [begin, end) of `blockRows` rows each. */
export function crossEntropyF32(
  begin: i32,
  end: i32,
  rows: i32,
  blockRows: i32,
  items: i32,
  width: i32,
  y: usize,
  table: usize,
  tablePanels: usize,
  targets: usize,
  leftOut: usize,
  scale: f32,
  scores: usize,
  yPanels: usize,
  sums: usize,
  losses: usize,
  dY: usize,
): void {
  const columns = columnsOf(blockRows);
  const rowBytes = (<usize>columns) << 2;
  const widthUp = columnsOf(width);
  for (let block = begin; block < end; block++) {
    const first = block * blockRows;
    const count = min(blockRows, rows - first);
    const used = columnsOf(count);
    const blockScores = scores + <usize>block * <usize>items * rowBytes;
    const blockPanels = yPanels + <usize>block * <usize>widthUp * rowBytes;
    const blockY = y + ((<usize>first * <usize>width) << 2);
    const blockDY = dY + ((<usize>first * <usize>width) << 2);
    const own = targets + ((<usize>first) << 2);
    const largest = sums + <usize>block * 7 * rowBytes;
    const ofTargets = largest + rowBytes;
    const laneSums = ofTargets + rowBytes;
    const spare = laneSums + (rowBytes << 2);
    const blockLeftOut = leftOut + ((<usize>first) << 4);
    // 1. scores, the largest of each row, and those of targets
    packF32(0, used >> 4, count, width, blockY, 1, width, blockPanels);
    for (let c = 0; c < columns; c++) store<f32>(largest + ((<usize>c) << 2), -Infinity);
    for (let item = 0; item < items; item += CHUNK) {
      const last = min(items, item + CHUNK);
      gemmF32(item, last, used, width, table, width, 1, blockPanels, blockScores, columns, 0);
      if (leftOut !== 0) leaveOutF32(0, count, last, blockLeftOut, blockScores, 4, rowBytes);
      keepLargest(last - item, used, columns, blockScores + <usize>item * rowBytes, largest);
    }
    for (let r = 0; r < count; r++) {
      const at = (<usize>r) << 2;
      store<f32>(ofTargets + at, load<f32>(blockScores + <usize>load<u32>(own + at) * rowBytes + at));
    }
    // 2. exponentials, their sums Z, and Σ_j e^{s_rj − max}·E_j
    memory.fill(laneSums, 0, rowBytes << 2);
    for (let item = 0; item < items; item += SLICE) {
      const last = min(items, item + SLICE);
      const slice = blockScores + <usize>item * rowBytes;
      expColumnsF32(last - item, used, rowBytes, slice, largest, laneSums, spare);
      const panels = tablePanels + ((<usize>item * <usize>widthUp) << 2);
      gemmF32(0, count, width, last - item, slice, 1, columns, panels, blockDY, width, item);
    }
    // 3. losses; the target's own −1 in g and in dY; f·y as panels for the table's gradient
    for (let r = 0; r < count; r++) {
      const at = (<usize>r) << 2;
      const sum = addLanes(laneSums + at, rowBytes);
      const loss = logF64(sum) + (<f64>load<f32>(largest + at) - <f64>load<f32>(ofTargets + at));
      store<f32>(losses + ((<usize>first) << 2) + at, <f32>loss);
      const target = <usize>load<u32>(own + at);
      const ofTarget = blockScores + target * rowBytes + at;
      store<f32>(ofTarget, load<f32>(ofTarget) - sum);
      const factorF32x4 = f32x4.splat(scale / sum);
      const dRow = blockDY + ((<usize>r * <usize>width) << 2);
      scaleRow(width, factorF32x4, dRow);
      addScaledF32(dRow, table + ((target * <usize>width) << 2), -scale, width);
      const row = blockY + ((<usize>r * <usize>width) << 2);
      for (let d = 0; d < widthUp; d += 4) {
        const panel = <usize>(d >> 4) * <usize>count + <usize>r;
        const scaledF32x4 = f32x4.mul(loadLanes(row + ((<usize>d) << 2), width - d), factorF32x4);
        v128.store(blockPanels + (panel << 6) + ((<usize>(d & 12)) << 2), scaledF32x4);
      }
    }
  }
}

/** Adds what blocks of rows ask of items [begin, end), blocks in order. */
export function crossEntropyTableF32(
  begin: i32,
  end: i32,
  rows: i32,
  blockRows: i32,
  items: i32,
  width: i32,
  scores: usize,
  yPanels: usize,
  dTable: usize,
): void {
  const columns = columnsOf(blockRows);
  const scoresBytes = (<usize>items * <usize>columns) << 2;
  const panelsBytes = (<usize>columnsOf(width) * <usize>columns) << 2;
  for (let item = begin; item < end; item += CHUNK) {
    const last = min(end, item + CHUNK);
    let blockScores = scores;
    let blockPanels = yPanels;
    for (let first = 0; first < rows; first += blockRows) {
      const count = min(blockRows, rows - first);
      gemmF32(item, last, width, count, blockScores, columns, 1, blockPanels, dTable, width, 1);
      blockScores += scoresBytes;
      blockPanels += panelsBytes;
    }
  }
}

/** Keeps the largest of each column; pmax passes over NaN, which shows in the sum. */
function keepLargest(items: i32, used: i32, columns: i32, scores: usize, largest: usize): void {
  const rowBytes = (<usize>columns) << 2;
  for (let c = 0; c < used; c += 8) {
    const at = (<usize>c) << 2;
    let low = v128.load(largest + at);
    let high = v128.load(largest + at, 16);
    let from = scores + at;
    for (let j = 0; j < items; j++) {
      low = f32x4.pmax(low, v128.load(from));
      high = f32x4.pmax(high, v128.load(from, 16));
      from += rowBytes;
    }
    v128.store(largest + at, low);
    v128.store(largest + at, high, 16);
  }
}

/** Adds four lane sums that stand `bytes` apart as sumF32x4 does. */
function addLanes(at: usize, bytes: usize): f32 {
  return load<f32>(at) + load<f32>(at + bytes) + (load<f32>(at + 2 * bytes) + load<f32>(at + 3 * bytes));
}

/** Multiplies a row by a factor in all lanes. */
function scaleRow(width: i32, factorF32x4: v128, row: usize): void {
  for (let d = 0; d < width; d += 4) {
    const at = row + ((<usize>d) << 2);
    storeLanes(at, f32x4.mul(loadLanes(at, width - d), factorF32x4), width - d);
  }
}
