// What     gather: out[r] = table[ids[r]].  scatter-add: dTable[ids[r]] += dRows[r], r ascending.
//          Serves item embeddings, one learned interest shared by all (ids all 0), an interest per user, and last rows.
// Source   torch.nn.functional.embedding and its dense gradient; no padding row: packed batches have no padding.
// Shapes   table, dTable f32[V, D] · ids i32[rows] · out, dRows f32[rows, D]
// Layout   16-byte aligned bases, rows contiguous, any D. The caller owns all memory; ids are checked in TypeScript.
// Writes   gather: rows [begin, end) of out, overwritten. scatter-add: table rows [begin, end), accumulated (+=).
// Numerics copies, and f32 adds in row order whatever the share, so bits do not depend on the number of threads.
// Limits   V·D·4 bytes below 2^32.
// Cost     D·8 bytes moved per row.  npm run bench -- kernel

import { addScaledF32 } from "../core/v128";

/** Copies table rows into rows [begin, end) of `out`. */
export function gatherForwardF32(begin: i32, end: i32, table: usize, ids: usize, width: i32, out: usize): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    memory.copy(out + <usize>r * rowBytes, table + <usize>load<u32>(ids + ((<usize>r) << 2)) * rowBytes, rowBytes);
  }
}

/** Adds every row whose id lies in [begin, end) to its table row. */
export function gatherBackwardF32(
  begin: i32,
  end: i32,
  rows: i32,
  dRows: usize,
  ids: usize,
  width: i32,
  dTable: usize,
): void {
  const rowBytes = (<usize>width) << 2;
  for (let r = 0; r < rows; r++) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    if (id >= begin && id < end) addScaledF32(dTable + <usize>id * rowBytes, dRows + <usize>r * rowBytes, 1, width);
  }
}
