// Items like an item: cosine of their embeddings. Plain f64 arithmetic in a fixed order: +, ×, ÷ and sqrt give the same bits
// everywhere.

import type { Network } from "../model/network.ts";

/** One item and its cosine. */
export interface Similarity {
  item: number;
  cosine: number;
}

/**
 * Lists the `k` items whose embeddings have the largest cosine with an item's, without the item itself; of equal ones the
 * first in item order. An embedding of zero length has cosine 0 with all.
 */
export function similarItems(network: Network, item: number, k: number): Similarity[] {
  const { engine, items, config } = network;
  const width = config.embedding;
  const table = engine.memory.f32(network.parameters.get("embedding.weight").value, items * width);
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += table[a * width + d] * table[b * width + d];
    return sum;
  };
  const own = Math.sqrt(product(item, item));
  const all: Similarity[] = [];
  for (let other = 0; other < items; other++) {
    if (other === item) continue;
    const lengths = own * Math.sqrt(product(other, other));
    all.push({ item: other, cosine: lengths > 0 ? product(item, other) / lengths : 0 });
  }
  return all.sort((a, b) => b.cosine - a.cosine || a.item - b.item).slice(0, k);
}
