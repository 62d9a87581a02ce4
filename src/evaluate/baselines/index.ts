import type { BaselinePreset } from "./baseline.ts";
import { itemKnn } from "./item-knn.ts";
import { markov } from "./markov.ts";
import { popular } from "./popular.ts";
import { sequentialRules } from "./sequential-rules.ts";
import { sessionKnn } from "./session-knn.ts";

/** All baselines; a new one is a file beside these and a row here. */
export const BASELINES: readonly BaselinePreset[] = [popular, markov, itemKnn, sessionKnn, sequentialRules];
