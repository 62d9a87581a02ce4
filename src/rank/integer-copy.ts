// Which networks have an integer copy of their catalogue, and whether it is up to date. It is made lazily: only once so many queries
// came that making it is worth while, and again after the weights changed.

import type { Network } from "../model/network.ts";
import { scannerOf } from "../wasm/scanner.ts";
import { type Catalogue, type CatalogueLayout, fillCatalogue, planCatalogue } from "./catalogue.ts";

/** Queries to one state of the weights after which a copy pays. */
const WORTH_QUERIES = 64;
/** Catalogues below this size are scored whole as fast. */
const WORTH_ITEMS = 256;
/** Widths beyond which sums of i16 products need more than i32. */
const MAX_WIDTH = 2000;

interface Copy {
  /** What the counts and the copy are of. */
  version: number;
  queries: number;
  layout?: CatalogueLayout;
  /** Undefined before it is made, null where it cannot be. */
  catalogue?: Catalogue | null;
}

const copies = new WeakMap<Network, Copy>();

/**
 * Returns the integer copy for `count` more queries, if there is to be one; nothing may be planned in the step.
 * @param encodeSome encodes some of the queries and returns their address; asked only where there are biases
 */
export function integerCopy(network: Network, count: number, encodeSome: () => number): Catalogue | undefined {
  const { items, scorer } = network;
  if (items < WORTH_ITEMS || scorer.width >= MAX_WIDTH) return undefined;
  let copy = copies.get(network);
  if (!copy || copy.version !== scorer.version) {
    copy = { version: scorer.version, queries: 0, layout: copy?.layout };
    copies.set(network, copy);
  }
  copy.queries += count;
  if (copy.catalogue !== undefined) return copy.catalogue ?? undefined;
  if (copy.queries < WORTH_QUERIES) return undefined;
  const length = network.head ? lengthOf(network, encodeSome()) : 1;
  network.releaseStep();
  if (copy.layout?.scanner !== scannerOf(network.engine)) {
    copy.layout = planCatalogue(network);
    network.keepPlanned();
  }
  copy.catalogue = fillCatalogue(network, copy.layout, length) ?? null;
  network.releaseStep();
  return copy.catalogue ?? undefined;
}

/** Length of one query. */
function lengthOf({ engine, scorer }: Network, y: number): number {
  let square = 0;
  for (const value of engine.memory.f32(y, scorer.width)) square += value * value;
  return Math.sqrt(square);
}

/** Makes a network's integer copy at once, for tests and benchmarks. */
export function forceIntegerCopy(network: Network, encodeSome: () => number): Catalogue | undefined {
  return integerCopy(network, WORTH_QUERIES, encodeSome);
}
