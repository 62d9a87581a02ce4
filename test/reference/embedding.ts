/** Rows of a table, by item index (torch.nn.functional.embedding without a padding row). */

import { addScaled, type Matrix, zeroMatrix } from "./tensor.ts";

/** Gathers: `out[r] = table[items[r]]`, copied. */
export function embeddingForward(table: Matrix, items: readonly number[]): Matrix {
  return items.map((item) => [...table[item]]);
}

/** Scatter-adds: `dTable[items[r]] += dRows[r]`, r ascending, over a table of zeros in the shape of `table`, [V, D]. */
export function embeddingBackward(table: Matrix, items: readonly number[], dRows: Matrix): Matrix {
  const dTable = zeroMatrix(table.length, table[0].length);
  for (let r = 0; r < items.length; r++) addScaled(dTable[items[r]], dRows[r]);
  return dTable;
}
