import type { BaselinePreset } from "./baseline.ts";
import { markov } from "./markov.ts";
import { popular } from "./popular.ts";

/** All baselines; a new one is a file beside these and a row here. */
export const BASELINES: readonly BaselinePreset[] = [popular, markov];
