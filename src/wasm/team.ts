// Threads that share kernels. One leads: it plans the memory, decides what runs, and takes part in it. The others help: each has an
// instance of the module over the same memory, and takes pieces of whatever kernel the leader calls. A piece is a range of the axis
// the kernel splits by, and its bits do not depend on who runs it or how the axis was cut, so neither does anything else.
//
// A call is written on a board both sides see: the kernel's number, its numbers, where the pieces begin. Pieces are handed out by
// one word, the ticket: number of the call × 256 + next piece. Taking a piece is a compare-and-swap of that word, so a helper that
// read an older call, or comes late, takes nothing. The leader never waits for who did not come: only for pieces that were taken.

import { InternalError } from "../errors.ts";

const helperFailed = () =>
  new InternalError("KERNEL_FAILED", "kernel: a thread that shares the work stopped inside it. Please report this.");

/**
 * What a kernel splits by: the length of the axis; or, where places differ in work, the work before each place and, last, all of it
 * (falling lengths of histories, say).
 */
export type Axis = number | ArrayLike<number>;

/** Returns how many places an axis has. */
export function extentOf(axis: Axis): number {
  return typeof axis === "number" ? axis : axis.length - 1;
}

// The board, in 32-bit words. What different threads wait for lies in different cache lines.
const TICKET = 0;
const DONE = 16;
const FAILED = 32;
const KERNEL = 48;
const PIECES = 49;
const NUMBERS = 50;
const BOUNDS = 64;
const MOST_PIECES = 128;
const MOST_NUMBERS = 30;
const WORDS = BOUNDS + MOST_PIECES + 2;
const BOARD_BYTES = 4 * WORDS + 8 * MOST_NUMBERS;

/** Bits of the ticket that count pieces. */
const PIECE_BITS = 8;
const PIECE_MASK = 255;
/** A ticket from which no piece can be taken: the call before is over, the next is being written. */
const CLOSED = PIECE_MASK;
/** Pieces for each thread: several, so that one that is held up leaves the rest to the others. */
const PIECES_PER_THREAD = 4;
/** Threads a team can have. */
export const MOST_THREADS = MOST_PIECES / PIECES_PER_THREAD;

/** Makes the board of a team. */
export function createBoard(): SharedArrayBuffer {
  return new SharedArrayBuffer(BOARD_BYTES);
}

type Kernel = (begin: number, end: number, ...rest: number[]) => unknown;

/** One side's view of a board. */
class Board {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  /** Times to look before going to sleep. */
  readonly patience: number;

  constructor(shared: SharedArrayBuffer, patience: number) {
    this.words = new Int32Array(shared, 0, WORDS);
    this.numbers = new Float64Array(shared, 4 * WORDS, MOST_NUMBERS);
    this.patience = patience;
  }

  /** Takes pieces of the present call and runs them, until none is left. @returns the ticket that had none */
  work(kernels: readonly Kernel[]): number {
    const { words, numbers } = this;
    for (;;) {
      const ticket = Atomics.load(words, TICKET);
      const piece = ticket & PIECE_MASK;
      if (piece === CLOSED || piece >= words[PIECES]) return ticket;
      // What is read here belongs to this ticket if the swap succeeds: the leader closes the ticket before it writes.
      const kernel = kernels[words[KERNEL]];
      const rest = Array.from(numbers.subarray(0, words[NUMBERS]));
      const begin = words[BOUNDS + piece];
      const end = words[BOUNDS + piece + 1];
      const pieces = words[PIECES];
      if (Atomics.compareExchange(words, TICKET, ticket, ticket + 1) !== ticket) continue;
      kernel(begin, end, ...rest);
      if (Atomics.add(words, DONE, 1) + 1 === pieces) Atomics.notify(words, DONE);
    }
  }

  /** Waits while a word has a value: looks for a while, then sleeps. */
  waitWhile(word: number, value: number): void {
    const { words, patience } = this;
    for (let looks = 0; looks < patience; looks++) if (Atomics.load(words, word) !== value) return;
    while (Atomics.load(words, word) === value) Atomics.wait(words, word, value);
  }
}

/** The leader's side of a team. */
export class Team {
  readonly #board: Board;
  readonly #numberOf = new Map<string, number>();
  #kernels: Kernel[] = [];
  #call = 0;

  /**
   * @param shared the board, from `createBoard`
   * @param threads threads in the team, the leader's too
   * @param patience times to look at a word before sleeping; 0 where there are more threads than cores
   */
  constructor(
    shared: SharedArrayBuffer,
    readonly threads: number,
    patience: number,
  ) {
    this.#board = new Board(shared, patience);
  }

  /**
   * Runs a kernel over an axis, on all threads.
   * @throws InternalError `KERNEL_FAILED` when it stopped in another thread · whatever it throws in this one
   */
  share(exports: WebAssembly.Exports, kernel: string, axis: Axis, grain: number, rest: readonly number[]): void {
    if (this.#kernels.length === 0) this.#learn(exports);
    const number = this.#numberOf.get(kernel)!;
    const pieces = piecesOf(axis, grain, this.threads);
    if (pieces <= 1) {
      this.#kernels[number](0, extentOf(axis), ...rest);
      return;
    }
    const { words, numbers } = this.#board;
    const call = this.#call << PIECE_BITS;
    Atomics.store(words, TICKET, call | CLOSED);
    words[KERNEL] = number;
    words[NUMBERS] = rest.length;
    for (let i = 0; i < rest.length; i++) numbers[i] = rest[i];
    words[PIECES] = pieces;
    cut(axis, grain, pieces, words, BOUNDS);
    Atomics.store(words, DONE, 0);
    this.#call++;
    Atomics.store(words, TICKET, this.#call << PIECE_BITS);
    Atomics.notify(words, TICKET);
    this.#board.work(this.#kernels);
    for (let done = Atomics.load(words, DONE); done < pieces; done = Atomics.load(words, DONE)) {
      if (Atomics.load(words, FAILED) > 0) throw helperFailed();
      this.#board.waitWhile(DONE, done);
    }
  }

  #learn(exports: WebAssembly.Exports): void {
    const { names, kernels } = kernelList(exports);
    for (const [index, name] of names.entries()) this.#numberOf.set(name, index);
    this.#kernels = kernels;
  }
}

/**
 * Runs whatever the leader shares, for as long as the thread lives.
 * @throws whatever a kernel throws; the leader is told
 */
export function help(shared: SharedArrayBuffer, patience: number, exports: WebAssembly.Exports): never {
  const board = new Board(shared, patience);
  const { kernels } = kernelList(exports);
  try {
    for (;;) board.waitWhile(TICKET, board.work(kernels));
  } catch (error) {
    Atomics.store(board.words, FAILED, 1);
    // A change of DONE wakes the leader, who then looks at FAILED.
    Atomics.add(board.words, DONE, -MOST_PIECES);
    Atomics.notify(board.words, DONE);
    throw error;
  }
}

/** Lists the functions of a module; equal modules give equal lists, so that a number names a kernel in every thread. */
function kernelList(exports: WebAssembly.Exports): { names: string[]; kernels: Kernel[] } {
  const names = Object.keys(exports).filter((name) => typeof exports[name] === "function");
  return { names, kernels: names.map((name) => exports[name] as Kernel) };
}

/** Returns how many pieces a team makes of an axis. */
export function piecesOf(axis: Axis, grain: number, threads: number): number {
  return Math.min(Math.ceil(extentOf(axis) / grain), threads * PIECES_PER_THREAD);
}

/** Writes where `pieces` pieces of about equal work begin, multiples of `grain`, and where the last ends. */
export function cut(axis: Axis, grain: number, pieces: number, to: { [at: number]: number }, from = 0): void {
  const extent = extentOf(axis);
  const blocks = Math.ceil(extent / grain);
  let begin = 0;
  for (let piece = 0; piece < pieces; piece++) {
    to[from + piece] = begin;
    if (typeof axis === "number") {
      begin = Math.min(extent, Math.floor((blocks * (piece + 1)) / pieces) * grain);
    } else {
      const wanted = (axis[extent] * (piece + 1)) / pieces;
      while (begin < extent && axis[begin] < wanted) begin = Math.min(extent, begin + grain);
    }
  }
  to[from + pieces] = extent;
}
