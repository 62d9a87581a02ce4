// Vector helpers shared by every kernel: horizontal reductions in one fixed order, and partial loads and stores for the
// last 1–3 floats of a row, so that a tail runs through the same arithmetic as a full vector.

/** Adds the four lanes as (l0 + l1) + (l2 + l3). */
export function sumF32x4(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Returns the largest lane; NaN wins, as in `f32.max`. */
export function maxF32x4(v: v128): f32 {
  return max<f32>(
    max<f32>(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max<f32>(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** Loads `count` (1–3) floats into the low lanes and zero into the others. */
export function loadTail(at: usize, count: i32): v128 {
  if (count === 1) return v128.load32_zero(at);
  const low = v128.load64_zero(at);
  return count === 2 ? low : v128.load_lane<f32>(at + 8, low, 2);
}

/** Stores the `count` (1–3) low lanes. */
export function storeTail(at: usize, v: v128, count: i32): void {
  v128.store_lane<f32>(at, v, 0);
  if (count > 1) v128.store_lane<f32>(at + 4, v, 1);
  if (count > 2) v128.store_lane<f32>(at + 8, v, 2);
}

/** Loads up to four floats, `count` or as many as fit; lanes beyond are zero, and count may be zero or less. */
export function loadLanes(at: usize, count: i32): v128 {
  if (count >= 4) return v128.load(at);
  return count > 0 ? loadTail(at, count) : f32x4.splat(0);
}

/** Stores up to four floats, `count` or as many as fit. */
export function storeLanes(at: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(at, v);
  else if (count > 0) storeTail(at, v, count);
}

/** Returns Σ a[i]·b[i] over `length` floats: four lane sums, added as in `sumF32x4`. */
export function dotF32(a: usize, b: usize, length: i32): f32 {
  let sumF32 = f32x4.splat(0);
  const full = length & ~3;
  for (let i = 0; i < full; i += 4) {
    sumF32 = f32x4.add(sumF32, f32x4.mul(v128.load(a + ((<usize>i) << 2)), v128.load(b + ((<usize>i) << 2))));
  }
  const rest = length - full;
  if (rest > 0) {
    const at = (<usize>full) << 2;
    sumF32 = f32x4.add(sumF32, f32x4.mul(loadTail(a + at, rest), loadTail(b + at, rest)));
  }
  return sumF32x4(sumF32);
}

/** Whether all of `length` floats are zero. */
export function isZeroF32(at: usize, length: i32): bool {
  const end = at + ((<usize>length) << 2);
  for (; at < end; at += 16) {
    if (v128.any_true(f32x4.ne(loadLanes(at, <i32>(end - at) >> 2), f32x4.splat(0)))) return false;
  }
  return true;
}

/** Adds factor·x[i] to y[i] for `length` floats. */
export function addScaledF32(y: usize, x: usize, factor: f32, length: i32): void {
  const factorF32x4 = f32x4.splat(factor);
  const full = length & ~3;
  for (let i = 0; i < full; i += 4) {
    const at = (<usize>i) << 2;
    v128.store(y + at, f32x4.add(v128.load(y + at), f32x4.mul(factorF32x4, v128.load(x + at))));
  }
  const rest = length - full;
  if (rest > 0) {
    const at = (<usize>full) << 2;
    storeTail(y + at, f32x4.add(loadTail(y + at, rest), f32x4.mul(factorF32x4, loadTail(x + at, rest))), rest);
  }
}

/** Returns (w·x + bias) + (product + productBias) for up to four lanes: what a gate sees before its activation. */
export function preactivation(x: usize, w: v128, bias: usize, product: usize, productBias: usize, count: i32): v128 {
  return f32x4.add(
    f32x4.add(f32x4.mul(w, loadLanes(x, count)), loadLanes(bias, count)),
    f32x4.add(loadLanes(product, count), loadLanes(productBias, count)),
  );
}
