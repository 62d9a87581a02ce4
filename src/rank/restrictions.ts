// Which items a request may list, as the caller says it: from ids to the items that are left out.

import type { Ids } from "../data/vocabulary.ts";
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
  /**
   * Exactly these items are ranked, whether the history has them or not; but for the newest item of the history where the model was trained
   * with `rivals=others`. With `rivals=unseen`, scores of those that the history has mean little.
   */
  candidates?: Iterable<string>;
}

/** Restrictions of a call, read once and applied to each of its histories. */
export class ItemFilter {
  /** Flags of the items left out for everybody, u8[items]; undefined where there are none. */
  readonly barred: Uint8Array | undefined;
  readonly #keepsSeen: boolean;

  /** @throws UsageError `IDS_INVALID` */
  constructor({ allow, deny, candidates }: Restrictions, items: Ids, includeSeen: boolean) {
    if (allow !== undefined && candidates !== undefined) throw twoLists();
    this.#keepsSeen = includeSeen || candidates !== undefined;
    const only = candidates ?? allow;
    if (only === undefined && deny === undefined) return;
    const barred = new Uint8Array(items.size).fill(only === undefined ? 0 : 1);
    if (only !== undefined) mark(barred, 0, only, items, candidates === undefined ? "allow" : "candidates");
    if (deny !== undefined) mark(barred, 1, deny, items, "deny");
    this.barred = barred;
  }

  /** Returns the items of a history that may not be listed after it, each once. */
  excludedFor(history: Int32Array): Int32Array {
    return this.#keepsSeen ? new Int32Array(0) : distinctItems(history);
  }

  /** Whether an item may be listed to somebody without a history. */
  admits(item: number): boolean {
    return this.barred?.[item] !== 1;
  }
}

function mark(flags: Uint8Array, value: 0 | 1, ids: Iterable<string>, items: Ids, option: string): void {
  if (typeof ids === "string" || typeof ids?.[Symbol.iterator] !== "function") throw badIds(option);
  for (const id of ids) {
    if (typeof id !== "string") throw badIds(option);
    const item = items.indexOf(id);
    if (item >= 0) flags[item] = value;
  }
}
