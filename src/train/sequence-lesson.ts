// Learns the label of whole sequences, cut in their order as click rows are.

import type { SequenceNumbers, Sequences } from "../data/sequence-rows.ts";
import { clickMetrics, ratingMetrics } from "../evaluate/predictions.ts";
import type { ModelConfig } from "../model/config.ts";
import { predictSequences } from "../rank/sequence-predictor.ts";
import { cutClicks } from "./click-lesson.ts";
import type { Lesson, LessonPart, Plan } from "./lesson.ts";

/** The numbers of a lesson about sequences. */
export interface SequenceLessonNumbers {
  kind: "sequences";
  sequences: SequenceNumbers;
  /** Whether all rows are trained on in the end. */
  refit: boolean;
}

/** Plans a lesson about sequences. */
export function sequencePlan({ items, ...sequences }: Sequences, refit: boolean): Plan<SequenceLessonNumbers> {
  const ids = { items, users: undefined };
  return {
    numbers: { kind: "sequences", sequences: { ...sequences, items: { size: items.size } }, refit },
    ids: { training: ids, everything: ids },
  };
}

/** Learns from sequences. */
export function sequenceLesson(config: ModelConfig, { sequences, refit }: SequenceLessonNumbers): Lesson {
  const { items, features, steps, labels } = sequences;
  const cut = cutClicks(labels.length, config.split);
  const end = (everything: boolean) => (everything ? cut.rows : cut.valid);
  const meanLabel = (everything: boolean) => {
    let sum = 0;
    for (let row = 0; row < end(everything); row++) sum += labels[row];
    return sum / Math.max(1, end(everything));
  };
  const part = (everything: boolean): LessonPart => ({
    items: items.size,
    users: 0,
    source: {
      units: Uint32Array.from({ length: end(everything) }, (_, row) => row),
      total: end(everything),
      stepsOf: (row) => steps[row].length,
      examples: (_kernels, rows) =>
        Array.from(rows, (row) => ({
          history: steps[row],
          features: features[row],
          next: new Int32Array(steps[row].length),
          lossFrom: steps[row].length - 1,
          labels: new Float32Array(steps[row].length).fill(labels[row]),
        })),
    },
    counts() {
      const counts = new Int32Array(items.size);
      if (items.size > 0) for (let row = 0; row < end(everything); row++) for (const item of steps[row]) counts[item]++;
      return counts;
    },
    begin(network) {
      if (config.task === "rating") network.setBias(meanLabel(everything));
    },
  });
  return {
    training: part(false),
    everything: refit && cut.valid < cut.rows ? part(true) : undefined,
    validates: cut.valid < cut.test,
    measure(network, heldOut) {
      const [from, to] = heldOut === "valid" ? [cut.valid, cut.test] : [cut.test, cut.rows];
      if (from === to) return undefined;
      const wanted = labels.subarray(from, to);
      const { log2F64 } = network.engine.kernels;
      const measured = (predicted: ArrayLike<number>) =>
        config.task === "rating" ? ratingMetrics(predicted, wanted) : clickMetrics(predicted, wanted, log2F64);
      const predicted = predictSequences(network, steps.slice(from, to), features.slice(from, to));
      const mean = new Float64Array(to - from).fill(meanLabel(false));
      const baselines = { meanLabel: measured(mean) };
      return { cases: to - from, metrics: measured(predicted), includeSeen: {}, baselines };
    },
  };
}
