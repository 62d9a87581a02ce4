// What outputs are for: scores of the whole catalogue, or a number for an item or a whole sequence. How they are trained: objective.ts.

import type { Engine } from "../wasm/engine.ts";
import type { ModelConfig } from "./config.ts";
import { type HeadTask, ItemHead, SequenceHead } from "./layers/head.ts";
import { TiedScorer } from "./layers/scorer.ts";
import type { Parameter, ParameterSpec, Parameters } from "./parameters.ts";

/** The last stage of a composition. */
export class Readout {
  /** Scores the whole catalogue; undefined in models with features, which do not rank. */
  readonly scorer: TiedScorer | undefined;
  /** Predicts a number for an item; none for the task `next`. */
  readonly head: ItemHead | undefined;
  /** Predicts a number for a whole sequence, in a model with features. */
  readonly sequenceHead: SequenceHead | undefined;

  /** @param table the embedding table, which models with features do without */
  constructor(
    engine: Engine,
    readonly config: ModelConfig,
    parameters: Parameters,
    table: Parameter | undefined,
    training: boolean,
  ) {
    const { task, features } = config;
    if (features > 0) {
      this.sequenceHead = new SequenceHead(engine, task as HeadTask, parameters, training);
      return;
    }
    this.scorer = new TiedScorer(engine, table!, training && !parameters.rows);
    if (task !== "next") this.head = new ItemHead(engine, task, parameters, table!);
  }

  /** Declares the parameters of a catalogue of `items`. */
  static specs({ features, hidden, task }: ModelConfig, items: number): ParameterSpec[] {
    if (features > 0) return SequenceHead.specs(hidden);
    return task === "next" ? [] : ItemHead.specs(items);
  }

  /** Numbers of an output: D, or H where a sequence is read out. */
  get width(): number {
    return this.sequenceHead ? this.config.hidden : this.config.embedding;
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.scorer?.prepare();
    this.head?.prepare();
    this.sequenceHead?.prepare();
  }
}
