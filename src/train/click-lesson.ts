// Learns whether a candidate is clicked. Rows are cut in their order: the first 80 % train, the next 10 % choose the epoch, the
// last 10 % test; with split=none all of them train. Rows without a history cannot be encoded and only count in the mean.

import type { ClickNumbers, Clicks } from "../data/clicks.ts";
import { evaluateClicks } from "../evaluate/clicks.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Lesson, LessonPart, Plan } from "./lesson.ts";

const VALID_FROM = 0.8;
const TEST_FROM = 0.9;

/** Where the parts of click rows begin. */
export interface ClickCut {
  valid: number;
  test: number;
  rows: number;
}

/** Cuts so many rows by a split rule; every rule but `none` means the rows' own order. */
export function cutClicks(rows: number, rule: string): ClickCut {
  if (rule === "none") return { valid: rows, test: rows, rows };
  return { valid: Math.floor(rows * VALID_FROM), test: Math.floor(rows * TEST_FROM), rows };
}

/** The numbers of a lesson about clicks. */
export interface ClickLessonNumbers {
  kind: "clicks";
  clicks: ClickNumbers;
  /** Whether all rows are trained on in the end. */
  refit: boolean;
}

/** Plans a lesson about click rows. */
export function clickPlan({ items, ...clicks }: Clicks, refit: boolean): Plan<ClickLessonNumbers> {
  const ids = { items, users: undefined };
  return {
    numbers: { kind: "clicks", clicks: { ...clicks, items: { size: items.size } }, refit },
    ids: { training: ids, everything: ids },
  };
}

/** Learns from click rows. */
export function clickLesson(config: ModelConfig, { clicks, refit }: ClickLessonNumbers): Lesson {
  const { items, offsets, history, candidate, label } = clicks;
  const cut = cutClicks(label.length, config.split);
  const end = (everything: boolean) => (everything ? cut.rows : cut.valid);
  const meanClick = (everything: boolean) => {
    let clicked = 0;
    for (let row = 0; row < end(everything); row++) clicked += label[row];
    return clicked / Math.max(1, end(everything));
  };
  const part = (everything: boolean): LessonPart => {
    const units: number[] = [];
    for (let row = 0; row < end(everything); row++) if (offsets[row] < offsets[row + 1]) units.push(row);
    return {
      items: items.size,
      users: 0,
      source: {
        units: Uint32Array.from(units),
        total: end(everything),
        stepsOf: (row) => offsets[row + 1] - offsets[row],
        examples: (_kernels, rows) =>
          Array.from(rows, (row) => {
            const steps = history.subarray(offsets[row], offsets[row + 1]);
            const next = new Int32Array(steps.length).fill(candidate[row]);
            return {
              history: steps,
              next,
              lossFrom: steps.length - 1,
              labels: new Uint8Array(steps.length).fill(label[row]),
            };
          }),
      },
      counts() {
        const counts = new Int32Array(items.size);
        for (let row = 0; row < end(everything); row++) counts[candidate[row]] += label[row];
        return counts;
      },
      begin() {},
    };
  };
  return {
    training: part(false),
    everything: refit && cut.valid < cut.rows ? part(true) : undefined,
    validates: cut.valid < cut.test,
    measure(network, heldOut) {
      const [from, to] = heldOut === "valid" ? [cut.valid, cut.test] : [cut.test, cut.rows];
      return from < to ? evaluateClicks(network, clicks, from, to, meanClick(false)) : undefined;
    },
  };
}

/** Steps of each training row and one more, for the rule that chooses the batch. */
export function clickLengths(config: ModelConfig, { offsets, label }: Clicks): Uint32Array {
  const { valid } = cutClicks(label.length, config.split);
  return Uint32Array.from({ length: valid }, (_, row) => offsets[row + 1] - offsets[row] + 1);
}
