// Which items a request may list, as the caller says it: from ids to the items that are left out.

import type { Vocabulary } from "../data/vocabulary.ts";
import { UsageError } from "../errors.ts";
import { distinctItems } from "./ranker.ts";

const badIds = (option: string) =>
  new UsageError(
    "IDS_INVALID",
    `${option}: expected an iterable of item ids as strings. Convert the ids, or leave it out.`,
  );
const twoLists = () =>
  new UsageError(
    "IDS_INVALID",
    "allow and candidates: got both, expected one. Candidates are ranked seen or not; allow only filters.",
  );

/** Restrictions of a request. Ids that the model does not know change nothing. */
export interface Restrictions {
  /** Items that may be listed; all others may not. */
  allow?: Iterable<string>;
  /** Items that may not be listed. */
  deny?: Iterable<string>;
  /** Exactly these items are ranked, whether the history has them or not. */
  candidates?: Iterable<string>;
}

/** Restrictions of a call, read once and applied to each of its histories. */
export class ItemFilter {
  /** Items left out for everybody, each once. */
  readonly #excluded: Int32Array;
  readonly #isExcluded: Uint8Array | undefined;
  readonly #keepsSeen: boolean;

  /** @throws UsageError `IDS_INVALID` */
  constructor({ allow, deny, candidates }: Restrictions, items: Vocabulary, includeSeen: boolean) {
    if (allow !== undefined && candidates !== undefined) throw twoLists();
    this.#keepsSeen = includeSeen || candidates !== undefined;
    const only = candidates ?? allow;
    if (only === undefined && deny === undefined) {
      this.#excluded = new Int32Array(0);
      return;
    }
    const excluded = new Uint8Array(items.size).fill(only === undefined ? 0 : 1);
    if (only !== undefined) mark(excluded, 0, only, items, candidates === undefined ? "allow" : "candidates");
    if (deny !== undefined) mark(excluded, 1, deny, items, "deny");
    this.#isExcluded = excluded;
    this.#excluded = Int32Array.from(excluded.keys()).filter((item) => excluded[item] === 1);
  }

  /** Returns the items that may not be listed after a history, each once. */
  excludedFor(history: Int32Array): Int32Array {
    if (this.#keepsSeen) return this.#excluded;
    const seen = distinctItems(history);
    const isExcluded = this.#isExcluded;
    if (!isExcluded) return seen;
    const fresh = seen.filter((item) => isExcluded[item] === 0);
    const both = new Int32Array(this.#excluded.length + fresh.length);
    both.set(this.#excluded);
    both.set(fresh, this.#excluded.length);
    return both;
  }

  /** Whether an item may be listed to somebody without a history. */
  admits(item: number): boolean {
    return this.#isExcluded?.[item] !== 1;
  }
}

function mark(flags: Uint8Array, value: 0 | 1, ids: Iterable<string>, items: Vocabulary, option: string): void {
  if (typeof ids === "string" || typeof ids?.[Symbol.iterator] !== "function") throw badIds(option);
  for (const id of ids) {
    if (typeof id !== "string") throw badIds(option);
    const item = items.indexOf(id);
    if (item >= 0) flags[item] = value;
  }
}
