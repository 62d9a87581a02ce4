// What     The integer copy of a catalogue and of queries, and all that bounds how far it is from the real one.
//          items: q = round(z / S), one S a block.  queries: q = round(v / s), one s a query.
// Source   docs/exact-ranking.md, which proves what the bounds promise; the letters are its own.
// Shapes   items: z f32[64·blocks, D] · heads [blocks, 8, prefix, 8] and tails
//          [blocks, 8, words − prefix, 8], words of `perWord` integers ·
//          blockBounds f32[blocks, 8] = (1/S, N/S, R/S, ‖q‖, ‖q beyond the prefix‖, –, –, –), each the largest of its 64 items
//          queries: y, v f32[rows, D] · mean, moments f32[D] · q [⌈rows/4⌉, words, 4] · queryBounds [⌈rows/4⌉, 14, 4] = (τ, a, ‖q‖, ‖q beyond the
//          prefix‖, and i32: what the items' 64 adds to sums of the prefix and of all words) of four queries each · scales f64[rows, 4] = (shift, s, score of the mean item, deviation) · guesses f32[rows]
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
/** Largest i8 of a query, and i7 of an item before 64 is added. */
const QUERY_MOST: f64 = 127;
const ITEM_MOST: f64 = 63;
const ITEM_OFFSET: i32 = 64;
const UP: f64 = 1 + 2.0 ** -20;

/** Writes the integers of a row and returns nothing; `stepBytes` lie between its words. */
function storeInteger(at: usize, k: i32, perWord: i32, stepBytes: usize, q: i32): void {
  if (perWord === 2) store<i16>(at + <usize>(k >> 1) * stepBytes + ((<usize>(k & 1)) << 1), <i16>q);
  else store<i8>(at + <usize>(k >> 2) * stepBytes + <usize>(k & 3), <i8>q);
}

/** Quantises blocks [begin, end) of items. No scale is below `floor`. */
export function quantizeItemsF32(
  begin: i32,
  end: i32,
  perWord: i32,
  width: i32,
  words: i32,
  prefix: i32,
  floor: f64,
  z: usize,
  heads: usize,
  tails: usize,
  blockBounds: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  const head = prefix * perWord;
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
    let residue: f64 = 0;
    let length: f64 = 0;
    let tail: f64 = 0;
    for (let i = 0; i < BLOCK; i++) {
      const row = first + <usize>i * rowBytes;
      const panel = block * (BLOCK / PANEL) + i / PANEL;
      const lane = (<usize>(i % PANEL)) << 2;
      const toHead = heads + ((<usize>(panel * prefix)) << 5) + lane;
      const toTail = tails + ((<usize>(panel * (words - prefix))) << 5) + lane;
      let residueSquare: f64 = 0;
      let headSquare: f64 = 0;
      let tailSquare: f64 = 0;
      for (let k = 0; k < words * perWord; k++) {
        const value = k < width ? <f64>load<f32>(row + ((<usize>k) << 2)) : 0;
        const rounded = nearest(value * inverse);
        const gap = value - rounded * scale;
        residueSquare += gap * gap;
        if (k < head) headSquare += rounded * rounded;
        else tailSquare += rounded * rounded;
        const stored = perWord === 2 ? <i32>rounded : <i32>rounded + ITEM_OFFSET;
        storeInteger(k < head ? toHead : toTail, k < head ? k : k - head, perWord, PANEL << 2, stored);
      }
      residue = max(residue, residueSquare);
      length = max(length, headSquare + tailSquare);
      tail = max(tail, tailSquare);
    }
    const bounds = blockBounds + ((<usize>block) << 5);
    store<f32>(bounds, <f32>inverse);
    store<f32>(bounds, <f32>(longest * inverse * UP), 4);
    store<f32>(bounds, <f32>(sqrt(residue) * inverse * UP), 8);
    store<f32>(bounds, <f32>(sqrt(length) * UP), 12);
    store<f32>(bounds, <f32>(sqrt(tail) * UP), 16);
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
  prefix: i32,
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
  const head = prefix * perWord;
  for (let group = begin; group < end; group++) {
    const bounds = queryBounds + <usize>group * 224;
    for (let lane = 0; lane < 4; lane++) {
      const at = bounds + ((<usize>lane) << 2);
      const r = group * 4 + lane;
      const to = q + ((<usize>group * <usize>words) << 4) + ((<usize>lane) << 2);
      if (r >= rows) {
        for (let word = 0; word < words; word++) store<i32>(to + ((<usize>word) << 4), 0);
        store<f32>(at, f32.POSITIVE_INFINITY);
        store<f32>(at, 0, 16);
        store<f32>(at, 0, 32);
        store<f32>(at, 0, 48);
        store<i32>(at, 0, 64);
        store<i32>(at, 0, 80);
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
      let headSquare: f64 = 0;
      let tailSquare: f64 = 0;
      let headSum = 0;
      let tailSum = 0;
      for (let k = 0; k < words * perWord; k++) {
        const value = k < width ? <f64>load<f32>(v + base + ((<usize>k) << 2)) : 0;
        const rounded = nearest(value * inverse);
        const gap = value - rounded * scale;
        residueSquare += gap * gap;
        if (k < head) {
          headSquare += rounded * rounded;
          headSum += <i32>rounded;
        } else {
          tailSquare += rounded * rounded;
          tailSum += <i32>rounded;
        }
        storeInteger(to, k, perWord, 16, <i32>rounded);
      }
      // 3. The bounds: see the proof.
      const shift = center + length * errorOfLength + error;
      const least = <f32>(guess === f64.NEGATIVE_INFINITY ? guess : center + guess * sqrt(variance));
      store<f32>(at, <f32>((<f64>least - shift) * inverse));
      store<f32>(at, <f32>((sqrt(residueSquare) + relativeError * length) * inverse * UP), 16);
      store<f32>(at, <f32>(sqrt(headSquare + tailSquare) * UP), 32);
      store<f32>(at, <f32>(sqrt(tailSquare) * UP), 48);
      const offset = perWord === 4 ? ITEM_OFFSET : 0;
      store<i32>(at, offset * headSum, 64);
      store<i32>(at, offset * (headSum + tailSum), 80);
      const own = scales + ((<usize>r) << 5);
      store<f64>(own, shift);
      store<f64>(own, scale, 8);
      store<f64>(own, center, 16);
      store<f64>(own, sqrt(variance), 24);
      store<f32>(guesses + ((<usize>r) << 2), least);
    }
  }
}
