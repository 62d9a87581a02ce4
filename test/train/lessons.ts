// Tiny trainings of every kind, for what has to hold for all of them: every preset once, and every task.

import { createHash } from "node:crypto";
import { prepareData } from "../../src/api/source.ts";
import { configOf } from "../../src/api/train.ts";
import { type ClickRow, clicksFromRows } from "../../src/data/clicks.ts";
import type { Row } from "../../src/data/rows.ts";
import { type SequenceRow, sequencesFromRows } from "../../src/data/sequence-rows.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { PRESETS } from "../../src/model/presets/index.ts";
import { adaptConfig } from "../../src/train/adapt.ts";
import { clickLengths, clickPlan } from "../../src/train/click-lesson.ts";
import { historyPlan } from "../../src/train/history-lesson.ts";
import type { LessonPlan } from "../../src/train/plan.ts";
import { sequencePlan } from "../../src/train/sequence-lesson.ts";
import type { TrainingOutcome } from "../../src/train/train.ts";
import type { Memory } from "../../src/wasm/memory.ts";
import { QUICK, shopRows } from "../api/shop.ts";
import { makeRatings } from "../cli/logs.ts";
import { randomOf } from "../reference/random.ts";

/** A training that takes a moment: two epochs of a few steps, then the refit. */
export interface TinyTraining {
  config: ModelConfig;
  plan: LessonPlan;
}

const TINY = { ...QUICK, embedding: 8, hidden: 8, batch: 10, epochs: 2, dropout: 0.2 } as const;

/** Makes the training of each preset, and of each task. */
export const TRAININGS: Readonly<Record<string, () => Promise<TinyTraining>>> = {
  ...Object.fromEntries(PRESETS.map(({ name }) => [name, () => ofHistories(shopRows(36, 12), { model: name })])),
  "interest=user": () => ofHistories(shopRows(36, 12), { model: "attentive-gru", interest: "user" }),
  // Fewer negatives than items, so that some rows are met and some not.
  "loss=sampled": () => ofHistories(shopRows(36, 12), { model: "gru4rec", loss: "sampled", negatives: 5 }),
  "loss=sampled of windows, with decay": () =>
    ofHistories(shopRows(36, 12), {
      ...{ model: "attune", loss: "sampled", negatives: 3, weightDecay: 0.1, window: 4, interest: "user" },
    }),
  "loss=sampled of sampled prefixes": () =>
    ofHistories(shopRows(36, 12), { model: "attentive-lstm", normalize: "sequence", loss: "sampled", negatives: 4 }),
  "rivals=unseen of windows": () => ofHistories(shopRows(36, 12), { model: "attune", rivals: "unseen", window: 4 }),
  "rivals=unseen of a sampled loss": () =>
    ofHistories(shopRows(36, 12), {
      ...{ model: "attentive-gru", rivals: "unseen", loss: "sampled", negatives: 5, interest: "user" },
    }),
  "rivals=others": () => ofHistories(shopRows(36, 12), { model: "attune", rivals: "others", seen: "include" }),
  rating: () => ofHistories(makeRatings({ users: 30, items: 8, events: 7 }), { model: "gru4rec", task: "rating" }),
  click: ofClicks,
  sequences: ofSequences,
};

async function ofHistories(
  rows: Row[],
  more: { model: string; [setting: string]: string | number },
): Promise<TinyTraining> {
  const { model, ...settings } = more;
  const asked = configOf(model, { ...TINY, ...settings });
  const data = await prepareData(rows, asked);
  const config = adaptConfig(asked, data.split, data.split.histories.items.size);
  return { config, plan: historyPlan(config, data.split, {}, true) };
}

async function ofClicks(): Promise<TinyTraining> {
  const random = randomOf(3);
  const rows = Array.from(
    { length: 60 },
    (): ClickRow => ({
      history: Array.from({ length: random.integer(1, 6) }, () => `i${random.integer(0, 7)}`),
      candidate: `i${random.integer(0, 7)}`,
      label: random.unit() < 0.5 ? 1 : 0,
    }),
  );
  const asked = configOf("gru4rec", { ...TINY, task: "click" });
  const clicks = await clicksFromRows(rows);
  const config = adaptConfig(asked, { trainLength: clickLengths(asked, clicks) }, clicks.items.size);
  return { config, plan: clickPlan(clicks, true) };
}

async function ofSequences(): Promise<TinyTraining> {
  const random = randomOf(4);
  const rows = Array.from(
    { length: 60 },
    (): SequenceRow => ({
      features: Array.from({ length: random.integer(1, 6) }, () => [random.unit(), random.unit()]),
      label: random.unit(),
    }),
  );
  const config = configOf("lstm", { ...TINY, task: "rating", features: 2 });
  return { config, plan: sequencePlan(await sequencesFromRows(rows, false), true) };
}

/** Returns the sha256 of the weights a training came to. */
export function hashOf(memory: Memory, { network }: TrainingOutcome): string {
  const { values, floats } = network.parameters;
  return createHash("sha256").update(memory.f32(values, floats)).digest("hex");
}
