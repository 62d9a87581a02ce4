// Settings that are told from the data where they were left open, by one short rule each.

import type { Split } from "../data/split.ts";
import type { ModelConfig } from "../model/config.ts";

/** Interactions in a training step that learned well on dense and on sparse data sets alike; see docs/results.md. */
const STEP_INTERACTIONS = 1536;
/** Steps an epoch should have, so that small logs are not trained in a handful of them. */
const EPOCH_STEPS = 32;

/**
 * Returns the config with open settings filled in: `batch` 0 becomes as many users as have about 1,536 training interactions
 * together, and no more than leave 32 steps in an epoch. Depends on the training part alone.
 */
export function adaptConfig(config: ModelConfig, split: Pick<Split, "trainLength">): ModelConfig {
  if (config.batch > 0) return config;
  let interactions = 0;
  let users = 0;
  for (const length of split.trainLength) {
    if (length < 2) continue;
    interactions += length;
    users++;
  }
  const mean = interactions / Math.max(1, users);
  const batch = Math.max(1, Math.floor(Math.min(STEP_INTERACTIONS / Math.max(1, mean), users / EPOCH_STEPS)));
  return { ...config, batch };
}
