// What     forward: y = x · m, m = 1/(1 − p) with probability 1 − p, else 0.  backward: dx = dy · m, the same m drawn again.
// Source   Srivastava et al., JMLR 15 (2014); inverted scaling as torch.nn.Dropout. The mask is a function of
//          (seed, stream, step, row, column), never stored.
// Shapes   x, y, dy, dx f32[rows, D]
// Layout   16-byte aligned bases, rows contiguous. Input and output may be the same memory.
// Writes   rows [begin, end) of the output, overwritten.
// Numerics one f32 product an element; an element is kept when its 16 random bits, as a number in [0, 1), are ≥ p: p is met to 2^−16.
// Limits   rows·D below 2^32; p in [0, 1), checked in TypeScript.
// Cost     one 64-bit mix for four elements.  npm run bench -- kernel

import { keepFourF32x4, leastKeptI32x4, streamKey } from "../core/rng";
import { loadTail, storeTail } from "../core/v128";

/** Masks and rescales; forward and backward are this one product, which is linear in its input. */
export function dropoutF32(
  begin: i32,
  end: i32,
  width: i32,
  input: usize,
  output: usize,
  rate: f32,
  seed: u32,
  stream: u32,
  step: u32,
  firstRow: u32,
): void {
  const key = streamKey(seed, stream, step);
  const factorF32x4 = f32x4.splat(<f32>1 / (1 - rate));
  const leastI32x4 = leastKeptI32x4(rate);
  const full = width & ~3;
  const rest = width - full;
  const quarters = <u64>((width + 3) >> 2);
  for (let r = begin; r < end; r++) {
    let index = <u64>(firstRow + <u32>r) * quarters;
    let at = (<usize>r * <usize>width) << 2;
    const end = at + ((<usize>full) << 2);
    for (; at < end; at += 16) {
      const keepF32x4 = keepFourF32x4(key, index++, leastI32x4, factorF32x4);
      v128.store(output + at, f32x4.mul(v128.load(input + at), keepF32x4));
    }
    if (rest > 0) {
      const keepF32x4 = keepFourF32x4(key, index, leastI32x4, factorF32x4);
      storeTail(output + at, f32x4.mul(loadTail(input + at, rest), keepF32x4), rest);
    }
  }
}
