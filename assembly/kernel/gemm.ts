// What     C[i,j] = (C[i,j] if accumulate) + Σ_k A[i,k]·B[k,j]. One routine serves A·B, A·Bᵀ and Aᵀ·B: A is read through
//          two strides, B through panels of 8 columns that packF32 lays out from either orientation.
// Source   BLIS (Van Zee & van de Geijn, TOMS 2015), reduced to one level of packing.
// Shapes   a: A(i,k) = a[i·aRow + k·aStep] · b: B(k,j) = b[k·bStep + j·bColumn] · panels: f32[⌈n/8⌉, KC, 8] for every KC terms,
//          the last with those that are left · c f32[rows, cRow]
// Layout   16-byte aligned bases; strides in floats; columns of the last panel beyond n are zero. The caller owns all memory.
// Writes   gemmF32: rows [begin, end), columns [0, n) of c, overwritten or accumulated (+=). packF32: panels [begin, end).
// Numerics f32 multiply then add, k ascending, each C element on its own: its bits do not depend on blocks, tiles or shares.
// Limits   every byte offset below 2^32, checked by the memory plan in TypeScript.
// Cost     2·rows·n·k flops; each panel (KC·8 floats) is read once per ROW_BLOCK rows, which are next to each other in time.
//          npm run bench -- kernel

import { loadLanes, storeLanes } from "../core/v128";

/** Columns in a panel: two vectors. */
const PANEL: i32 = 8;
/** Rows of A that share one pass over the panels: 64 × KC floats stay in the second-level cache. */
const ROW_BLOCK: i32 = 64;
/** Terms summed before a tile goes back to C. */
const KC: i32 = 256;

/** Copies columns [begin·8, end·8) of B into panels; `begin` and `end` count panels. */
export function packF32(begin: i32, end: i32, n: i32, k: i32, b: usize, bStep: i32, bColumn: i32, panels: usize): void {
  const columns = (n + PANEL - 1) & ~(PANEL - 1);
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

/** Copies `width` columns, at most 8, of some terms into a panel. */
function packPanel(width: i32, terms: i32, b: usize, bStep: i32, bColumn: i32, to: usize): void {
  const stepBytes = (<usize>bStep) << 2;
  const columnBytes = (<usize>bColumn) << 2;
  let step = 0;
  if (width === PANEL && bColumn === 1) {
    for (; step < terms; step++) {
      v128.store(to, v128.load(b));
      v128.store(to, v128.load(b, 16), 16);
      b += stepBytes;
      to += 32;
    }
  } else if (width === PANEL && bStep === 1) {
    for (; step + 4 <= terms; step += 4) {
      transpose4x4(b, columnBytes, to);
      transpose4x4(b + 4 * columnBytes, columnBytes, to + 16);
      b += 16;
      to += 128;
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
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 96);
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
  const columns = (n + PANEL - 1) & ~(PANEL - 1);
  for (let k0 = 0; k0 < k; k0 += KC) {
    const terms = min(KC, k - k0);
    const fromC = k0 > 0 || accumulate !== 0;
    const ofTerms = panels + ((<usize>k0 * <usize>columns) << 2);
    for (let block = begin; block < end; block += ROW_BLOCK) {
      const rows = min(ROW_BLOCK, end - block);
      let aAt = a + <usize>block * aRowBytes + <usize>k0 * aStepBytes;
      let cAt = c + <usize>block * cRowBytes;
      const tiled = rows & ~3;
      if (tiled > 0) {
        for (let column = 0; column < n; column += PANEL) {
          const panel = ofTerms + ((<usize>column * <usize>terms) << 2);
          const width = min(PANEL, n - column);
          tiles(tiled, terms, aAt, aRowBytes, aStepBytes, panel, cAt + ((<usize>column) << 2), cRowBytes, width, fromC);
        }
        aAt += <usize>tiled * aRowBytes;
        cAt += <usize>tiled * cRowBytes;
      }
      if (rows & 2) {
        twoRows(n, terms, aAt, aRowBytes, aStepBytes, ofTerms, cAt, cRowBytes, fromC);
        aAt += aRowBytes << 1;
        cAt += cRowBytes << 1;
      }
      if (rows & 1) oneRow(n, terms, aAt, aStepBytes, ofTerms, cAt, fromC);
    }
  }
}

/**
 * Multiplies `rows` rows, a multiple of 4, by one panel: tiles of 4 × 8, eight sums in registers. (A function a tile is a fifth
 * slower in V8; unrolled, a step's loads all come first and no longer fit the registers.)
 */
function tiles(
  rows: i32,
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
  const panelEnd = panel + ((<usize>terms) << 5);
  for (let i = 0; i < rows; i += 4) {
    const c1 = c + cRowBytes;
    const c2 = c1 + cRowBytes;
    const c3 = c2 + cRowBytes;
    let s00 = f32x4.splat(0);
    let s01 = s00;
    let s10 = s00;
    let s11 = s00;
    let s20 = s00;
    let s21 = s00;
    let s30 = s00;
    let s31 = s00;
    if (fromC) {
      s00 = loadLanes(c, width);
      s01 = loadLanes(c + 16, width - 4);
      s10 = loadLanes(c1, width);
      s11 = loadLanes(c1 + 16, width - 4);
      s20 = loadLanes(c2, width);
      s21 = loadLanes(c2 + 16, width - 4);
      s30 = loadLanes(c3, width);
      s31 = loadLanes(c3 + 16, width - 4);
    }
    let a0 = a;
    let a1 = a0 + aRowBytes;
    let a2 = a1 + aRowBytes;
    let a3 = a2 + aRowBytes;
    for (let at = panel; at < panelEnd; at += 32) {
      const b0 = v128.load(at);
      const b1 = v128.load(at, 16);
      const x0 = v128.load32_splat(a0);
      s00 = f32x4.add(s00, f32x4.mul(x0, b0));
      s01 = f32x4.add(s01, f32x4.mul(x0, b1));
      const x1 = v128.load32_splat(a1);
      s10 = f32x4.add(s10, f32x4.mul(x1, b0));
      s11 = f32x4.add(s11, f32x4.mul(x1, b1));
      const x2 = v128.load32_splat(a2);
      s20 = f32x4.add(s20, f32x4.mul(x2, b0));
      s21 = f32x4.add(s21, f32x4.mul(x2, b1));
      const x3 = v128.load32_splat(a3);
      s30 = f32x4.add(s30, f32x4.mul(x3, b0));
      s31 = f32x4.add(s31, f32x4.mul(x3, b1));
      a0 += aStepBytes;
      a1 += aStepBytes;
      a2 += aStepBytes;
      a3 += aStepBytes;
    }
    storeLanes(c, s00, width);
    storeLanes(c + 16, s01, width - 4);
    storeLanes(c1, s10, width);
    storeLanes(c1 + 16, s11, width - 4);
    storeLanes(c2, s20, width);
    storeLanes(c2 + 16, s21, width - 4);
    storeLanes(c3, s30, width);
    storeLanes(c3 + 16, s31, width - 4);
    a += aRowBytes << 2;
    c += cRowBytes << 2;
  }
}

/** Multiplies two rows by all panels: two panels at a time keep eight sums going. */
function twoRows(
  n: i32,
  terms: i32,
  a: usize,
  aRowBytes: usize,
  aStepBytes: usize,
  panels: usize,
  c: usize,
  cRowBytes: usize,
  fromC: bool,
): void {
  const panelBytes = (<usize>terms) << 5;
  let column = 0;
  for (; column + 2 * PANEL <= n; column += 2 * PANEL) {
    const c0 = c + ((<usize>column) << 2);
    const c1 = c0 + cRowBytes;
    let s00 = f32x4.splat(0);
    let s01 = s00;
    let s02 = s00;
    let s03 = s00;
    let s10 = s00;
    let s11 = s00;
    let s12 = s00;
    let s13 = s00;
    if (fromC) {
      s00 = v128.load(c0);
      s01 = v128.load(c0, 16);
      s02 = v128.load(c0, 32);
      s03 = v128.load(c0, 48);
      s10 = v128.load(c1);
      s11 = v128.load(c1, 16);
      s12 = v128.load(c1, 32);
      s13 = v128.load(c1, 48);
    }
    let a0 = a;
    let a1 = a + aRowBytes;
    let at = panels + <usize>(column >> 3) * panelBytes;
    let at1 = at + panelBytes;
    for (const atEnd = at + panelBytes; at < atEnd; at += 32) {
      const x0 = v128.load32_splat(a0);
      const x1 = v128.load32_splat(a1);
      const b0 = v128.load(at);
      s00 = f32x4.add(s00, f32x4.mul(x0, b0));
      s10 = f32x4.add(s10, f32x4.mul(x1, b0));
      const b1 = v128.load(at, 16);
      s01 = f32x4.add(s01, f32x4.mul(x0, b1));
      s11 = f32x4.add(s11, f32x4.mul(x1, b1));
      const b2 = v128.load(at1);
      s02 = f32x4.add(s02, f32x4.mul(x0, b2));
      s12 = f32x4.add(s12, f32x4.mul(x1, b2));
      const b3 = v128.load(at1, 16);
      s03 = f32x4.add(s03, f32x4.mul(x0, b3));
      s13 = f32x4.add(s13, f32x4.mul(x1, b3));
      a0 += aStepBytes;
      a1 += aStepBytes;
      at1 += 32;
    }
    v128.store(c0, s00);
    v128.store(c0, s01, 16);
    v128.store(c0, s02, 32);
    v128.store(c0, s03, 48);
    v128.store(c1, s10);
    v128.store(c1, s11, 16);
    v128.store(c1, s12, 32);
    v128.store(c1, s13, 48);
  }
  for (; column < n; column += PANEL) {
    const at = panels + <usize>(column >> 3) * panelBytes;
    const c0 = c + ((<usize>column) << 2);
    tile1x8(terms, a, aStepBytes, at, c0, n - column, fromC);
    tile1x8(terms, a + aRowBytes, aStepBytes, at, c0 + cRowBytes, n - column, fromC);
  }
}

/** Multiplies one row by all panels: two panels at a time keep four sums going. */
function oneRow(n: i32, terms: i32, a: usize, aStepBytes: usize, panels: usize, c: usize, fromC: bool): void {
  const panelBytes = (<usize>terms) << 5;
  let column = 0;
  for (; column + 2 * PANEL <= n; column += 2 * PANEL) {
    const c0 = c + ((<usize>column) << 2);
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    if (fromC) {
      s0 = v128.load(c0);
      s1 = v128.load(c0, 16);
      s2 = v128.load(c0, 32);
      s3 = v128.load(c0, 48);
    }
    let a0 = a;
    let at = panels + <usize>(column >> 3) * panelBytes;
    let at1 = at + panelBytes;
    for (const atEnd = at + panelBytes; at < atEnd; at += 32) {
      const x = v128.load32_splat(a0);
      s0 = f32x4.add(s0, f32x4.mul(x, v128.load(at)));
      s1 = f32x4.add(s1, f32x4.mul(x, v128.load(at, 16)));
      s2 = f32x4.add(s2, f32x4.mul(x, v128.load(at1)));
      s3 = f32x4.add(s3, f32x4.mul(x, v128.load(at1, 16)));
      a0 += aStepBytes;
      at1 += 32;
    }
    v128.store(c0, s0);
    v128.store(c0, s1, 16);
    v128.store(c0, s2, 32);
    v128.store(c0, s3, 48);
  }
  for (; column < n; column += PANEL) {
    const at = panels + <usize>(column >> 3) * panelBytes;
    tile1x8(terms, a, aStepBytes, at, c + ((<usize>column) << 2), n - column, fromC);
  }
}

function tile1x8(terms: i32, a: usize, aStepBytes: usize, panel: usize, c: usize, width: i32, fromC: bool): void {
  let s0 = fromC ? loadLanes(c, width) : f32x4.splat(0);
  let s1 = fromC ? loadLanes(c + 16, width - 4) : f32x4.splat(0);
  let aAt = a;
  const panelEnd = panel + ((<usize>terms) << 5);
  for (let at = panel; at < panelEnd; at += 32) {
    const x = v128.load32_splat(aAt);
    s0 = f32x4.add(s0, f32x4.mul(x, v128.load(at)));
    s1 = f32x4.add(s1, f32x4.mul(x, v128.load(at, 16)));
    aAt += aStepBytes;
  }
  storeLanes(c, s0, width);
  storeLanes(c + 16, s1, width - 4);
}
