// evaluate(): a model measured on a log, by its own split or another.

import type { Histories } from "../data/histories.ts";
import type { ReadOptions } from "../data/read/index.ts";
import type { Cases } from "../data/split.ts";
import type { Vocabulary } from "../data/vocabulary.ts";
import { UsageError } from "../errors.ts";
import { evaluateClicks } from "../evaluate/clicks.ts";
import { ratingMeans, wantedRatings } from "../evaluate/predictions.ts";
import { DEFAULT_CUTOFFS, type Evaluation, evaluateCases } from "../evaluate/protocol.ts";
import { evaluateRatings } from "../evaluate/ratings.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import { cutClicks } from "../train/click-lesson.ts";
import type { Model } from "./model.ts";
import { prepareData, readClicks, type Source } from "./source.ts";
import type { ClickSource } from "./train.ts";

const badCutoffs = (got: unknown) =>
  new UsageError("CUTOFFS_INVALID", `cut-offs: got ${String(got)}, expected whole numbers from 1, such as 5,10,20.`);

/** How to measure. */
export interface EvaluateOptions {
  /** How events are held out. Default: as the model's own training did. */
  split?: string;
  /** The k of each metric. Default 5, 10, 20. */
  cutoffs?: readonly number[];
  /** How a path is read. */
  read?: ReadOptions;
}

/** A measured model. */
export interface EvaluationReport extends Evaluation {
  split: string;
  /** Whether the weights have seen the very targets that were asked for. */
  trainedOnTargets: boolean;
}

/**
 * Measures a model on the test part of a log. Items the model does not know are dropped from histories; as targets they are
 * misses, and a head skips them. Of click rows the last 10 % are measured, or all of them with `split: "none"`.
 * @throws UsageError for a bad option · DataError for bad data
 */
export async function evaluate(
  model: Model,
  source: Source | ClickSource,
  options: EvaluateOptions = {},
): Promise<EvaluationReport> {
  const { cutoffs = DEFAULT_CUTOFFS, read } = options;
  if (cutoffs.length === 0 || cutoffs.some((k) => !Number.isSafeInteger(k) || k < 1)) throw badCutoffs(cutoffs);
  const { network, items } = model.internals;
  const config = { ...model.config, split: options.split ?? model.config.split };
  if (config.task === "click") {
    const clicks = await readClicks(source as ClickSource, read, items);
    const rows = clicks.label.length;
    const begin = config.split === "none" ? 0 : cutClicks(rows, config.split).test;
    const evaluation = evaluateClicks(network, clicks, begin, rows);
    return { ...evaluation, split: config.split, trainedOnTargets: model.facts.refitted };
  }
  const { split } = await prepareData(source as Source, config, read);
  const { histories, cases } = inVocabulary(split.histories, split.test, items);
  if (config.task === "rating") {
    const means = ratingMeans(split.histories, split.trainLength);
    const wanted = wantedRatings(split.histories, split.test);
    const evaluation = evaluateRatings(network, histories, cases, wanted, means, split.test.target);
    return { ...evaluation, split: config.split, trainedOnTargets: model.facts.refitted };
  }
  const { log2F64 } = network.engine.kernels;
  const evaluation = evaluateCases(new NetworkRanker(network), histories, cases, config.seen, cutoffs, log2F64);
  return { ...evaluation, split: config.split, trainedOnTargets: model.facts.refitted };
}

/** Renumbers items as the model knows them; unknown ones leave histories and become target −1. */
function inVocabulary(histories: Histories, cases: Cases, items: Vocabulary): { histories: Histories; cases: Cases } {
  const known = Int32Array.from({ length: histories.items.size }, (_, item) =>
    items.indexOf(histories.items.idOf(item)),
  );
  const users = histories.offsets.length - 1;
  const offsets = new Uint32Array(users + 1);
  const item = new Uint32Array(histories.item.length);
  // How many known items stand before each event: what a prefix shrinks to.
  const knownBefore = new Uint32Array(histories.item.length + 1);
  let kept = 0;
  for (let user = 0; user < users; user++) {
    for (let event = histories.offsets[user]; event < histories.offsets[user + 1]; event++) {
      knownBefore[event] = kept;
      const index = known[histories.item[event]];
      if (index >= 0) item[kept++] = index;
    }
    offsets[user + 1] = kept;
  }
  knownBefore[histories.item.length] = kept;
  const prefix = cases.prefix.map((length, i) => {
    const user = cases.user[i];
    return knownBefore[histories.offsets[user] + length] - offsets[user];
  });
  return {
    histories: { ...histories, items, offsets, item: item.subarray(0, kept) },
    cases: { user: cases.user, prefix, target: cases.target.map((target) => (target < 0 ? -1 : known[target])) },
  };
}
