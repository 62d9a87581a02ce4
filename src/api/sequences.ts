// trainSequences(): from sequences of numbers to a model that predicts the label of a whole sequence.

import { type SequenceRow, sequenceRowFault, sequencesFromRows } from "../data/sequence-rows.ts";
import { UsageError } from "../errors.ts";
import { writeFileAtomic } from "../format/atomic-write.ts";
import { checkKind, decodeModel } from "../format/model-file.ts";
import type { ModelConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import type { RecommenderParts } from "../rank/recommender.ts";
import { predictSequences } from "../rank/sequence-predictor.ts";
import { adaptConfig } from "../train/adapt.ts";
import { cutClicks } from "../train/click-lesson.ts";
import { sequencePlan } from "../train/sequence-lesson.ts";
import { createInferenceEngine } from "../wasm/node.ts";
import { bytesOf, type ModelFacts, readModelFile, sha256 } from "./model.ts";
import { configOf, splitOptions, type TrainOptions, type TrainReport, trainPlan } from "./train.ts";

const badSequence = (index: number, why: string) =>
  new UsageError("SEQUENCE_INVALID", `sequence ${index}: ${why}. Give it as the model was trained.`);

/** Sequences: a path of JSONL (`{"features":[[…]],"label":1}` a line, `items` if there are any), or rows. */
export type SequenceSource = string | Iterable<SequenceRow> | AsyncIterable<SequenceRow>;

/** How to train on sequences: `train`'s options. `task` is click (default) or rating; `features` comes from the data. */
export type SequenceOptions = Omit<TrainOptions, "features" | "onData">;

/** A sequence to predict. */
export type SequenceInput = Pick<SequenceRow, "features" | "items">;

/** A trained model of sequences. */
export class SequenceModel {
  /** @internal */
  constructor(
    readonly parts: RecommenderParts,
    readonly facts: Readonly<ModelFacts>,
    /** What the training did; undefined for a loaded model. */
    readonly report?: TrainReport,
  ) {}

  /** The model's effective settings. */
  get config(): ModelConfig {
    return this.parts.network.config;
  }

  /**
   * Predicts the label of each sequence: the probability of 1, or a number for the task rating. Steps whose item the model does
   * not know are left out, with their features.
   * @throws UsageError `SEQUENCE_INVALID`
   */
  predict(sequences: readonly SequenceInput[]): Float32Array {
    const { network, items } = this.parts;
    const count = this.config.features;
    const steps: Int32Array[] = [];
    const features: Float32Array[] = [];
    for (const [index, sequence] of sequences.entries()) {
      const fault = sequenceRowFault({ ...sequence, label: 0 });
      if (fault) throw badSequence(index, fault);
      const width = sequence.features[0].length;
      if (width !== count) throw badSequence(index, `got ${width} numbers a step, expected ${count}`);
      if ((sequence.items !== undefined) !== items.size > 0) {
        throw badSequence(
          index,
          `got ${sequence.items ? "items" : "no items"}, expected ${items.size > 0 ? "one a step" : "none"}`,
        );
      }
      const known = sequence.items?.map((id) => items.indexOf(id)) ?? sequence.features.map(() => 0);
      steps.push(Int32Array.from(known.filter((item) => item >= 0)));
      features.push(Float32Array.from(sequence.features.filter((_, step) => known[step] >= 0).flat()));
    }
    return predictSequences(network, steps, features);
  }

  /** Returns the bytes of the model file. Equal models give equal bytes. */
  toBytes(): Uint8Array {
    return bytesOf(this.parts, this.facts);
  }

  /** Writes the model file, atomically. @returns its sha256 in hexadecimal @throws OutputError */
  async save(path: string): Promise<string> {
    const bytes = this.toBytes();
    await writeFileAtomic(path, bytes);
    return sha256(bytes);
  }
}

/**
 * Learns the label of whole sequences of numbers, alone or beside item ids: embedded items plus a projection of the numbers, then
 * the composition, then one number from the last step's output. The first 80 % of the rows train, the next 10 % choose the
 * epoch, the last 10 % test; `split: "none"` trains on all.
 * @throws UsageError for a bad option · DataError `SEQUENCE_ROW`, `DATA_NO_ROWS` · what `train` throws
 * @example
 * const model = await trainSequences([{ features: [[0.1, 2], [0.3, 1]], label: 1 }], { model: "lstm", split: "none" });
 * model.predict([{ features: [[0.2, 2]] }]);
 */
export async function trainSequences(source: SequenceSource, options: SequenceOptions = {}): Promise<SequenceModel> {
  const { how, rest } = splitOptions(options);
  const { model, read, onConfig, task = "click", ...settings } = rest;
  let rows = source;
  if (typeof rows === "string") {
    const { readJsonRows } = await import("../data/read/clicks.ts");
    rows = readJsonRows<SequenceRow>(rows, read ?? {}, sequenceRowFault, "no sequence row");
  }
  const sequences = await sequencesFromRows(rows, task === "click");
  const asked = configOf(model, { ...settings, task, features: sequences.count });
  const { valid } = cutClicks(sequences.labels.length, asked.split);
  const trainLength = Uint32Array.from(sequences.steps.slice(0, valid), ({ length }) => length + 1);
  const config = adaptConfig(asked, { trainLength }, 0);
  onConfig?.(config);
  const interactions = sequences.steps.reduce((sum, { length }) => sum + length, 0);
  const sizes = { users: sequences.labels.length, interactions };
  const trained = await trainPlan(config, sequencePlan(sequences, how.refit), sizes, how);
  return new SequenceModel(trained.internals, trained.facts, trained.report);
}

/** Loads a model of sequences. @throws ModelError as `load` does; `MODEL_KIND` for a model that recommends */
export async function loadSequences(path: string): Promise<SequenceModel> {
  const [bytes, engine] = await Promise.all([readModelFile(path), createInferenceEngine()]);
  const { config, items, counts, weights, epochs, refitted } = decodeModel(bytes, path, engine);
  checkKind(config, true, path);
  const network = Network.fromWeights(engine, config, items.size, weights);
  return new SequenceModel({ network, items, counts }, { epochs, refitted });
}
