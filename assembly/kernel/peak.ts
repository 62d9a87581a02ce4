// What     The most multiply-adds a thread can do on vectors of 128 bits: y[p] = the sum, `rounds` times over, of x·s_0 … x·s_3.
//          Not a layer: the yardstick that benchmarks hold the others against, on the same threads.
// Source   the roof of a roofline (Williams, Waterman, Patterson 2009), without fused multiply-add, which fixed-width SIMD has not.
// Shapes   x f32[512, 4], 512 vectors of 4 lanes · s f32[4] · y f32[places, 4]
// Layout   16-byte aligned bases; x, 8 KiB, stays in the first-level cache.
// Writes   places [begin, end) of y, overwritten.
// Numerics f32; a place is the sum of 8 sums, each over 256 vectors a round, added in order. Bits depend on neither share nor thread.
// Limits   rounds from 1.
// Cost     rounds·16,384 flops a place: the tile of gemm.ts with all but two of its loads left out, so nothing is left to wait for.
//          npm run bench -- kernel

const X_BYTES: usize = 8192;

/** Multiplies and adds as fast as the machine can; a place of the axis is `rounds`·16,384 flops. */
export function multiplyAddF32(begin: i32, end: i32, rounds: i32, x: usize, s: usize, y: usize): void {
  const s0 = v128.load32_splat(s);
  const s1 = v128.load32_splat(s, 4);
  const s2 = v128.load32_splat(s, 8);
  const s3 = v128.load32_splat(s, 12);
  const xEnd = x + X_BYTES;
  for (let place = begin; place < end; place++) {
    let y00 = f32x4.splat(0);
    let y01 = y00;
    let y10 = y00;
    let y11 = y00;
    let y20 = y00;
    let y21 = y00;
    let y30 = y00;
    let y31 = y00;
    for (let round = 0; round < rounds; round++) {
      for (let at = x; at < xEnd; at += 32) {
        const x0 = v128.load(at);
        const x1 = v128.load(at, 16);
        y00 = f32x4.add(y00, f32x4.mul(x0, s0));
        y01 = f32x4.add(y01, f32x4.mul(x1, s0));
        y10 = f32x4.add(y10, f32x4.mul(x0, s1));
        y11 = f32x4.add(y11, f32x4.mul(x1, s1));
        y20 = f32x4.add(y20, f32x4.mul(x0, s2));
        y21 = f32x4.add(y21, f32x4.mul(x1, s2));
        y30 = f32x4.add(y30, f32x4.mul(x0, s3));
        y31 = f32x4.add(y31, f32x4.mul(x1, s3));
      }
    }
    const a = f32x4.add(f32x4.add(y00, y01), f32x4.add(y10, y11));
    const b = f32x4.add(f32x4.add(y20, y21), f32x4.add(y30, y31));
    v128.store(y + ((<usize>place) << 4), f32x4.add(a, b));
  }
}
