/** Integers for the pass of exact top-K (docs/exact-ranking.md), in f64. */

/** Rows as integers, and what they leave out. */
export interface Quantised {
  scale: number;
  integers: number[][];
  /** ‖row − scale·integers‖. */
  residues: number[];
}

const lengthOf = (row: readonly number[]) => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));

/** Rounds to the nearest integer, halves to even. */
function nearest(value: number): number {
  const low = Math.floor(value);
  const gap = value - low;
  return gap < 0.5 || (gap === 0.5 && low % 2 === 0) ? low : low + 1;
}

/**
 * Quantises rows by one scale: the longest row becomes 31,600 long, or the largest number becomes `most`.
 *
 * @param floor least scale
 */
export function quantise(rows: readonly (readonly number[])[], most: number | undefined, floor = 0): Quantised {
  const largest = most === undefined ? Math.max(...rows.map(lengthOf)) : Math.max(...rows.flat().map(Math.abs));
  const scale = Math.max(floor, largest / (most ?? 31600));
  const integers = rows.map((row) => row.map((value) => nearest(value * (1 / scale))));
  const residues = rows.map((row, i) => lengthOf(row.map((value, k) => value - scale * integers[i][k])));
  return { scale, integers, residues };
}

/** Lays integers out in 32-bit words. */
export function pack(integers: readonly number[], perWord: 2 | 4, words: number): number[] {
  const bytes = new DataView(new ArrayBuffer(4 * words));
  for (const [k, value] of integers.entries()) {
    if (perWord === 2) bytes.setInt16(2 * k, value, true);
    else bytes.setInt8(k, value);
  }
  return Array.from({ length: words }, (_, word) => bytes.getInt32(4 * word, true));
}
