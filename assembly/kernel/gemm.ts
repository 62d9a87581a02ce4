// What     C[i,j] = (C[i,j] if accumulate) + Σ_k A[i,k]·B[k,j]. One routine serves A·B, A·Bᵀ and Aᵀ·B: A is read through
//          two strides, B through panels of 16 columns that packF32 lays out from either orientation.
// Source   BLIS (Van Zee & van de Geijn, TOMS 2015), reduced to one level of packing.
// Shapes   a: A(i,k) = a[i·aRow + k·aStep] · b: B(k,j) = b[k·bStep + j·bColumn] · panels: f32[⌈n/16⌉, KC, 16] for every KC terms,
//          the last with those that are left · c f32[rows, cRow]
// Layout   16-byte aligned bases; strides in floats; columns of the last panel beyond n are zero. The caller owns all memory.
// Writes   gemmF32: rows [begin, end), columns [0, n) of c, overwritten or accumulated (+=). packF32: panels [begin, end).
// Numerics f32 multiply then add, k ascending, each C element on its own: its bits do not depend on blocks, tiles or shares.
// Limits   every byte offset below 2^32, checked by the memory plan in TypeScript.
// Cost     2·rows·n·k flops; each panel (KC·16 floats) is read once per ROW_BLOCK rows, which are next to each other in time.
//          npm run bench -- kernel

import { loadLanes, storeLanes } from "../core/v128";

/** Columns in a panel: four vectors. */
const PANEL: i32 = 16;
/** Rows of A that share one pass over the panels: 64 × KC floats stay in the second-level cache. */
const ROW_BLOCK: i32 = 64;
/** Terms summed before a tile goes back to C, and terms that panels keep together. */
export const KC: i32 = 256;

/** Returns the columns of whole panels that hold n. */
export function columnsOf(n: i32): i32 {
  return (n + PANEL - 1) & ~(PANEL - 1);
}

/** Copies columns [begin·16, end·16) of B into panels; `begin` and `end` count panels. */
export function packF32(begin: i32, end: i32, n: i32, k: i32, b: usize, bStep: i32, bColumn: i32, panels: usize): void {
  const columns = columnsOf(n);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const terms = min(KC, k - k0);
    const ofTerms = b + ((<usize>k0 * <usize>bStep) << 2);
    for (let panel = begin; panel < end; panel++) {
      const column = panel * PANEL;
      const from = ofTerms + ((<usize>column * <usize>bColumn) << 2);
      const to = panels + ((<usize>k0 * <usize>columns + <usize>terms * <usize>column) << 2);
      packPanel(min(PANEL, n - column), terms, from, bStep, bColumn, to);
    }
  }
}

/** Copies `width` columns, at most 16, of some terms into a panel. */
function packPanel(width: i32, terms: i32, b: usize, bStep: i32, bColumn: i32, to: usize): void {
  const stepBytes = (<usize>bStep) << 2;
  const columnBytes = (<usize>bColumn) << 2;
  let step = 0;
  if (width === PANEL && bColumn === 1) {
    for (; step < terms; step++) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
      v128.store(to, v128.load(b, 32), 32);
      v128.store(to, v128.load(b, 48), 48);
      b += stepBytes;
      to += 64;
    }
  } else if (width === PANEL && bStep === 1) {
    for (; step + 4 <= terms; step += 4) {
      for (let column = 0; column < PANEL; column += 4) {
        transpose4x4(b + <usize>column * columnBytes, columnBytes, to + ((<usize>column) << 2));
      }
      b += 16;
      to += 256;
    }
  }
  for (; step < terms; step++) {
    let from = b;
    for (let lane = 0; lane < PANEL; lane++) {
      store<f32>(to, lane < width ? load<f32>(from) : 0);
      to += 4;
      if (lane < width - 1) from += columnBytes;
    }
    b += stepBytes;
  }
}

/** Writes four rows of four floats as columns of a panel. */
function transpose4x4(from: usize, rowBytes: usize, to: usize): void {
  const r0 = v128.load(from);
  const r1 = v128.load(from + rowBytes);
  const r2 = v128.load(from + 2 * rowBytes);
  const r3 = v128.load(from + 3 * rowBytes);
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 64);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 128);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 192);
}

/** Multiplies rows [begin, end). */
export function gemmF32(
  begin: i32,
  end: i32,
  n: i32,
  k: i32,
  a: usize,
  aRow: i32,
  aStep: i32,
  panels: usize,
  c: usize,
  cRow: i32,
  accumulate: i32,
): void {
  if (k === 0 && !accumulate) {
    for (let i = begin; i < end; i++) memory.fill(c + ((<usize>i * <usize>cRow) << 2), 0, (<usize>n) << 2);
    return;
  }
  const aRowBytes = (<usize>aRow) << 2;
  const aStepBytes = (<usize>aStep) << 2;
  const cRowBytes = (<usize>cRow) << 2;
  const columns = columnsOf(n);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const terms = min(KC, k - k0);
    const fromC = k0 > 0 || accumulate !== 0;
    const ofTerms = panels + ((<usize>k0 * <usize>columns) << 2);
    for (let block = begin; block < end; block += ROW_BLOCK) {
      const rows = min(ROW_BLOCK, end - block);
      const aAt = a + <usize>block * aRowBytes + <usize>k0 * aStepBytes;
      const cAt = c + <usize>block * cRowBytes;
      const pairs = rows >> 1;
      for (let column = 0; column < n && pairs > 0; column += PANEL) {
        const panel = ofTerms + ((<usize>column * <usize>terms) << 2);
        const to = cAt + ((<usize>column) << 2);
        tiles(pairs, terms, aAt, aRowBytes, aStepBytes, panel, to, cRowBytes, min(PANEL, n - column), fromC);
      }
      if (rows & 1) {
        const last = <usize>(rows - 1);
        oneRow(n, terms, aAt + last * aRowBytes, aStepBytes, ofTerms, cAt + last * cRowBytes, fromC);
      }
    }
  }
}

/**
 * Multiplies pairs of rows by one panel: tiles of 2 × 16, eight sums in registers. The loop over terms is written out four times, and asks
 * after each whether it is done: V8 puts arithmetic off up to a branch, so that only one term's loads are in registers, and its own
 * check of a loop comes once in four terms. (1.13 to 1.15 times as fast as a plain loop over tiles of 4 × 8.)
 */
function tiles(
  pairs: i32,
  terms: i32,
  a: usize,
  aRowBytes: usize,
  aStepBytes: usize,
  panel: usize,
  c: usize,
  cRowBytes: usize,
  width: i32,
  fromC: bool,
): void {
  const panelEnd = panel + ((<usize>terms) << 6);
  for (let i = 0; i < pairs; i++) {
    const c1 = c + cRowBytes;
    let s00 = f32x4.splat(0);
    let s01 = s00;
    let s02 = s00;
    let s03 = s00;
    let s10 = s00;
    let s11 = s00;
    let s12 = s00;
    let s13 = s00;
    if (fromC) {
      s00 = loadLanes(c, width);
      s01 = loadLanes(c + 16, width - 4);
      s02 = loadLanes(c + 32, width - 8);
      s03 = loadLanes(c + 48, width - 12);
      s10 = loadLanes(c1, width);
      s11 = loadLanes(c1 + 16, width - 4);
      s12 = loadLanes(c1 + 32, width - 8);
      s13 = loadLanes(c1 + 48, width - 12);
    }
    let a0 = a;
    let a1 = a0 + aRowBytes;
    for (let at = panel; ; ) {
      let x0 = v128.load32_splat(a0);
      let x1 = v128.load32_splat(a1);
      let b = v128.load(at);
      s00 = f32x4.add(s00, f32x4.mul(x0, b));
      s10 = f32x4.add(s10, f32x4.mul(x1, b));
      b = v128.load(at, 16);
      s01 = f32x4.add(s01, f32x4.mul(x0, b));
      s11 = f32x4.add(s11, f32x4.mul(x1, b));
      b = v128.load(at, 32);
      s02 = f32x4.add(s02, f32x4.mul(x0, b));
      s12 = f32x4.add(s12, f32x4.mul(x1, b));
      b = v128.load(at, 48);
      s03 = f32x4.add(s03, f32x4.mul(x0, b));
      s13 = f32x4.add(s13, f32x4.mul(x1, b));
      a0 += aStepBytes;
      a1 += aStepBytes;
      at += 64;
      if (at >= panelEnd) break;
      x0 = v128.load32_splat(a0);
      x1 = v128.load32_splat(a1);
      b = v128.load(at);
      s00 = f32x4.add(s00, f32x4.mul(x0, b));
      s10 = f32x4.add(s10, f32x4.mul(x1, b));
      b = v128.load(at, 16);
      s01 = f32x4.add(s01, f32x4.mul(x0, b));
      s11 = f32x4.add(s11, f32x4.mul(x1, b));
      b = v128.load(at, 32);
      s02 = f32x4.add(s02, f32x4.mul(x0, b));
      s12 = f32x4.add(s12, f32x4.mul(x1, b));
      b = v128.load(at, 48);
      s03 = f32x4.add(s03, f32x4.mul(x0, b));
      s13 = f32x4.add(s13, f32x4.mul(x1, b));
      a0 += aStepBytes;
      a1 += aStepBytes;
      at += 64;
      if (at >= panelEnd) break;
      x0 = v128.load32_splat(a0);
      x1 = v128.load32_splat(a1);
      b = v128.load(at);
      s00 = f32x4.add(s00, f32x4.mul(x0, b));
      s10 = f32x4.add(s10, f32x4.mul(x1, b));
      b = v128.load(at, 16);
      s01 = f32x4.add(s01, f32x4.mul(x0, b));
      s11 = f32x4.add(s11, f32x4.mul(x1, b));
      b = v128.load(at, 32);
      s02 = f32x4.add(s02, f32x4.mul(x0, b));
      s12 = f32x4.add(s12, f32x4.mul(x1, b));
      b = v128.load(at, 48);
      s03 = f32x4.add(s03, f32x4.mul(x0, b));
      s13 = f32x4.add(s13, f32x4.mul(x1, b));
      a0 += aStepBytes;
      a1 += aStepBytes;
      at += 64;
      if (at >= panelEnd) break;
      x0 = v128.load32_splat(a0);
      x1 = v128.load32_splat(a1);
      b = v128.load(at);
      s00 = f32x4.add(s00, f32x4.mul(x0, b));
      s10 = f32x4.add(s10, f32x4.mul(x1, b));
      b = v128.load(at, 16);
      s01 = f32x4.add(s01, f32x4.mul(x0, b));
      s11 = f32x4.add(s11, f32x4.mul(x1, b));
      b = v128.load(at, 32);
      s02 = f32x4.add(s02, f32x4.mul(x0, b));
      s12 = f32x4.add(s12, f32x4.mul(x1, b));
      b = v128.load(at, 48);
      s03 = f32x4.add(s03, f32x4.mul(x0, b));
      s13 = f32x4.add(s13, f32x4.mul(x1, b));
      a0 += aStepBytes;
      a1 += aStepBytes;
      at += 64;
      if (at >= panelEnd) break;
    }
    storeLanes(c, s00, width);
    storeLanes(c + 16, s01, width - 4);
    storeLanes(c + 32, s02, width - 8);
    storeLanes(c + 48, s03, width - 12);
    storeLanes(c1, s10, width);
    storeLanes(c1 + 16, s11, width - 4);
    storeLanes(c1 + 32, s12, width - 8);
    storeLanes(c1 + 48, s13, width - 12);
    a += aRowBytes << 1;
    c += cRowBytes << 1;
  }
}

/**
 * Multiplies one row by all panels: two panels at a time keep eight sums going. The branch between them is never taken; as above, it
 * keeps the loads of the second panel from coming first.
 */
function oneRow(n: i32, terms: i32, a: usize, aStepBytes: usize, panels: usize, c: usize, fromC: bool): void {
  const panelBytes = (<usize>terms) << 6;
  let at = panels;
  let column = 0;
  for (; column + 2 * PANEL <= n; column += 2 * PANEL) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    if (fromC) {
      s0 = v128.load(c);
      s1 = v128.load(c, 16);
      s2 = v128.load(c, 32);
      s3 = v128.load(c, 48);
      s4 = v128.load(c, 64);
      s5 = v128.load(c, 80);
      s6 = v128.load(c, 96);
      s7 = v128.load(c, 112);
    }
    let aAt = a;
    let at1 = at + panelBytes;
    const atEnd = at1;
    do {
      const x = v128.load32_splat(aAt);
      s0 = f32x4.add(s0, f32x4.mul(x, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(x, v128.load(at, 16)));
      s2 = f32x4.add(s2, f32x4.mul(x, v128.load(at, 32)));
      s3 = f32x4.add(s3, f32x4.mul(x, v128.load(at, 48)));
      if (at >= atEnd) break;
      s4 = f32x4.add(s4, f32x4.mul(x, v128.load(at1)));
      s5 = f32x4.add(s5, f32x4.mul(x, v128.load(at1, 16)));
      s6 = f32x4.add(s6, f32x4.mul(x, v128.load(at1, 32)));
      s7 = f32x4.add(s7, f32x4.mul(x, v128.load(at1, 48)));
      aAt += aStepBytes;
      at1 += 64;
      at += 64;
    } while (at < atEnd);
    v128.store(c, s0);
    v128.store(c, s1, 16);
    v128.store(c, s2, 32);
    v128.store(c, s3, 48);
    v128.store(c, s4, 64);
    v128.store(c, s5, 80);
    v128.store(c, s6, 96);
    v128.store(c, s7, 112);
    at = at1;
    c += 128;
  }
  for (; column < n; column += PANEL) {
    const width = n - column;
    let s0 = fromC ? loadLanes(c, width) : f32x4.splat(0);
    let s1 = fromC ? loadLanes(c + 16, width - 4) : f32x4.splat(0);
    let s2 = fromC ? loadLanes(c + 32, width - 8) : f32x4.splat(0);
    let s3 = fromC ? loadLanes(c + 48, width - 12) : f32x4.splat(0);
    let aAt = a;
    const atEnd = at + panelBytes;
    do {
      const x = v128.load32_splat(aAt);
      s0 = f32x4.add(s0, f32x4.mul(x, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(x, v128.load(at, 16)));
      s2 = f32x4.add(s2, f32x4.mul(x, v128.load(at, 32)));
      s3 = f32x4.add(s3, f32x4.mul(x, v128.load(at, 48)));
      aAt += aStepBytes;
      at += 64;
    } while (at < atEnd);
    storeLanes(c, s0, width);
    storeLanes(c + 16, s1, width - 4);
    storeLanes(c + 32, s2, width - 8);
    storeLanes(c + 48, s3, width - 12);
    c += 64;
  }
}
