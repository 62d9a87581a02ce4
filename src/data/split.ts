// From histories to evaluation cases: what training may see, and what validation and test ask for.

import { UsageError } from "../errors.ts";
import type { Histories } from "./histories.ts";
import { quote } from "./words.ts";

const unknownRule = (rule: string) =>
  new UsageError(
    "SPLIT_UNKNOWN",
    `split: got ${quote(rule)}, expected one of ${[...RULES.keys()].join(", ")}. Correct the value.`,
  );
const noArgument = (name: string, argument: string) =>
  new UsageError("SPLIT_ARGUMENT", `split ${name}: got the argument ${quote(argument)}, expected none. Write ${name}.`);

/** Questions to a model, one per row c: given the first `prefix[c]` events of user `user[c]`, predict item `target[c]`. */
export interface Cases {
  /** User index, u32[cases]. */
  readonly user: Uint32Array;
  /** Leading events of the user's full history that are given, u32[cases]. */
  readonly prefix: Uint32Array;
  /** Item index to predict, i32[cases]; -1 is an item outside the vocabulary, always a miss. */
  readonly target: Int32Array;
}

/** Histories, cut. Events at or after `trainLength[u]` of user u never reach training. */
export interface Split {
  /** The rule as it was asked for. */
  readonly rule: string;
  readonly histories: Histories;
  /** Leading events of each user that training may see, u32[users]. */
  readonly trainLength: Uint32Array;
  /** Cases that choose the epoch and the settings. */
  readonly valid: Cases;
  /** Cases that are looked at once, at the end. */
  readonly test: Cases;
}

/** Cuts histories by one rule; `argument` is what follows the colon in `name:argument`. */
type SplitRule = (
  histories: Histories,
  argument: string | undefined,
  name: string,
) => Omit<Split, "rule" | "histories">;

// A rule is a function and a row here.
const RULES: ReadonlyMap<string, SplitRule> = new Map([
  ["leave-one-out", leaveOneOut],
  ["none", trainOnAll],
]);

/** Names of the split rules. */
export const SPLIT_RULES: readonly string[] = [...RULES.keys()];

/**
 * Cuts histories into training, validation and test.
 *
 * - `leave-one-out`: a user's last event is the test, the one before it the validation; the test prefix includes the
 *   validation event; users with fewer than 3 events only train.
 * - `none`: everything trains, there are no cases.
 *
 * @param rule `name` or `name:argument`
 * @throws UsageError `SPLIT_UNKNOWN` for an unknown rule, `SPLIT_ARGUMENT` for an argument that the rule does not take
 */
export function splitHistories(histories: Histories, rule: string): Split {
  const colon = rule.indexOf(":");
  const name = colon < 0 ? rule : rule.slice(0, colon);
  const split = RULES.get(name);
  if (split === undefined) throw unknownRule(rule);
  return { rule, histories, ...split(histories, colon < 0 ? undefined : rule.slice(colon + 1), name) };
}

function leaveOneOut({ offsets, item }: Histories, argument: string | undefined, name: string) {
  if (argument !== undefined) throw noArgument(name, argument);
  const users = offsets.length - 1;
  const trainLength = new Uint32Array(users);
  let count = 0;
  for (let u = 0; u < users; u++) {
    const length = offsets[u + 1] - offsets[u];
    trainLength[u] = length < 3 ? length : length - 2;
    if (length >= 3) count++;
  }
  const valid = emptyCases(count);
  const test = emptyCases(count);
  let row = 0;
  for (let u = 0; u < users; u++) {
    const length = offsets[u + 1] - offsets[u];
    if (length < 3) continue;
    setCase(valid, row, u, length - 2, item[offsets[u + 1] - 2]);
    setCase(test, row, u, length - 1, item[offsets[u + 1] - 1]);
    row++;
  }
  return { trainLength, valid, test };
}

function trainOnAll({ offsets }: Histories, argument: string | undefined, name: string) {
  if (argument !== undefined) throw noArgument(name, argument);
  const trainLength = new Uint32Array(offsets.length - 1);
  for (let u = 0; u < trainLength.length; u++) trainLength[u] = offsets[u + 1] - offsets[u];
  return { trainLength, valid: emptyCases(0), test: emptyCases(0) };
}

function emptyCases(count: number): Cases {
  return { user: new Uint32Array(count), prefix: new Uint32Array(count), target: new Int32Array(count) };
}

function setCase(cases: Cases, row: number, user: number, prefix: number, target: number): void {
  cases.user[row] = user;
  cases.prefix[row] = prefix;
  cases.target[row] = target;
}
