// What     What reading a model file checks of every byte. fold: 16-byte blocks d become r with the same CRC-32 (from a register of 0),
//          where only the last 300 are left to look at.  finite, negative: where the first f32 that is not a number stands, or the
//          first i32 below zero.  index: a hash table over ids, which finds an id that comes twice.
// Source   x^300 + x^155 + x^117 + x^89 + 1 is a multiple of the CRC's polynomial P, and so is that of x^128, as P(x)^128 = P(x^128) over
//          GF(2): r_i = d_i + r_{i−145} + r_{i−183} + r_{i−211} + r_{i−300} divides whole blocks. Like Chorba (Russell, 2024).
// Shapes   before: the 300 blocks before (zeros at the start), then blocks u8[blocks, 16] · values f32[count] or i32[count] · bytes u8[total], id i is bytes[offsets[i] … offsets[i + 1]) ·
//          slots i32[mask + 1], 0 or a number of an id plus 1
// Layout   16-byte aligned bases; mask + 1 is a power of two above the number of ids; the caller owns all memory.
// Writes   fold: blocks in place; with more to come, the last 300 over those before. index: slots, which the caller set to zero.
// Numerics integers. Against the definitions: test/assembly/verify.test.ts
// Limits   fold: blocks ≥ 300. index: up to 2^24 ids; gives up after 16 collisions an id, so that ids made to collide cost no more.
// Cost     five loads and a store for 16 bytes; one for finite; about 20 operations an id and 5 for four of its bytes.  bench/cold.ts

const BLOCKS_LEFT: usize = 300;
/** Collisions an id may cost, on average. */
const MOST_COLLISIONS: i32 = 16;

/** A block minus what earlier ones put on it. */
function fold(at: usize): v128 {
  return v128.xor(
    v128.xor(v128.load(at), v128.load(at - 145 * 16)),
    v128.xor(v128.xor(v128.load(at - 183 * 16), v128.load(at - 211 * 16)), v128.load(at - 300 * 16)),
  );
}

/** Adds blocks before `left` to those from `left` on that stand `lag` blocks after them. */
function foldRest(left: usize, stop: usize, lag: usize): void {
  const end = min(stop, left + lag * 16);
  for (let at = left; at < end; at += 16) v128.store(at, v128.xor(v128.load(at), v128.load(at - lag * 16)));
}

/** Folds blocks into the last 300 of them, or, where more come, keeps what those will have to look back on. */
export function foldChecksum(blocks: i32, before: usize, more: i32): void {
  let at = before + BLOCKS_LEFT * 16;
  const stop = at + ((<usize>blocks) << 4);
  const left = more ? stop : stop - BLOCKS_LEFT * 16;
  for (; at + 64 <= left; at += 64) {
    v128.store(at, fold(at));
    v128.store(at, fold(at + 16), 16);
    v128.store(at, fold(at + 32), 32);
    v128.store(at, fold(at + 48), 48);
  }
  for (; at < left; at += 16) v128.store(at, fold(at));
  if (more) {
    memory.copy(before, stop - BLOCKS_LEFT * 16, BLOCKS_LEFT * 16);
    return;
  }
  foldRest(left, stop, 145);
  foldRest(left, stop, 183);
  foldRest(left, stop, 211);
  foldRest(left, stop, 300);
}

/** Returns where the first value stands that is infinite or NaN; `count` if there is none. */
export function firstNotFiniteF32(count: i32, values: usize): i32 {
  const exponent = i32x4.splat(0x7f800000);
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const at = values + ((<usize>i) << 2);
    const low = i32x4.eq(v128.and(v128.load(at), exponent), exponent);
    const high = i32x4.eq(v128.and(v128.load(at, 16), exponent), exponent);
    if (v128.any_true(v128.or(low, high))) break;
  }
  for (; i < count; i++) {
    if ((load<i32>(values + ((<usize>i) << 2)) & 0x7f800000) === 0x7f800000) break;
  }
  return i;
}

/** Returns where the first value below zero stands; `count` if there is none. */
export function firstNegativeI32(count: i32, values: usize): i32 {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    if (i32x4.bitmask(v128.load(values + ((<usize>i) << 2))) !== 0) break;
  }
  for (; i < count; i++) {
    if (load<i32>(values + ((<usize>i) << 2)) < 0) break;
  }
  return i;
}

/** Hashes bytes, four at a time; src/format/ids.ts does the same. */
function hashBytes(at: usize, end: usize): u32 {
  let hash: u32 = 0x9e3779b1 ^ <u32>(end - at);
  for (; at + 4 <= end; at += 4) {
    hash = (hash ^ load<u32>(at)) * 0x85ebca6b;
    hash ^= hash >> 15;
  }
  for (; at < end; at++) {
    hash = (hash ^ <u32>load<u8>(at)) * 0x85ebca6b;
    hash ^= hash >> 15;
  }
  return hash;
}

/**
 * Fills `slots` with ids 0 … count − 1. Returns `count`, or less if an id comes twice, is not within the bytes, starts in the middle of a
 * UTF-8 character, or collides too often.
 */
export function indexIds(count: i32, total: i32, offsets: usize, bytes: usize, mask: i32, slots: usize): i32 {
  let collisions = MOST_COLLISIONS * count;
  let start = load<i32>(offsets);
  for (let i = 0; i < count; i++) {
    const end = load<i32>(offsets + ((<usize>i) << 2), 4);
    if (start < 0 || end < start || end > total) return i;
    const own = bytes + <usize>start;
    const length = <usize>(end - start);
    if (length > 0 && (load<u8>(own) & 0xc0) === 0x80) return i;
    let slot = <i32>hashBytes(own, own + length) & mask;
    while (true) {
      const at = slots + ((<usize>slot) << 2);
      const other = load<i32>(at);
      if (other === 0) {
        store<i32>(at, i + 1);
        break;
      }
      const otherAt = offsets + ((<usize>(other - 1)) << 2);
      const from = <usize>load<u32>(otherAt);
      if (<usize>load<u32>(otherAt, 4) - from === length && memory.compare(bytes + from, own, length) === 0) return i;
      if (--collisions < 0) return i;
      slot = (slot + 1) & mask;
    }
    start = end;
  }
  return count;
}
