// Which users have an interest of their own, where a model is asked for one: those that training sees something to learn from.

import type { Histories } from "../data/histories.ts";
import { type Ids, Vocabulary } from "../data/vocabulary.ts";
import type { ModelConfig } from "../model/config.ts";
import { trainableUsers } from "./examples.ts";

/**
 * Lists the users a training gives an interest: those with two training events, in the order of the log. The others stay
 * unknown, for an interest that was never trained says nothing. Undefined unless `interest=user`.
 */
export function interestUsers(
  config: ModelConfig,
  histories: Histories,
  trainLength: ArrayLike<number>,
): Ids | undefined {
  if (config.interest !== "user") return undefined;
  return Vocabulary.from(Array.from(trainableUsers(trainLength), (user) => histories.userIds.idOf(user)));
}

/** Finds each user of a log in a model: its row, or NO_USER (-1). Undefined where the model knows no users. */
export function userRowsOf(users: Ids | undefined, userIds: Ids): Int32Array | undefined {
  return users && Int32Array.from(userIds, (id) => users.indexOf(id));
}
