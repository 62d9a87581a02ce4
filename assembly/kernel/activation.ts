// What     y = act(x + bias): GELU 0.5·a·(1 + tanh(√(2/π)·(a + 0.044715·a³))) or ReLU max(a, 0), a = x + bias.
//          backward: dx = dy·act'(a).  GELU' = 0.5·(1 + t) + 0.5·a·(1 − t²)·√(2/π)·(1 + 3·0.044715·a²), t the tanh above.
// Source   Hendrycks & Gimpel (2016), the tanh approximation, as torch.nn.functional.gelu(approximate="tanh").
// Shapes   x, y, dy, dx f32[rows, F] · bias f32[F]
// Layout   16-byte aligned bases, rows contiguous. forward turns x into a = x + bias in place and writes y beside it;
//          backward may write dx over dy.
// Writes   rows [begin, end): x and y (forward), dx (backward), overwritten.
// Numerics f32, tanh of core/math.ts. Bound vs the f64 twin: test/assembly/activation.test.ts
// Limits   none beyond memory.
// Cost     one tanh a number for GELU.  npm run bench -- kernel

import { tanhF32x4 } from "../core/math";
import { loadLanes, storeLanes } from "../core/v128";

/** Which activation; the numbers are part of the interface. */
const GELU: i32 = 0;

const SQRT_2_OVER_PI: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.044715;

function geluTanh(a: v128): v128 {
  const a2 = f32x4.mul(a, a);
  const inner = f32x4.mul(a, f32x4.add(f32x4.splat(1), f32x4.mul(f32x4.splat(CUBIC), a2)));
  return tanhF32x4(f32x4.mul(f32x4.splat(SQRT_2_OVER_PI), inner));
}

/** Adds the bias to rows [begin, end) of x, in place, and writes their activation. */
export function activationForwardF32(
  begin: i32,
  end: i32,
  width: i32,
  kind: i32,
  x: usize,
  bias: usize,
  y: usize,
): void {
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  for (let r = begin; r < end; r++) {
    const row = (<usize>r * <usize>width) << 2;
    for (let d = 0; d < width; d += 4) {
      const count = width - d;
      const at = row + ((<usize>d) << 2);
      const a = f32x4.add(loadLanes(x + at, count), loadLanes(bias + ((<usize>d) << 2), count));
      storeLanes(x + at, a, count);
      const active =
        kind === GELU ? f32x4.mul(f32x4.mul(half, a), f32x4.add(one, geluTanh(a))) : f32x4.max(a, f32x4.splat(0));
      storeLanes(y + at, active, count);
    }
  }
}

/** Takes dy back to dx for rows [begin, end); `a` is what forward left in x. */
export function activationBackwardF32(
  begin: i32,
  end: i32,
  width: i32,
  kind: i32,
  a: usize,
  dy: usize,
  dx: usize,
): void {
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  for (let r = begin; r < end; r++) {
    const row = (<usize>r * <usize>width) << 2;
    for (let d = 0; d < width; d += 4) {
      const count = width - d;
      const at = row + ((<usize>d) << 2);
      const aF32x4 = loadLanes(a + at, count);
      const dyF32x4 = loadLanes(dy + at, count);
      if (kind === GELU) {
        const t = geluTanh(aF32x4);
        const a2 = f32x4.mul(aF32x4, aF32x4);
        const dInner = f32x4.mul(f32x4.splat(SQRT_2_OVER_PI), f32x4.add(one, f32x4.mul(f32x4.splat(3 * CUBIC), a2)));
        const slope = f32x4.mul(f32x4.mul(half, aF32x4), f32x4.mul(f32x4.sub(one, f32x4.mul(t, t)), dInner));
        storeLanes(dx + at, f32x4.mul(dyF32x4, f32x4.add(f32x4.mul(half, f32x4.add(one, t)), slope)), count);
      } else {
        storeLanes(dx + at, v128.and(dyF32x4, f32x4.gt(aF32x4, f32x4.splat(0))), count);
      }
    }
  }
}
