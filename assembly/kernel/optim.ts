// What     w ← w·(1 − lr·decay);  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − (lr/c₁)·m / (√v/√c₂ + ε)
//          with g the gradient times `gradientScale` (clipping), c₁ = 1 − β₁ᵗ, c₂ = 1 − β₂ᵗ.
//          adamRows: the same for some rows of a table, whose gradients stand together; the other rows stay as they are.
//          catchUp: what k steps without gradient would have done to a row: w ← w·keep − step·m / (√v/root + ε),
//          m ← β₁ᵏ·m, v ← β₂ᵏ·v; five factors a row (keep, β₁ᵏ, β₂ᵏ, step, root) say how many steps, and when.
//          squares: partial[i] = Σ g² over chunk i, for the norm that clipping needs.
// Source   Kingma & Ba, ICLR 2015; decoupled decay of Loshchilov & Hutter, ICLR 2019; order of operations of torch.optim.AdamW.
//          The sum of the k moves is closed: mₜ/√vₜ falls by β₁/√β₂ a step while c₁ and c₂ hardly change (src/train/overdue.ts).
// Shapes   w, g, m, v f32[n] · partial f64[⌈n / CHUNK⌉] · rows: w, m, v f32[V, width], g f32[rows, width], ids i32[rows],
//          factors f32[rows, 5]
// Layout   all parameters of a model as one block; alignment gaps hold zeros and stay zero.
// Writes   adam: floats [begin, end) of w, m, v overwritten, g set to zero for the next step. squares: chunks [begin, end).
//          adamRows, catchUp: rows ids[begin … end) of w, m, v overwritten, g set to zero; nothing for an id of −1. No id comes twice.
// Numerics f32, element by element; squares sum in f64, four floats at a time in order. Bound: test/assembly/optim.test.ts
// Limits   begin and end multiples of 4. βᵗ comes from TypeScript as a running product, and so do fresh₁ = 1 − β₁ and
//          fresh₂ = 1 − β₂: in f32, 1 − 0.999 is off by 1.3e-5 of itself.
// Cost     28 bytes moved a parameter.  npm run bench -- kernel

import { loadLanes, storeLanes } from "../core/v128";

/** Floats in one partial sum of squares. */
export const CHUNK: i32 = 1024;

/** Writes Σ g² of chunks [begin, end). */
export function squaresF64(begin: i32, end: i32, count: i32, g: usize, partial: usize): void {
  for (let chunk = begin; chunk < end; chunk++) {
    const last = min(count, (chunk + 1) * CHUNK);
    let sum: f64 = 0;
    for (let i = chunk * CHUNK; i < last; i++) {
      const value = <f64>load<f32>(g + ((<usize>i) << 2));
      sum += value * value;
    }
    store<f64>(partial + ((<usize>chunk) << 3), sum);
  }
}

/** Takes one AdamW step for floats [begin, end). */
export function adamF32(
  begin: i32,
  end: i32,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  learningRate: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  epsilon: f32,
  decay: f32,
  correction1: f32,
  correction2: f32,
  gradientScale: f32,
): void {
  const step = learningRate / correction1;
  const keep: f32 = 1 - learningRate * decay;
  const at = (<usize>begin) << 2;
  const count = end - begin;
  update(
    count,
    w + at,
    g + at,
    m + at,
    v + at,
    keep,
    beta1,
    fresh1,
    beta2,
    fresh2,
    epsilon,
    step,
    correction2,
    gradientScale,
  );
}

/** Takes one AdamW step for the table rows ids[begin … end). */
export function adamRowsF32(
  begin: i32,
  end: i32,
  width: i32,
  ids: usize,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  learningRate: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  epsilon: f32,
  decay: f32,
  correction1: f32,
  correction2: f32,
  gradientScale: f32,
): void {
  const step = learningRate / correction1;
  const keep: f32 = 1 - learningRate * decay;
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    if (id < 0) continue;
    const at = <usize>id * rowBytes;
    const row = g + <usize>r * rowBytes;
    update(
      width,
      w + at,
      row,
      m + at,
      v + at,
      keep,
      beta1,
      fresh1,
      beta2,
      fresh2,
      epsilon,
      step,
      correction2,
      gradientScale,
    );
  }
}

/** Takes the steps that the table rows ids[begin … end) missed. */
export function catchUpRowsF32(
  begin: i32,
  end: i32,
  width: i32,
  ids: usize,
  w: usize,
  m: usize,
  v: usize,
  factors: usize,
  epsilon: f32,
): void {
  const epsilonF32x4 = f32x4.splat(epsilon);
  const rowBytes = (<usize>width) << 2;
  for (let r = begin; r < end; r++) {
    const id = load<i32>(ids + ((<usize>r) << 2));
    if (id < 0) continue;
    const own = factors + <usize>r * 20;
    const keepF32x4 = v128.load32_splat(own);
    const beta1F32x4 = v128.load32_splat(own, 4);
    const beta2F32x4 = v128.load32_splat(own, 8);
    const stepF32x4 = v128.load32_splat(own, 12);
    const rootCorrectionF32x4 = v128.load32_splat(own, 16);
    const row = <usize>id * rowBytes;
    for (let d = 0; d < width; d += 4) {
      const at = row + ((<usize>d) << 2);
      const left = width - d;
      const mF32x4 = loadLanes(m + at, left);
      const vF32x4 = loadLanes(v + at, left);
      const rootF32x4 = f32x4.add(f32x4.div(f32x4.sqrt(vF32x4), rootCorrectionF32x4), epsilonF32x4);
      const changeF32x4 = f32x4.div(f32x4.mul(stepF32x4, mF32x4), rootF32x4);
      storeLanes(w + at, f32x4.sub(f32x4.mul(loadLanes(w + at, left), keepF32x4), changeF32x4), left);
      storeLanes(m + at, f32x4.mul(mF32x4, beta1F32x4), left);
      storeLanes(v + at, f32x4.mul(vF32x4, beta2F32x4), left);
    }
  }
}

/** Updates `count` floats that stand one after the other. */
function update(
  count: i32,
  w: usize,
  g: usize,
  m: usize,
  v: usize,
  keep: f32,
  beta1: f32,
  fresh1: f32,
  beta2: f32,
  fresh2: f32,
  epsilon: f32,
  step: f32,
  correction2: f32,
  gradientScale: f32,
): void {
  const keepF32x4 = f32x4.splat(keep);
  const beta1F32x4 = f32x4.splat(beta1);
  const beta2F32x4 = f32x4.splat(beta2);
  const fresh1F32x4 = f32x4.splat(fresh1);
  const fresh2F32x4 = f32x4.splat(fresh2);
  const stepF32x4 = f32x4.splat(step);
  const rootCorrectionF32x4 = f32x4.splat(sqrt<f32>(correction2));
  const epsilonF32x4 = f32x4.splat(epsilon);
  const scaleF32x4 = f32x4.splat(gradientScale);
  const zero = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const at = (<usize>i) << 2;
    const left = count - i;
    const gF32x4 = f32x4.mul(loadLanes(g + at, left), scaleF32x4);
    const mF32x4 = f32x4.add(f32x4.mul(beta1F32x4, loadLanes(m + at, left)), f32x4.mul(fresh1F32x4, gF32x4));
    const vF32x4 = f32x4.add(
      f32x4.mul(beta2F32x4, loadLanes(v + at, left)),
      f32x4.mul(fresh2F32x4, f32x4.mul(gF32x4, gF32x4)),
    );
    const rootF32x4 = f32x4.add(f32x4.div(f32x4.sqrt(vF32x4), rootCorrectionF32x4), epsilonF32x4);
    const changeF32x4 = f32x4.div(f32x4.mul(stepF32x4, mF32x4), rootF32x4);
    storeLanes(w + at, f32x4.sub(f32x4.mul(loadLanes(w + at, left), keepF32x4), changeF32x4), left);
    storeLanes(m + at, mF32x4, left);
    storeLanes(v + at, vF32x4, left);
    storeLanes(g + at, zero, left);
  }
}
