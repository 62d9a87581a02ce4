// What     Takes items that a row is not compared with out of its scores: s = −∞, so that no softmax counts them.
// Source   What lists without seen items rank (`seen=exclude`): the loss is over the items that may be recommended.
// Shapes   scores: of row r and item j at scores + r·rowBytes + j·itemBytes, f32 · rows i32[rows, 4] = (address, its end, step, target):
//          a list i32[·, 2] of (item, the step that brought it first) by rising item; rows may share one
// Layout   a list is gone through as far as it is asked for; items must be asked for in rising order.
// Writes   −∞ over the scores of items below `last` that came at `step` or before and are not the target; the row's address moves past them.
// Numerics none.
// Limits   target −1 where it has no score among these; a row may then lose all it has.
// Cost     one compare an item of the list.  npm run bench -- kernel (inside cross-entropy)

/** Leaves out items below `last` in rows [begin, end). */
export function leaveOutF32(
  begin: i32,
  end: i32,
  last: i32,
  rows: usize,
  scores: usize,
  rowBytes: usize,
  itemBytes: usize,
): void {
  for (let r = begin; r < end; r++) {
    const row = rows + ((<usize>r) << 4);
    let at = <usize>load<u32>(row);
    const listEnd = <usize>load<u32>(row, 4);
    if (at >= listEnd || load<i32>(at) >= last) continue;
    const step = load<i32>(row, 8);
    const target = load<i32>(row, 12);
    const rowScores = scores + <usize>r * rowBytes;
    do {
      const item = load<i32>(at);
      if (load<i32>(at, 4) <= step && item !== target) store<f32>(rowScores + <usize>item * itemBytes, -Infinity);
      at += 8;
    } while (at < listEnd && load<i32>(at) < last);
    store<u32>(row, <u32>at);
  }
}
