/** Random numbers for tests: a function of the seed alone, the same on every machine. */

import type { Matrix, Vector } from "./tensor.ts";

/** A stream of random numbers. */
export interface Random {
  /** Draws a number from [0, 1). */
  unit(): number;
  /** Draws a whole number from [least, most], both included. */
  integer(least: number, most: number): number;
  /** Draws one of the choices. */
  choose<Choice>(choices: readonly Choice[]): Choice;
  /** Draws `length` numbers from [−bound, bound). */
  vector(length: number, bound?: number): Vector;
  /** Draws rows of numbers from [−bound, bound). */
  matrix(rows: number, columns: number, bound?: number): Matrix;
}

/** Starts the stream of a seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed | 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (least: number, most: number): number => least + Math.floor(unit() * (most - least + 1));
  const vector = (length: number, bound = 1): Vector => Array.from({ length }, () => (unit() * 2 - 1) * bound);
  return {
    unit,
    integer,
    choose: (choices) => choices[integer(0, choices.length - 1)],
    vector,
    matrix: (rows, columns, bound = 1) => Array.from({ length: rows }, () => vector(columns, bound)),
  };
}

/** Runs a check for seeds first … first + count − 1; a failure names its seed. */
export function forSeeds(count: number, check: (random: Random, seed: number) => void, first = 1): void {
  for (let seed = first; seed < first + count; seed++) {
    try {
      check(randomOf(seed), seed);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}, seed ${seed}`, { cause: error });
    }
  }
}
