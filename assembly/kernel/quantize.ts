// What     The integer copy of a catalogue and of queries, and all that bounds how far it is from the real one.
//          items: q = round(z / S), one S a block.  queries: q = round(v / s), one s a query.
// Source   docs/exact-ranking.md, which proves what the bounds promise; the letters are its own.
// Shapes   items: z f32[64·blocks, D] · panels: words [0, stage 1) of all items, then [stage 1, stage 2) of all, and so on, each
//          [blocks, 8, words of it, 8], words of `perWord` integers · stages i32[3], where each ends, the last ones at `words` ·
//          blockBounds f32[blocks, 8] = (1/S, N/S, R/S, ‖q‖, ‖q beyond stage 1, 2‖, –, –), each the largest of its 64 items
//          queries: y, v f32[rows, D] · mean, moments f32[D] · q [⌈rows/4⌉, words, 4] · queryBounds [⌈rows/4⌉, 20, 4] = (τ, a, ‖q‖, ‖q beyond
//          stage 1, 2‖, and i32: what the items' 64 adds to sums of all words, and of those beyond stage 1, 2; then the pass's own) of
//          four queries each · scales f64[rows, 4] = (shift, s, score of the mean item, deviation) · guesses f32[rows]
// Layout   a word is two i16 or, with perWord = 4, four 8-bit ones; an item's is stored plus 64, so that it is not negative.
//          16-byte aligned bases. Items beyond the last are zero rows of z, and lanes beyond the last query admit nothing.
// Writes   blocks [begin, end) or groups of four queries [begin, end), overwritten.
// Numerics norms and residues in f64, rounded up by 2^-20 where f32 keeps them. Bounds vs f64: test/assembly/quantize.test.ts
// Limits   D ≤ 2,000, so that no sum of products exceeds 10^9; z and v finite, norms of queries in [2^-60, 2^60].
// Cost     about 10 f64 operations a number.  bench/ranking.ts

/** Items that share a scale and bounds, and items of a panel. */
const BLOCK: i32 = 64;
const PANEL: i32 = 8;
/** What an i16 vector's length becomes: with rounding, products of two stay below 10^9. */
const LONGEST: f64 = 31600;
/** Largest number of a query, and of an item before 64 is added: four products fit an i16. */
const QUERY_MOST: f64 = 63;
const ITEM_MOST: f64 = 63;
const ITEM_OFFSET: i32 = 64;
const UP: f64 = 1 + 2.0 ** -20;

/** Stages after which the pass looks whether to go on, and bytes of a group's bounds. */
export const STAGES: usize = 2;
export const GROUP_BYTES: usize = 320;

/** Writes the integers of a row and returns nothing; `stepBytes` lie between its words. */
function storeInteger(at: usize, k: i32, perWord: i32, stepBytes: usize, q: i32): void {
  if (perWord === 2) store<i16>(at + <usize>(k >> 1) * stepBytes + ((<usize>(k & 1)) << 1), <i16>q);
  else store<i8>(at + <usize>(k >> 2) * stepBytes + <usize>(k & 3), <i8>q);
}

/** Quantises 64 items of z a block, [begin, end), as blocks of all `blocks` from `firstBlock` on. No scale is below `floor`. */
export function quantizeItemsF32(
  begin: i32,
  end: i32,
  perWord: i32,
  width: i32,
  stages: usize,
  floor: f64,
  z: usize,
  blocks: i32,
  firstBlock: i32,
  panels: usize,
  blockBounds: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let block = begin; block < end; block++) {
    const first = z + <usize>(block * BLOCK) * rowBytes;
    // 1. The scale: of the longest row for i16, of the largest number for i8.
    let longest: f64 = 0;
    let most: f64 = 0;
    for (let i = 0; i < BLOCK; i++) {
      const row = first + <usize>i * rowBytes;
      let square: f64 = 0;
      for (let k = 0; k < width; k++) {
        const value = <f64>load<f32>(row + ((<usize>k) << 2));
        square += value * value;
        most = max(most, abs(value));
      }
      longest = max(longest, square);
    }
    longest = sqrt(longest);
    const scale = max(floor, perWord === 2 ? longest / LONGEST : most / ITEM_MOST);
    const inverse = 1 / scale;
    // 2. Integers, residues and lengths.
    const bounds = blockBounds + ((<usize>(firstBlock + block)) << 5);
    v128.store(bounds, f32x4.splat(0));
    v128.store(bounds, f32x4.splat(0), 16);
    let residue: f64 = 0;
    for (let i = 0; i < BLOCK; i++) {
      const row = first + <usize>i * rowBytes;
      const panel = (firstBlock + block) * (BLOCK / PANEL) + i / PANEL;
      const lane = (<usize>(i % PANEL)) << 2;
      let residueSquare: f64 = 0;
      let square: f64 = 0;
      // From the last stage to the first, so that squares add up to what lies beyond each.
      for (let stage = STAGES + 1; stage-- > 0; ) {
        const from = stage === 0 ? 0 : load<i32>(stages + ((stage - 1) << 2));
        const stop = load<i32>(stages + (stage << 2));
        const to = panels + ((<usize>from * <usize>blocks) << 8) + ((<usize>panel * <usize>(stop - from)) << 5) + lane;
        for (let k = from * perWord; k < stop * perWord; k++) {
          const value = k < width ? <f64>load<f32>(row + ((<usize>k) << 2)) : 0;
          const rounded = nearest(value * inverse);
          const gap = value - rounded * scale;
          residueSquare += gap * gap;
          square += rounded * rounded;
          const stored = perWord === 2 ? <i32>rounded : <i32>rounded + ITEM_OFFSET;
          storeInteger(to, k - from * perWord, perWord, PANEL << 2, stored);
        }
        const at = bounds + (stage << 2);
        store<f32>(at, max(load<f32>(at, 12), <f32>(sqrt(square) * UP)), 12);
      }
      residue = max(residue, residueSquare);
    }
    store<f32>(bounds, <f32>inverse);
    store<f32>(bounds, <f32>(longest * inverse * UP), 4);
    store<f32>(bounds, <f32>(sqrt(residue) * inverse * UP), 8);
  }
}

/** Quantises groups [begin, end) of four queries, and guesses `guess` standard deviations above each one's mean score. */
export function quantizeQueriesF32(
  begin: i32,
  end: i32,
  rows: i32,
  perWord: i32,
  width: i32,
  words: i32,
  stages: usize,
  y: usize,
  v: usize,
  mean: usize,
  moments: usize,
  relativeError: f64,
  errorOfLength: f64,
  error: f64,
  guess: f64,
  q: usize,
  queryBounds: usize,
  scales: usize,
  guesses: usize,
): void {
  const offset = perWord === 4 ? ITEM_OFFSET : 0;
  for (let group = begin; group < end; group++) {
    const bounds = queryBounds + <usize>group * GROUP_BYTES;
    for (let lane = 0; lane < 4; lane++) {
      const at = bounds + ((<usize>lane) << 2);
      const r = group * 4 + lane;
      const to = q + ((<usize>group * <usize>words) << 4) + ((<usize>lane) << 2);
      if (r >= rows) {
        for (let word = 0; word < words; word++) store<i32>(to + ((<usize>word) << 4), 0);
        for (let bound: usize = 0; bound < 8; bound++) store<i32>(at + (bound << 4), 0);
        store<f32>(at, f32.POSITIVE_INFINITY);
        continue;
      }
      // 1. Lengths, the score of the mean item, and how scores spread around it.
      const base = (<usize>r * <usize>width) << 2;
      let square: f64 = 0;
      let turnedSquare: f64 = 0;
      let most: f64 = 0;
      let center: f64 = 0;
      let variance: f64 = 0;
      for (let k = 0; k < width; k++) {
        const k4 = (<usize>k) << 2;
        const value = <f64>load<f32>(y + base + k4);
        const turned = <f64>load<f32>(v + base + k4);
        square += value * value;
        turnedSquare += turned * turned;
        most = max(most, abs(turned));
        center += value * <f64>load<f32>(mean + k4);
        variance += turned * turned * <f64>load<f32>(moments + k4);
      }
      const length = sqrt(square);
      const scale = perWord === 2 ? sqrt(turnedSquare) / LONGEST : most / QUERY_MOST;
      const inverse = 1 / scale;
      // 2. Integers and what they leave out.
      let residueSquare: f64 = 0;
      square = 0;
      let sum = 0;
      for (let stage = STAGES + 1; stage-- > 0; ) {
        const from = stage === 0 ? 0 : load<i32>(stages + ((stage - 1) << 2));
        const stop = load<i32>(stages + (stage << 2));
        for (let k = from * perWord; k < stop * perWord; k++) {
          const value = k < width ? <f64>load<f32>(v + base + ((<usize>k) << 2)) : 0;
          const rounded = nearest(value * inverse);
          const gap = value - rounded * scale;
          residueSquare += gap * gap;
          square += rounded * rounded;
          sum += <i32>rounded;
          storeInteger(to, k, perWord, 16, <i32>rounded);
        }
        store<f32>(at + (stage << 4), <f32>(sqrt(square) * UP), 32);
        store<i32>(at + (stage << 4), offset * sum, 80);
      }
      // 3. The bounds: see the proof.
      const shift = center + length * errorOfLength + error;
      const least = <f32>(guess === f64.NEGATIVE_INFINITY ? guess : center + guess * sqrt(variance));
      store<f32>(at, <f32>((<f64>least - shift) * inverse));
      store<f32>(at, <f32>((sqrt(residueSquare) + relativeError * length) * inverse * UP), 16);
      const own = scales + ((<usize>r) << 5);
      store<f64>(own, shift);
      store<f64>(own, scale, 8);
      store<f64>(own, center, 16);
      store<f64>(own, sqrt(variance), 24);
      store<f32>(guesses + ((<usize>r) << 2), least);
    }
  }
}
