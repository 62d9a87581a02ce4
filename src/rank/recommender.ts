// From the caller's ids to recommendations: the same code behind the library, the command line and the edge entry.

import type { Ids } from "../data/vocabulary.ts";
import { UsageError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import { NO_USER } from "../model/example.ts";
import type { Network } from "../model/network.ts";
import { NetworkRanker } from "./network-ranker.ts";
import { predictPairs } from "./predictor.ts";
import type { Query } from "./ranker.ts";
import { ItemFilter, type Restrictions } from "./restrictions.ts";
import { similarItems } from "./similar.ts";

const DEFAULT_K = 10;

const badK = (got: unknown) =>
  new UsageError("K_INVALID", `k: got ${String(got)}, expected a whole number from 1. Ask for at least one item.`);
const badHistory = () =>
  new UsageError(
    "HISTORY_INVALID",
    "history: expected an array of item ids as strings, oldest first. Convert the ids.",
  );
const badHistories = () =>
  new UsageError(
    "HISTORY_INVALID",
    "histories: expected an array of histories, each an array of item ids. Wrap a single one.",
  );
const unknownOption = (name: string, known: readonly string[]) =>
  new UsageError("OPTION_UNKNOWN", `option "${name}": unknown, expected one of ${known.join(", ")}. Correct its name.`);
const noUsers = (interest: string) =>
  new UsageError(
    "MODEL_WITHOUT_USERS",
    `user: the model knows no users (interest=${interest}), expected none to be named. Leave it out, or train with interest=user.`,
  );
const badUser = (got: unknown) =>
  new UsageError("USER_INVALID", `user: got ${String(got)}, expected a user id as a string. Convert the id.`);
const badUsers = (got: unknown, histories: number) =>
  new UsageError(
    "USERS_INVALID",
    `users: got ${Array.isArray(got) ? `${got.length} of them` : String(got)}, expected an array with a user id or null ` +
      `for each of the ${histories} histories. Give one for each.`,
  );
const unknownItem = (id: string) =>
  new UsageError(
    "ITEM_UNKNOWN",
    `item ${JSON.stringify(id.slice(0, 60))}: the model does not know it. Ask for an item of the log it was trained on.`,
  );
const noHead = () =>
  new UsageError(
    "TASK_HAS_NO_PREDICTION",
    "predict: the model ranks next items, expected one of task rating or click. Train with --task rating or --task click.",
  );
const disposed = () => new UsageError("MODEL_DISPOSED", "model: used after dispose(). Load it again.");

/** One recommended item. */
export interface Recommendation {
  id: string;
  /** Score of the model: a logit, a rating or a probability of a click; for popular items, their share of the training events. */
  score: number;
}

/** Everything there is to say about one request. */
export interface Answer {
  /** Best first: by score, and of equal scores by item order. */
  items: Recommendation[];
  /**
   * The weights that gated the recurrence at each known item of the history, oldest first, as shares of 1; null for models
   * without attention. With `normalize=causal` each was set when its item came, against the items up to it.
   */
  explanation: { id: string; weight: number }[] | null;
  /** Ids of the history the model does not know, in order; they were skipped. */
  unknown: string[];
  /** Whether nothing of the history was known, so that the items are the most popular ones. */
  popular: boolean;
  /** Whether the user that was named has an interest of its own; left out where none was named. */
  userKnown?: boolean;
}

/** How to recommend. */
export interface RecommendOptions extends Restrictions {
  /** Most items to list, from 1; fewer come where the catalogue ends. Default 10. */
  k?: number;
  /** Whether items of the history may be listed. Default: what the model was trained for. */
  includeSeen?: boolean;
  /**
   * Whose history it is, for a model with `interest=user`. A user it knows has an interest of its own; for any other, and
   * where none is named, it is the mean of the history. It directs the attention and says nothing without a history.
   */
  user?: string;
}

/** How to recommend after many histories. */
export interface BatchOptions extends Omit<RecommendOptions, "user"> {
  /** The user of each history, or null; see `user` of `recommend`. */
  users?: readonly (string | null | undefined)[];
}

const SHARED_OPTIONS = ["k", "includeSeen", "allow", "deny", "candidates"];
const OPTIONS: readonly string[] = [...SHARED_OPTIONS, "user"];
const BATCH_OPTIONS: readonly string[] = [...SHARED_OPTIONS, "users"];

/** What a recommender is made of. */
export interface RecommenderParts {
  network: Network;
  items: Ids;
  /** Users with an interest of their own; undefined unless `interest=user`. */
  users?: Ids;
  /** Training events per item, i32[V]. */
  counts: Int32Array;
}

/** Recommends from a trained network. */
export class Recommender {
  #parts: RecommenderParts | undefined;
  #byPopularity: Int32Array | undefined;

  constructor(parts: RecommenderParts) {
    this.#parts = parts;
  }

  /** The model's effective settings. */
  get config(): ModelConfig {
    return this.parts.network.config;
  }

  /** Network, ids and counts. @throws UsageError `MODEL_DISPOSED` */
  protected get parts(): RecommenderParts {
    if (!this.#parts) throw disposed();
    return this.#parts;
  }

  /**
   * Lists the items most likely to come next after a history of item ids, oldest first. Ids the model does not know are
   * skipped; if none is known, the most popular items are listed.
   * @throws UsageError `K_INVALID`, `HISTORY_INVALID`, `IDS_INVALID`, `OPTION_UNKNOWN`, `USER_INVALID`,
   * `MODEL_WITHOUT_USERS`, `MODEL_DISPOSED`
   */
  recommend(history: readonly string[], options: RecommendOptions = {}): Recommendation[] {
    return this.#answerOne(history, options).items;
  }

  /**
   * Like `recommend` for many histories in one pass; the answers have the same bits as one by one.
   * @throws UsageError as `recommend`, and `USERS_INVALID`
   */
  recommendBatch(histories: readonly (readonly string[])[], options: BatchOptions = {}): Recommendation[][] {
    checkOptions(options, BATCH_OPTIONS);
    const { users = [], ...shared } = options;
    const isList: boolean = Array.isArray(histories);
    if (!isList) throw badHistories();
    if (!Array.isArray(users) || (options.users && users.length !== histories.length)) {
      throw badUsers(users, histories.length);
    }
    return this.#answerBatch(histories, users, shared).map((answer) => answer.items);
  }

  /** Like `recommend`, with the attention paid to the history and the ids that were skipped. */
  answer(history: readonly string[], options: RecommendOptions = {}): Answer {
    const answer = this.#answerOne(history, options);
    const known = this.#known(history);
    if (known.length > 0) answer.explanation = this.#explain(known, this.#userRow(options.user) ?? NO_USER);
    return answer;
  }

  /**
   * Lists the items most like an item: largest cosine of their embeddings first, which is the score.
   * @throws UsageError `ITEM_UNKNOWN`, `K_INVALID`, `MODEL_DISPOSED`
   */
  similar(id: string, options: Pick<RecommendOptions, "k"> = {}): Recommendation[] {
    const { network, items } = this.parts;
    const { k = DEFAULT_K } = options;
    if (!Number.isSafeInteger(k) || k < 1) throw badK(k);
    const item = items.indexOf(id);
    if (item < 0) throw unknownItem(String(id));
    return similarItems(network, item, k).map(({ item: other, cosine }) => ({ id: items.idOf(other), score: cosine }));
  }

  /**
   * Predicts the rating a user with this history would give an item, or the probability of a click on it. Ids of the history the
   * model does not know are skipped; if none is known, the item alone decides.
   * @throws UsageError `TASK_HAS_NO_PREDICTION` for a model that ranks next items, `ITEM_UNKNOWN`, `HISTORY_INVALID`, `MODEL_DISPOSED`
   */
  predict(history: readonly string[], item: string): number {
    const { network, items } = this.parts;
    if (!network.head) throw noHead();
    const index = items.indexOf(item);
    if (index < 0) throw unknownItem(String(item));
    return predictPairs(network, [{ history: this.#known(history), item: index }])[0];
  }

  /** Frees the model's memory; using it afterwards throws `MODEL_DISPOSED`. */
  dispose(): void {
    this.#parts = undefined;
    this.#byPopularity = undefined;
  }

  #answerOne(history: readonly string[], options: RecommendOptions): Answer {
    checkOptions(options, OPTIONS);
    const { user, ...shared } = options;
    return this.#answerBatch([history], [user], shared)[0];
  }

  #answerBatch(
    histories: readonly (readonly string[])[],
    users: readonly (string | null | undefined)[],
    options: Omit<RecommendOptions, "user">,
  ): Answer[] {
    const { network, items } = this.parts;
    const { k = DEFAULT_K, includeSeen = this.config.seen === "include" } = options;
    if (!Number.isSafeInteger(k) || k < 1) throw badK(k);
    const filter = new ItemFilter(options, items, includeSeen);
    const answers: Answer[] = [];
    const queries: Query[] = [];
    const asked: number[] = [];
    for (const [index, history] of histories.entries()) {
      const known = this.#known(history);
      const unknown = history.filter((id) => items.indexOf(id) < 0);
      const popular = known.length === 0;
      const user = this.#userRow(users[index]);
      const answer: Answer = { items: popular ? this.#popular(k, filter) : [], explanation: null, unknown, popular };
      if (user !== undefined) answer.userKnown = user !== NO_USER;
      answers.push(answer);
      if (popular) continue;
      queries.push({ user, history: known, excluded: filter.excludedFor(known) });
      asked.push(index);
    }
    const lists = new NetworkRanker(network).topK(queries, k, filter.barred);
    for (const [position, list] of lists.entries()) {
      const ids = Array.from(list.items, (item, rank) => ({ id: items.idOf(item), score: list.scores[rank] }));
      answers[asked[position]].items = ids;
    }
    return answers;
  }

  #known(history: readonly string[]): Int32Array {
    if (!Array.isArray(history) || history.some((id) => typeof id !== "string")) throw badHistory();
    const { items } = this.parts;
    return Int32Array.from(history.map((id) => items.indexOf(id)).filter((item) => item >= 0));
  }

  /** Finds a user's row: NO_USER for one the model does not know, undefined where none is named. */
  #userRow(id: string | null | undefined): number | undefined {
    if (id === undefined || id === null) return undefined;
    if (typeof id !== "string") throw badUser(id);
    const { users } = this.parts;
    if (!users) throw noUsers(this.config.interest);
    return users.indexOf(id);
  }

  #explain(known: Int32Array, user: number): Answer["explanation"] {
    const { network, items } = this.parts;
    network.releaseStep();
    const [weights] = network.encode([known], [user]).weights;
    network.releaseStep();
    if (!weights) return null;
    let total = 0;
    for (const weight of weights) total += weight;
    return Array.from(known, (item, step) => ({ id: items.idOf(item), weight: weights[step] / total }));
  }

  #popular(k: number, filter: ItemFilter): Recommendation[] {
    const { items, counts } = this.parts;
    this.#byPopularity ??= Int32Array.from(counts, (_, item) => item).sort((a, b) => counts[b] - counts[a] || a - b);
    let total = 0;
    for (const count of counts) total += count;
    const best = this.#byPopularity.filter((item) => filter.admits(item)).subarray(0, k);
    return Array.from(best, (item) => ({ id: items.idOf(item), score: counts[item] / Math.max(1, total) }));
  }
}

function checkOptions(options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownOption(name, known);
}
