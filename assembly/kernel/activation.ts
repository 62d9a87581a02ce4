// What     y = act(x + bias): GELU 0.5·a·(1 + tanh u), u = √(2/π)·(a + 0.044715·a³), as a·s, s = σ(2u), or ReLU max(a, 0); a = x + bias.
//          backward: dx = dy·act'(a).  GELU' = s + s·(1 − s)·a·2·√(2/π)·(1 + 3·0.044715·a²), with 1 − s as s·e^−2u.
// Source   Hendrycks & Gimpel (2016), the tanh approximation, as torch.nn.functional.gelu(approximate="tanh").
// Shapes   x, y, dy, dx f32[rows, F] · bias f32[F]
// Layout   16-byte aligned bases, rows contiguous. forward turns x into a = x + bias in place and writes y beside it;
//          backward may write dx over dy.
// Writes   rows [begin, end): x and y (forward), dx (backward), overwritten.
// Numerics f32, exp and σ of core/math.ts; GELU and its slope are 0 from −10 down, where they are below 1e-35. Bound vs the f64 twin: test/assembly/activation.test.ts
// Limits   none beyond memory.
// Cost     one exponential a number for GELU.  npm run bench -- kernel

import { expF32x4, sigmoidF32x4 } from "../core/math";
import { loadLanes, storeLanes } from "../core/v128";

/** Which activation; the numbers are part of the interface. */
const GELU: i32 = 0;

/** 2·√(2/π) */
const TWICE_ROOT: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.044715;
/** Where GELU is 0 from. */
const NOTHING: f32 = -10;

/** Returns 2u. */
function geluInner(a: v128): v128 {
  const cubic = f32x4.mul(f32x4.splat(CUBIC), f32x4.mul(a, a));
  return f32x4.mul(f32x4.splat(TWICE_ROOT), f32x4.mul(a, f32x4.add(f32x4.splat(1), cubic)));
}

/** Returns what GELU lets through of `a`. */
function geluForward(a: v128): v128 {
  const share = sigmoidF32x4(geluInner(a));
  return f32x4.mul(a, v128.and(share, f32x4.gt(a, f32x4.splat(NOTHING))));
}

/** Returns the slope of GELU. */
function geluSlope(a: v128): v128 {
  const one = f32x4.splat(1);
  const e = expF32x4(f32x4.neg(geluInner(a)));
  const s = v128.and(f32x4.div(one, f32x4.add(one, e)), f32x4.gt(a, f32x4.splat(NOTHING)));
  const dInner = f32x4.mul(f32x4.splat(TWICE_ROOT), f32x4.add(one, f32x4.mul(f32x4.splat(3 * CUBIC), f32x4.mul(a, a))));
  // s·(1 − s) first: it is 0 where the others may be as large as they like.
  return f32x4.add(s, f32x4.mul(f32x4.mul(f32x4.mul(s, f32x4.mul(s, e)), a), dInner));
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
  for (let r = begin; r < end; r++) {
    const row = (<usize>r * <usize>width) << 2;
    for (let d = 0; d < width; d += 4) {
      const count = width - d;
      const at = row + ((<usize>d) << 2);
      const a = f32x4.add(loadLanes(x + at, count), loadLanes(bias + ((<usize>d) << 2), count));
      storeLanes(x + at, a, count);
      const active = kind === GELU ? geluForward(a) : f32x4.max(a, f32x4.splat(0));
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
  for (let r = begin; r < end; r++) {
    const row = (<usize>r * <usize>width) << 2;
    for (let d = 0; d < width; d += 4) {
      const count = width - d;
      const at = row + ((<usize>d) << 2);
      const aF32x4 = loadLanes(a + at, count);
      const dyF32x4 = loadLanes(dy + at, count);
      const dxF32x4 =
        kind === GELU ? f32x4.mul(dyF32x4, geluSlope(aF32x4)) : v128.and(dyF32x4, f32x4.gt(aF32x4, f32x4.splat(0)));
      storeLanes(dx + at, dxF32x4, count);
    }
  }
}
