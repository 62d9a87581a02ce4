// What     Cross-entropy over the whole catalogue: s_rj = <y_r, E_j>, loss_r = log Σ_j e^{s_rj} − s_r,target, and
//          dS_rj = (e^{s_rj}/Σ − [j = target])·scale as f_r·g_rj with g_rj = e^{s_rj − max} − [j = target]·Z_r, f_r = scale/Z_r: the
//          factor goes to the narrow sides of the products that follow, dy_r = f_r·Σ_j g_rj·E_j and dE_j += Σ_r g_rj·(f_r·y_r).
// Source   Categorical cross-entropy as torch.nn.functional.cross_entropy; `scale` is 1/count for the mean.
// Shapes   y, dY f32[rows, D] · table, dTable f32[V, D] · tablePanels packF32 of the table (n = D, k = V) · targets i32[rows] ·
//          losses f32[rows] · a block of R rows: scores f32[V, C], C = R up to the next 8 · yPanels f32[D up to the next 8, C] · sums f32[6, C]
// Layout   block i holds rows [i·R, (i + 1)·R); blocks of each buffer stand one after the other. Scores are kept by item: a vector is
//          four rows, all three products read and write them in order, and a thread needs nothing of another's block.
// Writes   crossEntropy: blocks [begin, end): losses and dY overwritten, g left in scores, f·y in yPanels; sums is used up.
//          crossEntropyTable: items [begin, end) of dTable, accumulated (+=).
// Numerics f32; products as gemm.ts orders them; the largest score is taken out first; of Z, items 4i + l make lane sum l, added as sumF32x4
//          does; log in f64. A row's bits depend on neither R nor shares. Bound vs the f64 twin: test/assembly/loss.test.ts
// Limits   1 ≤ V; R ≤ 256, the terms that packF32 keeps together; targets in [0, V), checked in TypeScript.
// Cost     6·V·D flops a row, one exp and about 3 flops a score.  npm run bench -- kernel

import { expColumnsF32, logF64 } from "../core/math";
import { loadLanes, storeLanes } from "../core/v128";
import { gemmF32, packF32 } from "./gemm";

/** Items whose scores are made, and looked through, while they are in the first-level cache. */
const CHUNK: i32 = 64;

/** Columns of a block of `rows` rows: whole panels. */
function columnsOf(rows: i32): i32 {
  return (rows + 7) & ~7;
}

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
  scale: f32,
  scores: usize,
  yPanels: usize,
  sums: usize,
  losses: usize,
  dY: usize,
): void {
  const columns = columnsOf(blockRows);
  const widthUp = (width + 7) & ~7;
  for (let block = begin; block < end; block++) {
    const first = block * blockRows;
    const count = min(blockRows, rows - first);
    const used = columnsOf(count);
    const blockScores = scores + ((<usize>block * <usize>items * <usize>columns) << 2);
    const blockPanels = yPanels + ((<usize>block * <usize>widthUp * <usize>columns) << 2);
    const blockSums = sums + ((<usize>block * 6 * <usize>columns) << 2);
    const blockY = y + ((<usize>first * <usize>width) << 2);
    const blockDY = dY + ((<usize>first * <usize>width) << 2);
    // 1. scores, and the largest of each row
    packF32(0, (count + 7) >> 3, count, width, blockY, 1, width, blockPanels);
    const largest = blockSums;
    for (let c = 0; c < columns; c++) store<f32>(largest + ((<usize>c) << 2), -Infinity);
    for (let item = 0; item < items; item += CHUNK) {
      const last = min(items, item + CHUNK);
      gemmF32(item, last, used, width, table, width, 1, blockPanels, blockScores, columns, 0);
      keepLargest(last - item, used, columns, blockScores + ((<usize>item * <usize>columns) << 2), largest);
    }
    // 2. exponentials, their sums, losses and factors
    const own = targets + ((<usize>first) << 2);
    const factors = blockSums + ((<usize>columns) << 2);
    for (let r = 0; r < count; r++) {
      const target = blockScores + ((<usize>load<u32>(own + ((<usize>r) << 2)) * <usize>columns + <usize>r) << 2);
      store<f32>(factors + ((<usize>r) << 2), load<f32>(target));
    }
    const laneSums = factors + ((<usize>columns) << 2);
    memory.fill(laneSums, 0, (<usize>columns) << 4);
    expColumnsF32(items, used, (<usize>columns) << 2, blockScores, largest, laneSums);
    for (let r = 0; r < count; r++) {
      const at = (<usize>r) << 2;
      const sum = addLanes(laneSums + at, (<usize>columns) << 2);
      const score = load<f32>(factors + at);
      const target = blockScores + ((<usize>load<u32>(own + at) * <usize>columns + <usize>r) << 2);
      store<f32>(losses + ((<usize>first) << 2) + at, <f32>(logF64(sum) + (<f64>load<f32>(largest + at) - <f64>score)));
      store<f32>(target, load<f32>(target) - sum);
      store<f32>(factors + at, scale / sum);
    }
    // 3. dY, and f·y as panels for the table's gradient
    gemmF32(0, count, width, items, blockScores, 1, columns, tablePanels, blockDY, width, 0);
    for (let r = 0; r < count; r++) {
      const factorF32x4 = v128.load32_splat(factors + ((<usize>r) << 2));
      scaleRow(width, factorF32x4, blockDY + ((<usize>r * <usize>width) << 2));
      const row = blockY + ((<usize>r * <usize>width) << 2);
      for (let d = 0; d < widthUp; d += 4) {
        const panel = <usize>(d >> 3) * <usize>count + <usize>r;
        const scaledF32x4 = f32x4.mul(loadLanes(row + ((<usize>d) << 2), width - d), factorF32x4);
        v128.store(blockPanels + (panel << 5) + ((<usize>(d & 4)) << 2), scaledF32x4);
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
