import type { ModelConfig } from "../config.ts";

/** A named model: settings of the one composition. */
export interface Preset {
  name: string;
  /** What it is, in a line. */
  summary: string;
  settings: Partial<Omit<ModelConfig, "preset">>;
}
