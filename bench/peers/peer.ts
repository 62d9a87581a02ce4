// What attune is measured against, installed in this folder's parent apart from everything else.

import { createRequire } from "node:module";

/** The best k of each row, best first, f32 and i32 of [rows, k]. */
export interface Lists {
  scores: Float32Array;
  items: ArrayLike<number | bigint>;
}

/** A runtime with a model's weights. */
export interface Peer {
  name: string;
  /** How it was set up, for the report. */
  setup: string;
  /** Ranks encoded queries, f32[rows, width]. */
  rank(queries: Float32Array, rows: number): Promise<Lists>;
  /** Answers requests: item indices, i32[steps, rows]. */
  answer(ids: Int32Array, rows: number): Promise<Lists>;
}

// build/ and bench/ are both one folder below the root.
const require = createRequire(new URL("../bench/package.json", import.meta.url));

/** Loads a package of bench/; undefined where it is not installed. */
export function peerPackage<T>(name: string): { module: T; folder: string } | undefined {
  try {
    return { module: require(name), folder: require.resolve(name).replace(/[^/\\]*$/, "") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    return undefined;
  }
}
