// Every setting that changes the weights, once: its type, range, default and help text. Presets, config files, `--set`,
// flags, the library and the model file all go through this table. Threads, paths and times are not in it: they change nothing.

import { UsageError } from "../errors.ts";

/** The effective settings of a model. Stored in its file. */
export interface ModelConfig {
  preset: string;
  embedding: number;
  hidden: number;
  layers: number;
  mixer: "recurrence" | "self-attention";
  cell: "gru" | "lstm";
  activation: "tanh" | "relu";
  heads: number;
  attentionDropout: "both" | "weights" | "output";
  residual: "none" | "add";
  norm: "none" | "pre" | "post";
  feedForward: number;
  feedForwardActivation: "gelu" | "relu";
  embeddingScale: "none" | "width";
  positions: "none" | "learned";
  interest: "none" | "learned" | "last" | "mean" | "user";
  interestDigest: string;
  itemDigest: string;
  itemTuning: "tuned" | "frozen";
  score: "dot" | "mlp" | "gaussian";
  sigma: number;
  normalize: "sequence" | "causal";
  scale: "none" | "length";
  inputNorm: "none" | "layer";
  dropout: number;
  outputDropout: number;
  initStd: number;
  batch: number;
  window: number;
  loss: "auto" | "full" | "sampled";
  negatives: number;
  rivals: "all" | "unseen" | "others" | "auto";
  prefixes: number;
  learningRate: number;
  weightDecay: number;
  clip: number;
  epochs: number;
  patience: number;
  seed: number;
  split: string;
  targets: "last" | "future" | "prefixes";
  sessionGap: number;
  kCore: number;
  minLength: number;
  duplicates: "keep" | "first" | "last" | "consecutive";
  seen: "exclude" | "include";
  task: "next" | "rating" | "click";
  features: number;
}

/** The value of `dropout` that leaves it to the data. */
export const OPEN_DROPOUT = -1;

/** One row of the table. */
export type Setting =
  /** `open` is one more value, beside the range, which leaves the setting to the data; see src/train/adapt.ts. */
  | { kind: "integer" | "number"; default: number; min: number; max: number; open?: number; help: string }
  | { kind: "choice"; default: string; choices: readonly string[]; help: string }
  | { kind: "text"; default: string; help: string };

const integer = (value: number, min: number, max: number, help: string): Setting => ({
  kind: "integer",
  default: value,
  min,
  max,
  help,
});
const number = (value: number, min: number, max: number, help: string): Setting => ({
  kind: "number",
  default: value,
  min,
  max,
  help,
});
const choice = (choices: readonly string[], help: string): Setting => ({
  kind: "choice",
  default: choices[0],
  choices,
  help,
});

/** Digest of vectors that were not supplied. */
const NO_VECTORS = "none";

/** The table of settings. The first choice of a list is its default. */
export const SETTINGS: { readonly [Key in keyof ModelConfig]: Setting } = {
  preset: { kind: "text", default: "attune", help: "name of the preset the other defaults come from" },
  embedding: integer(64, 1, 4096, "D, numbers in an item's embedding"),
  hidden: integer(64, 1, 4096, "H, numbers in the recurrent state; projected to D for scoring if different"),
  layers: integer(1, 1, 16, "blocks, one on top of the other"),
  mixer: choice(["recurrence", "self-attention"], "what mixes the steps inside a block"),
  cell: choice(["gru", "lstm"], "recurrent cell of the blocks"),
  activation: choice(["tanh", "relu"], "what squashes the cell's candidate and output; its gates stay sigmoid"),
  heads: integer(1, 1, 64, "N, heads of self-attention; must divide D"),
  attentionDropout: choice(
    ["both", "weights", "output"],
    "what self-attention drops of its own: its weights, its output before the residual, or both",
  ),
  residual: choice(["none", "add"], "add a sublayer's input to its output"),
  norm: choice(["none", "pre", "post"], "layer norm before each sublayer and at the end, or after each sublayer"),
  feedForward: integer(0, 0, 16, "feed-forward sublayer in each block, this many times H wide; 0 = none"),
  feedForwardActivation: choice(["gelu", "relu"], "activation inside the feed-forward sublayer"),
  embeddingScale: choice(["none", "width"], "multiply item embeddings by √D where they are read, not where they score"),
  positions: choice(
    ["none", "learned"],
    "add a learned position to each item, counted back from the newest of its window",
  ),
  interest: choice(
    ["none", "learned", "last", "mean", "user"],
    "the vector u that attention compares each item with; user = one per known user, the mean for others",
  ),
  interestDigest: { kind: "text", default: NO_VECTORS, help: "sha256 of supplied interests; written by attune" },
  itemDigest: { kind: "text", default: NO_VECTORS, help: "sha256 of supplied item embeddings; written by attune" },
  itemTuning: choice(
    ["tuned", "frozen"],
    "whether supplied item embeddings are trained on, or kept as they are (as output weights too)",
  ),
  score: choice(["dot", "mlp", "gaussian"], "attention score of an item and the interest"),
  sigma: number(0, 0, 1e6, "width of the gaussian score; 0 = trained, from 1"),
  normalize: choice(
    ["causal", "sequence"],
    "attention weights over the steps so far (every position trains) or over the whole history (sampled prefixes train)",
  ),
  scale: choice(["length", "none"], "multiply attention weights by the number of steps they are spread over"),
  inputNorm: choice(["none", "layer"], "layer norm on embedded items, before attention"),
  dropout: {
    ...number(0, 0, 0.95, "share of the numbers dropped in each block while training; -1 = told from the data"),
    open: OPEN_DROPOUT,
  } as Setting,
  outputDropout: number(0, 0, 0.95, "share of the numbers dropped before scoring while training"),
  initStd: number(0.02, 1e-6, 10, "standard deviation of initial embeddings and interest"),
  batch: integer(0, 0, 1_000_000, "users in a training step; 0 = told from the data, about 1,536 interactions"),
  window: integer(200, 1, 1_000_000, "steps that gradients run back through; longer histories carry their state on"),
  loss: choice(
    ["auto", "full", "sampled"],
    "cross-entropy over the whole catalogue, or over the target and sampled negatives that stand for it; auto = told from its size",
  ),
  negatives: integer(
    2048,
    1,
    1_000_000,
    "S, items sampled in each step of loss=sampled; all of them if there are fewer",
  ),
  rivals: choice(
    ["all", "unseen", "others", "auto"],
    "items that the next one is compared with in the loss: all, those the history does not hold, or all but the newest, which is then in no list; auto = told from the data",
  ),
  prefixes: integer(3, 0, 1000, "prefixes sampled per user and epoch beside the last one (normalize=sequence)"),
  learningRate: number(0.003, 0, 10, "Adam step size"),
  weightDecay: number(0, 0, 10, "decoupled weight decay (AdamW)"),
  clip: number(5, 0, 1e9, "largest norm of the whole gradient; 0 = no limit"),
  epochs: integer(100, 0, 1_000_000, "most passes over the training part"),
  patience: integer(10, 1, 1_000_000, "epochs without a better validation score before training stops"),
  seed: integer(1, 0, 4_294_967_295, "seed of every random number"),
  split: { kind: "text", default: "leave-one-out", help: "how events are held out for validation and test" },
  targets: choice(
    ["last", "future", "prefixes"],
    "what is predicted in a held-out part: its last event, every item of it from what came before, or each event from its prefix",
  ),
  sessionGap: number(
    0,
    0,
    1e12,
    "seconds without an event that end a session, each a history of its own; 0 = no sessions",
  ),
  kCore: integer(0, 0, 1_000_000, "users and items with fewer events are dropped, again and again until none is left"),
  minLength: integer(1, 1, 1_000_000, "users with fewer events are dropped"),
  duplicates: choice(["keep", "first", "last", "consecutive"], "which repeats of an item by one user stay"),
  seen: choice(["exclude", "include"], "whether items of the history may be recommended again"),
  task: choice(
    ["next", "rating", "click"],
    "what is learned: the next item, its rating, or whether a candidate is clicked",
  ),
  features: integer(0, 0, 4096, "numbers that come with each step of a sequence, for trainSequences; 0 = none"),
};

/** Settings that are younger than files that are about: what lacks them was made with their defaults. */
export const LATER_SETTINGS: ReadonlySet<string> = new Set<keyof ModelConfig>(["rivals"]);

/** Names of all settings. */
export const SETTING_NAMES = Object.keys(SETTINGS) as (keyof ModelConfig)[];

const unknownSetting = (name: string, nearest: string | undefined) =>
  new UsageError(
    "SETTING_UNKNOWN",
    `setting "${name}": unknown${nearest ? `, did you mean "${nearest}"` : ""}. Known settings: ${SETTING_NAMES.join(", ")}.`,
  );
const badValue = (name: string, got: unknown, expected: string) =>
  new UsageError("SETTING_VALUE", `setting ${name}: got ${show(got)}, expected ${expected}. Change it and run again.`);

const badCombination = (what: string, fix: string) =>
  new UsageError("SETTING_COMBINATION", `settings: ${what} do not go together. ${fix}`);

/**
 * Merges settings over the defaults of the table; later sources win. Values may be text, as from a command line.
 * @param sources preset, then config file, then flags
 * @throws UsageError `SETTING_UNKNOWN`, `SETTING_VALUE`, `SETTING_COMBINATION`
 */
export function resolveConfig(...sources: readonly { readonly [name: string]: unknown }[]): ModelConfig {
  const config: Record<string, unknown> = {};
  for (const name of SETTING_NAMES) config[name] = SETTINGS[name].default;
  for (const source of sources) {
    for (const name of Object.keys(source)) {
      if (source[name] === undefined) continue;
      if (!Object.hasOwn(SETTINGS, name)) throw unknownSetting(name, nearestName(name, SETTING_NAMES));
      config[name] = readSetting(name as keyof ModelConfig, source[name]);
    }
  }
  const resolved = config as unknown as ModelConfig;
  checkCombination(resolved);
  return resolved;
}

function checkCombination(config: ModelConfig): void {
  const { embedding, hidden, residual, norm, mixer, heads, interest, interestDigest, itemDigest, itemTuning } = config;
  for (const name of ["interestDigest", "itemDigest"] as const) {
    const digest = config[name];
    if (digest !== NO_VECTORS && !/^[0-9a-f]{64}$/.test(digest)) {
      throw badValue(name, digest, `${NO_VECTORS}, or 64 hexadecimal digits that attune wrote`);
    }
  }
  if (interestDigest !== NO_VECTORS && interest !== "user") {
    throw badCombination(`supplied interests and interest=${interest}`, "Set interest=user, or leave them out.");
  }
  if (itemDigest === NO_VECTORS && itemTuning === "frozen") {
    throw badCombination("itemTuning=frozen and no supplied item embeddings", "Give --item-vectors.");
  }
  const attends = mixer === "self-attention";
  if (embedding !== hidden && (residual === "add" || norm !== "none" || attends)) {
    const why = attends ? "mixer=self-attention" : residual === "add" ? "residual=add" : `norm=${norm}`;
    throw badCombination(
      `embedding=${embedding}, hidden=${hidden} and ${why}`,
      "Give embedding and hidden the same value.",
    );
  }
  if (config.features > 0 && config.task === "next") {
    throw badCombination(`features=${config.features} and task=next`, "Set task=click or task=rating.");
  }
  if (config.loss === "sampled" && config.task !== "next") {
    throw badCombination(`loss=sampled and task=${config.task}`, "A head ranks nothing; leave out loss.");
  }
  const { rivals } = config;
  if ((rivals === "unseen" || rivals === "others") && config.task !== "next") {
    throw badCombination(`rivals=${rivals} and task=${config.task}`, "A head ranks nothing; leave out rivals.");
  }
  if (rivals === "unseen" && config.seen === "include") {
    throw badCombination("rivals=unseen and seen=include", "Seen items would be ranked untrained; set seen=exclude.");
  }
  if (interest === "user" && config.task !== "next") {
    throw badCombination(`interest=user and task=${config.task}`, "Choose another interest, or task=next.");
  }
  if (attends && embedding % heads !== 0) {
    throw badCombination(`embedding=${embedding} and heads=${heads}`, "Choose heads that divide embedding.");
  }
  if (attends && interest !== "none") {
    throw badCombination(
      `mixer=self-attention and interest=${interest}`,
      "An interest gates a recurrence; set interest=none.",
    );
  }
}

function readSetting(name: keyof ModelConfig, value: unknown): unknown {
  const setting = SETTINGS[name];
  if (setting.kind === "text") {
    if (typeof value !== "string" || value.length === 0 || value.length > 1000)
      throw badValue(name, value, "a short text");
    return value;
  }
  if (setting.kind === "choice") {
    if (typeof value === "string" && setting.choices.includes(value)) return value;
    throw badValue(name, value, `one of ${setting.choices.join(", ")}`);
  }
  const parsed =
    typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
  const inRange =
    typeof parsed === "number" &&
    parsed >= setting.min &&
    parsed <= setting.max &&
    (setting.kind === "number" || Number.isInteger(parsed));
  const fits = inRange || (setting.open !== undefined && parsed === setting.open);
  if (!fits) {
    const kind = setting.kind === "integer" ? "a whole number" : "a number";
    throw badValue(name, value, `${kind} from ${setting.min} to ${setting.max}`);
  }
  return parsed;
}

function show(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * Returns the known name that a misspelt one is nearest to, or undefined when none is near.
 * Distance: insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...new Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j++) rows[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}
