// Packed batches: sequences are sorted by falling length, and rows are laid out step after step with no padding, as in
// torch's PackedSequence. Step t of sequence b is row offsets[t] + b; the sequences alive at step t are the first
// offsets[t+1] − offsets[t] ones.

/** Returns the row where step t begins. */
export function stepRow(t: i32, offsets: usize): i32 {
  return load<i32>(offsets + ((<usize>t) << 2));
}

/** Returns how many sequences are alive at step t. */
export function aliveAt(t: i32, offsets: usize): i32 {
  return load<i32>(offsets + ((<usize>t) << 2), 4) - load<i32>(offsets + ((<usize>t) << 2));
}

/** Returns the number of steps of sequence b, at most `steps`. */
export function stepsOf(b: i32, steps: i32, offsets: usize): i32 {
  let length = 0;
  while (length < steps && aliveAt(length, offsets) > b) length++;
  return length;
}
