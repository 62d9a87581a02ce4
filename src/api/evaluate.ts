// evaluate(): a model measured on a log, by its own split or another.

import type { Histories } from "../data/histories.ts";
import type { ReadOptions } from "../data/read/index.ts";
import type { Cases } from "../data/split.ts";
import type { Ids } from "../data/vocabulary.ts";
import { quote } from "../data/words.ts";
import { UsageError } from "../errors.ts";
import { evaluateClicks } from "../evaluate/clicks.ts";
import { ratingMeans, wantedRatings } from "../evaluate/predictions.ts";
import { DEFAULT_CUTOFFS, type Evaluation, evaluateCases } from "../evaluate/protocol.ts";
import { evaluateRatings } from "../evaluate/ratings.ts";
import type { ModelConfig } from "../model/config.ts";
import { NetworkRanker } from "../rank/network-ranker.ts";
import { cutClicks } from "../train/click-lesson.ts";
import { userRowsOf } from "../train/users.ts";
import type { Model } from "./model.ts";
import { type PreparedData, prepareData, readClicks, type Source } from "./source.ts";
import type { ClickSource } from "./train.ts";

const badCutoffs = (got: unknown) =>
  new UsageError("CUTOFFS_INVALID", `cut-offs: got ${String(got)}, expected whole numbers from 1, such as 5,10,20.`);
const splitBesideTest = (rule: string) =>
  new UsageError(
    "SPLIT_AND_TEST",
    `split: got ${quote(rule)} beside a test source, expected none, as all of the data comes before it. Leave one of them out.`,
  );

/** How to measure. */
export interface EvaluateOptions {
  /** How events are held out. Default: as the model's own training did. */
  split?: string;
  /** What is predicted in a held-out part. Default: as the model's own training did. */
  targets?: ModelConfig["targets"];
  /** What to measure, from a source of its own: the data is then what its known users did before. */
  test?: Source;
  /** The k of each metric. Default 5, 10, 20. */
  cutoffs?: readonly number[];
  /** How a path is read. */
  read?: ReadOptions;
  /** Called once the data is read, before it is measured; not for click rows. */
  onData?: (data: PreparedData, config: ModelConfig) => void;
}

/** A measured model. */
export interface EvaluationReport extends Evaluation {
  split: string;
  targets: ModelConfig["targets"];
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
  const { cutoffs = DEFAULT_CUTOFFS, test, read } = options;
  if (cutoffs.length === 0 || cutoffs.some((k) => !Number.isSafeInteger(k) || k < 1)) throw badCutoffs(cutoffs);
  const { network, items, users } = model.internals;
  const { targets = model.config.targets, split: rule = test === undefined ? model.config.split : "none" } = options;
  if (test !== undefined && rule !== "none") throw splitBesideTest(rule);
  const config = { ...model.config, split: rule, targets };
  const how = { split: rule, targets, trainedOnTargets: model.facts.refitted };
  if (config.task === "click") {
    const clicks = await readClicks(source as ClickSource, read, items);
    const rows = clicks.label.length;
    const begin = rule === "none" ? 0 : cutClicks(rows, rule).test;
    return { ...evaluateClicks(network, clicks, begin, rows), ...how };
  }
  const data = await prepareData(source as Source, config, read, { test }, items);
  options.onData?.(data, config);
  const { split } = data;
  const { histories, cases } = inVocabulary(split.histories, split.test, items);
  if (config.task === "rating") {
    const means = ratingMeans(split.histories, split.trainLength);
    const wanted = wantedRatings(split.histories, split.test);
    return { ...evaluateRatings(network, histories, cases, wanted, means, split.test.target), ...how };
  }
  const { log2F64 } = network.engine.kernels;
  const ranker = new NetworkRanker(network, userRowsOf(users, histories.userIds));
  const evaluation = evaluateCases(ranker, histories, cases, config.seen, cutoffs, log2F64);
  return { ...evaluation, ...how };
}

/** Renumbers items as the model knows them; unknown ones leave histories and become target −1. */
function inVocabulary(histories: Histories, cases: Cases, items: Ids): { histories: Histories; cases: Cases } {
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
