// What     w ← w·(1 − lr·decay);  m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  w ← w − (lr/c₁)·m / (√v/√c₂ + ε)
//          with g the gradient times `gradientScale` (clipping), c₁ = 1 − β₁ᵗ, c₂ = 1 − β₂ᵗ.
//          squares: partial[i] = Σ g² over chunk i, for the norm that clipping needs.
// Source   Kingma & Ba, ICLR 2015; decoupled decay of Loshchilov & Hutter, ICLR 2019; order of operations of torch.optim.AdamW.
// Shapes   w, g, m, v f32[n] · partial f64[⌈n / CHUNK⌉]
// Layout   all parameters of a model as one block; alignment gaps hold zeros and stay zero.
// Writes   adam: floats [begin, end) of w, m, v overwritten, g set to zero for the next step. squares: chunks [begin, end).
// Numerics f32, element by element; squares sum in f64, four floats at a time in order. Bound: test/assembly/optim.test.ts
// Limits   begin and end multiples of 4. βᵗ comes from TypeScript as a running product, and so do fresh₁ = 1 − β₁ and
//          fresh₂ = 1 − β₂: in f32, 1 − 0.999 is off by 1.3e-5 of itself.
// Cost     28 bytes moved a parameter.  npm run bench -- kernel

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
  const keepF32x4 = f32x4.splat(1 - learningRate * decay);
  const beta1F32x4 = f32x4.splat(beta1);
  const beta2F32x4 = f32x4.splat(beta2);
  const fresh1F32x4 = f32x4.splat(fresh1);
  const fresh2F32x4 = f32x4.splat(fresh2);
  const stepF32x4 = f32x4.splat(learningRate / correction1);
  const rootCorrectionF32x4 = f32x4.splat(sqrt<f32>(correction2));
  const epsilonF32x4 = f32x4.splat(epsilon);
  const scaleF32x4 = f32x4.splat(gradientScale);
  const zero = f32x4.splat(0);
  for (let i = begin; i < end; i += 4) {
    const at = (<usize>i) << 2;
    const gF32x4 = f32x4.mul(v128.load(g + at), scaleF32x4);
    const mF32x4 = f32x4.add(f32x4.mul(beta1F32x4, v128.load(m + at)), f32x4.mul(fresh1F32x4, gF32x4));
    const vF32x4 = f32x4.add(
      f32x4.mul(beta2F32x4, v128.load(v + at)),
      f32x4.mul(fresh2F32x4, f32x4.mul(gF32x4, gF32x4)),
    );
    const rootF32x4 = f32x4.add(f32x4.div(f32x4.sqrt(vF32x4), rootCorrectionF32x4), epsilonF32x4);
    const changeF32x4 = f32x4.div(f32x4.mul(stepF32x4, mF32x4), rootF32x4);
    v128.store(w + at, f32x4.sub(f32x4.mul(v128.load(w + at), keepF32x4), changeF32x4));
    v128.store(m + at, mF32x4);
    v128.store(v + at, vF32x4);
    v128.store(g + at, zero);
  }
}
