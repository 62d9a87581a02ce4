// What docs/results.md measures, as data: a study is one log, one protocol, and the models measured by it.

import { BASELINES } from "../../src/evaluate/baselines/index.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { PRESETS } from "../../src/model/presets/index.ts";

/** Settings as `attune compare --set` takes them; what is not named is the default. */
export type Settings = Partial<Omit<ModelConfig, "preset" | "seed">>;

/** One table. */
export interface Study {
  /** As `--data` names it, and the marker in the documents. */
  name: string;
  /** Paths below the folder that ATTUNE_DATA names. */
  data: string;
  valid?: string;
  test?: string;
  /** Of all models: the protocol, and what differs from the defaults on this log. */
  settings: Settings;
  /** Of single models; wins over `settings`. Chosen on validation. */
  own?: { readonly [model: string]: Settings };
  /** Rows of the table, in this order. */
  models: readonly string[];
  /** Each trained model runs with seeds 1 … `seeds`. */
  seeds: number;
  /** But these with seed 1 alone: their runs take ten minutes and more. */
  once?: readonly string[];
  /** Test metrics in the table; the files of the runs have all. */
  columns: readonly string[];
}

const BASELINE_NAMES = BASELINES.map(({ name }) => name);
/** The default last: it is what the others are there to be compared with. */
const PRESET_NAMES = [...PRESETS.slice(1), PRESETS[0]].map(({ name }) => name);

/** All tables. */
export const STUDIES: readonly Study[] = [
  {
    name: "ml-100k",
    data: "ml-100k/u.data.gz",
    settings: { kCore: 5 },
    models: [...BASELINE_NAMES, ...PRESET_NAMES],
    seeds: 3,
    columns: ["hr@10", "ndcg@10"],
  },
  {
    name: "ml-latest-small",
    data: "ml-latest-small/ratings.csv.gz",
    settings: { kCore: 5 },
    models: [...BASELINE_NAMES, ...PRESET_NAMES],
    seeds: 3,
    columns: ["hr@10", "ndcg@10"],
  },
  {
    name: "beauty",
    data: "beauty/Beauty.txt.gz",
    // What `rivals=auto` tells from this log, too: one loss for all models.
    settings: { batch: 128, rivals: "all" },
    own: { sasrec: { learningRate: 0.001, dropout: 0.6, window: 50 } },
    models: [...BASELINE_NAMES, ...PRESET_NAMES],
    seeds: 3,
    once: ["sasrec"],
    columns: ["hr@10", "ndcg@10"],
  },
  {
    // Customers buy again, and the lines of an invoice are in no order of choice. So a case is a customer, not a line: the last
    // one after the cut, from all before it, the rest of its invoice included; and what was bought may be recommended again.
    name: "online-retail",
    data: "online-retail/interactions.derived.tsv.gz",
    settings: { split: "temporal", targets: "last", seen: "include" },
    models: [...BASELINE_NAMES, ...PRESET_NAMES],
    seeds: 3,
    once: ["attentive-lstm"],
    columns: ["hr@10", "ndcg@10"],
  },
  {
    // HR@20 is what papers on sessions call Recall@20, as each prefix has one target. (Our recall@20 is a mean over questions: two
    // prefixes that differ by an unknown item are one question.) The test file is the day after the training file. Every tenth session of the training file validates, so that the latest
    // sessions, which are most like the test, train too.
    name: "yoochoose-100k",
    data: "yoochoose-100k/yoochoose-clicks-100k_train_full.txt.gz",
    test: "yoochoose-100k/yoochoose-clicks-100k_test.txt.gz",
    // `rivals` as in Beauty.
    settings: { split: "ratio:0.9", targets: "prefixes", seen: "include", rivals: "all" },
    models: [...BASELINE_NAMES, ...PRESET_NAMES],
    seeds: 3,
    columns: ["hr@20", "mrr@20"],
  },
];
