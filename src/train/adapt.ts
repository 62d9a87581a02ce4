// Settings that are told from the data where they were left open, by one short rule each.

import type { Split } from "../data/split.ts";
import type { ModelConfig } from "../model/config.ts";

/** Interactions in a training step that learned well on dense and on sparse data sets alike; see docs/results.md. */
const STEP_INTERACTIONS = 1536;
const MIN_BATCH = 8;
const MAX_BATCH = 1024;

/**
 * Returns the config with open settings filled in: `batch` 0 becomes as many users as have about 1,536 training interactions
 * together, from 8 to 1,024. Depends on the training part alone.
 */
export function adaptConfig(config: ModelConfig, split: Split): ModelConfig {
  if (config.batch > 0) return config;
  let interactions = 0;
  let users = 0;
  for (const length of split.trainLength) {
    if (length < 2) continue;
    interactions += length;
    users++;
  }
  const mean = interactions / Math.max(1, users);
  const batch = Math.max(MIN_BATCH, Math.min(MAX_BATCH, Math.floor(STEP_INTERACTIONS / Math.max(1, mean))));
  return { ...config, batch };
}
