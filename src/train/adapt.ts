// Settings that are told from the data where they were left open, by one short rule each. What comes out is printed and stored.

import type { Histories } from "../data/histories.ts";
import type { Split } from "../data/split.ts";
import { type ModelConfig, OPEN_DROPOUT } from "../model/config.ts";

/** Interactions in a training step that learned well on dense and on sparse data sets alike; see docs/results.md. */
const STEP_INTERACTIONS = 1536;
/** Steps an epoch should have, so that small logs are not trained in a handful of them. */
const EPOCH_STEPS = 32;
/** Mean training events of a user from which on data counts as dense. */
const DENSE_EVENTS = 40;
const DENSE_DROPOUT = 0.3;
const SPARSE_DROPOUT = 0.5;
/** Share of steps that repeat an item from which on a model has to be able to recommend the newest item. */
const LEAST_REPEATS = 0.02;
/** Items up to which the loss is over the whole catalogue. */
const FULL_LOSS_ITEMS = 20_000;

/** What settings are told from; histories of users who rank nothing may be left out. */
type TrainingPart = Pick<Split, "trainLength"> & Partial<Pick<Split, "histories">>;

/**
 * Returns the config with open settings filled in, from the training part alone.
 *
 * - `batch` 0 becomes as many users as have about 1,536 training interactions together, and no more than leave 32 steps in an epoch.
 * - `dropout` -1 becomes .3 where users have 40 training events or more on average, .5 where they have fewer: the less there is of
 *   a user, the more there is to overfit.
 * - `rivals` auto becomes unseen where seen items are excluded from lists and users have 40 training events or more: there, what they
 *   have seen would take much of the softmax. Of short histories it takes little, and seen items are worth more as hard negatives.
 *   Where seen items may be listed, it becomes others if fewer than 2 % of the training steps repeat the item before: a residual model
 *   is slow to learn that, of all items, the one it has just read is not next. Not where every later item is a target.
 * - `loss` auto becomes full for up to 20,000 items, and sampled for more, where it is what a step spends its time on.
 * @param items V of the training part
 */
export function adaptConfig(config: ModelConfig, split: TrainingPart, items: number): ModelConfig {
  let interactions = 0;
  let users = 0;
  for (const length of split.trainLength) {
    if (length < 2) continue;
    interactions += length;
    users++;
  }
  const mean = interactions / Math.max(1, users);
  const batch = Math.max(1, Math.floor(Math.min(STEP_INTERACTIONS / Math.max(1, mean), users / EPOCH_STEPS)));
  const isDense = mean >= DENSE_EVENTS;
  const dropout = isDense ? DENSE_DROPOUT : SPARSE_DROPOUT;
  const loss = config.task === "next" && items > FULL_LOSS_ITEMS ? "sampled" : "full";
  return {
    ...config,
    batch: config.batch > 0 ? config.batch : batch,
    dropout: config.dropout === OPEN_DROPOUT ? dropout : config.dropout,
    loss: config.loss === "auto" ? loss : config.loss,
    rivals: config.rivals === "auto" ? rivalsFor(config, split, isDense) : config.rivals,
  };
}

function rivalsFor(
  { task, seen, targets }: ModelConfig,
  { trainLength, histories }: TrainingPart,
  isDense: boolean,
): ModelConfig["rivals"] {
  if (task !== "next") return "all";
  if (seen === "exclude") return isDense ? "unseen" : "all";
  if (targets === "future" || !histories) return "all";
  return repeatShare(histories, trainLength) < LEAST_REPEATS ? "others" : "all";
}

/** Returns the share of training steps whose item is that of the step before. */
function repeatShare({ offsets, item }: Histories, trainLength: Uint32Array): number {
  let steps = 0;
  let repeats = 0;
  for (const [user, length] of trainLength.entries()) {
    for (let i = offsets[user] + 1; i < offsets[user] + length; i++) {
      steps++;
      if (item[i] === item[i - 1]) repeats++;
    }
  }
  return repeats / Math.max(1, steps);
}
