// Random numbers of the example: mulberry32 (Tommy Ettinger, 2017), integer arithmetic only, so that a seed gives the same shop
// on every machine.

/** A stream of random numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Draws from [0, 1), a multiple of 2⁻³². */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Draws a whole number from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** Draws an index with the given shares, which sum to 1. */
  pick(shares: ArrayLike<number>): number {
    let left = this.unit();
    let last = 0;
    for (let index = 0; index < shares.length; index++) {
      if (shares[index] === 0) continue;
      last = index;
      left -= shares[index];
      if (left < 0) break;
    }
    // Rounding may leave a trace of the unit undivided: it belongs to the last index that has a share.
    return last;
  }

  /** Shuffles a list in place (Fisher–Yates). */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
  }
}
