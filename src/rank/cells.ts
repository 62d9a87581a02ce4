// An order in which rows that point the same way stand together: cells of a k-d tree, cut at medians (Bentley, CACM 1975). Eight items
// of a cell, and four queries, are passed over together, so the more alike they are the more often. Any order gives the same lists.

/** Axes that are looked at: the first of a basis say most. */
export const CELL_AXES = 8;

/**
 * Orders rows 0 … count − 1 by cells.
 * @param coordinates f32[count, stride], of which the first `CELL_AXES` of a row count
 * @param unit rows of a cell; cuts are at multiples of it
 */
export function orderByCells(coordinates: Float32Array, count: number, stride: number, unit: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, row) => row);
  const keys = new Float32Array(count);
  const axes = Math.min(CELL_AXES, stride);
  const pending = [[0, count]];
  for (let range = pending.pop(); range; range = pending.pop()) {
    const [first, last] = range;
    if (last - first <= unit) continue;
    // The axis along which these rows vary most.
    let widest = 0;
    let most = -1;
    for (let axis = 0; axis < axes; axis++) {
      let sum = 0;
      let squares = 0;
      for (let i = first; i < last; i++) {
        const value = coordinates[order[i] * stride + axis];
        sum += value;
        squares += value * value;
      }
      const spread = squares - (sum * sum) / (last - first);
      if (spread > most) [widest, most] = [axis, spread];
    }
    for (let i = first; i < last; i++) keys[i] = coordinates[order[i] * stride + widest];
    const middle = first + Math.ceil((last - first) / 2 / unit) * unit;
    select(keys, order, first, last, middle);
    pending.push([first, middle], [middle, last]);
  }
  return order;
}

/** Swaps rows [first, last) so that those before `middle` have no larger key than those from it on (Hoare's selection). */
function select(keys: Float32Array, order: Int32Array, first: number, last: number, middle: number): void {
  let low = first;
  let high = last - 1;
  while (low < high) {
    const pivot = keys[(low + high) >> 1];
    let [left, right] = [low, high];
    while (left <= right) {
      while (keys[left] < pivot) left++;
      while (keys[right] > pivot) right--;
      if (left > right) break;
      const [key, row] = [keys[left], order[left]];
      keys[left] = keys[right];
      order[left] = order[right];
      keys[right] = key;
      order[right] = row;
      left++;
      right--;
    }
    if (middle <= right) high = right;
    else if (middle >= left) low = left;
    else return;
  }
}
