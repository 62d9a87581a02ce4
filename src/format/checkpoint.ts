// A training under way as a tensor file: numbers as tensors, counters and metrics as JSON beside what it is a training of. JSON
// writes every finite f64 so that it reads back as the same bits.

import { ModelError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { FitState } from "../train/fit.ts";
import { SELECTION } from "../train/lesson.ts";
import type { TrainingState } from "../train/train.ts";
import { decodeTensorFile, encodeTensorFile, type Tensor, type TensorData } from "./safetensors.ts";
import { quote } from "./wording.ts";

const FORMAT = "attune-checkpoint";
const VERSION = "1";
const WEIGHTS = "weights";
const MOMENTS = "adam.moments";
const VELOCITIES = "adam.velocities";
const ROW_STEPS = "adam.row_steps";
const BEST = "best.weights";
const COUNTERS = ["epoch", "done", "step", "count", "bestEpoch"] as const;
const AMOUNTS = ["lossSum", "beta1Power", "beta2Power"] as const;

const foreign = (subject: string, got: string) =>
  new ModelError(
    "CHECKPOINT_FOREIGN",
    `${subject}: got format ${quote(got)}, expected ${quote(`${FORMAT} ${VERSION}`)}. Use the attune that wrote it, or another folder.`,
  );
export const badState = (subject: string, why: string) =>
  new ModelError(
    "CHECKPOINT_STATE",
    `${subject}: the state does not hold: ${why}. Delete the file; an older one may do.`,
  );

/** What a checkpoint is of: another training cannot go on from it. */
export interface TrainingIdentity {
  config: ModelConfig;
  /** What it learns from, in words that are equal where the data is: counts and a sha256. */
  data: Readonly<Record<string, string | number>>;
}

/** A training under way, and what it is a training of. */
export interface Checkpoint extends TrainingIdentity {
  state: TrainingState;
}

/** Encodes a checkpoint. */
export function encodeCheckpoint({ config, data, state }: Checkpoint): Uint8Array<ArrayBuffer> {
  const { evaluated, fit } = state;
  const { epoch, done, closed, step, lossSum, count, weights, adam, best } = fit;
  const { beta1Power, beta2Power } = adam;
  const tensors: Tensor[] = [];
  const add = (name: string, values: Float32Array | undefined) => {
    if (values) tensors.push({ name, dtype: "F32", shape: [values.length], data: values });
  };
  add(WEIGHTS, weights);
  add(MOMENTS, adam.moments);
  add(VELOCITIES, adam.velocities);
  add(BEST, best.weights);
  const { rowSteps } = adam;
  if (rowSteps) tensors.push({ name: ROW_STEPS, dtype: "I32", shape: [rowSteps.length], data: rowSteps });
  const counters = { epoch, done, closed, step, lossSum, count, beta1Power, beta2Power, bestEpoch: best.epoch };
  const metadata = new Map([
    ["format", `${FORMAT} ${VERSION}`],
    ["config", JSON.stringify(config)],
    ["data", JSON.stringify(data)],
    ["state", JSON.stringify({ ...counters, bestMetrics: best.metrics, evaluated })],
  ]);
  return encodeTensorFile({ metadata, tensors });
}

/**
 * Decodes a checkpoint. What it says of itself holds together; whether it fits a training is for the caller to see.
 * @param subject what messages call the file
 * @throws ModelError `CHECKPOINT_FOREIGN`, `CHECKPOINT_STATE`, and every code of the container
 */
export function decodeCheckpoint(bytes: Uint8Array, subject: string): Checkpoint {
  const { metadata, tensors } = decodeTensorFile(bytes, subject);
  const format = metadata.get("format") ?? "";
  if (format !== `${FORMAT} ${VERSION}`) throw foreign(subject, format);
  const read = (name: string) => readObject(metadata.get(name), name, subject);
  const config = read("config") as unknown as ModelConfig;
  const told = read("state") as unknown as ToldState;
  checkState(told, config, (why) => badState(subject, why));
  const weights = tensors.get(WEIGHTS)?.data;
  const take = (name: string): Float32Array => {
    const data = tensors.get(name)?.data;
    if (!(data instanceof Float32Array) || data.length !== weights?.length)
      throw badState(subject, `${name} is missing`);
    return data;
  };
  const { epoch, done, step, lossSum, count, beta1Power, beta2Power, bestEpoch, closed } = told;
  const rowSteps = config.loss === "sampled" ? readRowSteps(tensors.get(ROW_STEPS)?.data, step, subject) : undefined;
  const fit: FitState = {
    ...{ epoch, done, closed, step, lossSum, count },
    weights: take(WEIGHTS),
    adam: { moments: take(MOMENTS), velocities: take(VELOCITIES), beta1Power, beta2Power, rowSteps },
    best: { epoch: bestEpoch, metrics: told.bestMetrics, weights: tensors.has(BEST) ? take(BEST) : undefined },
  };
  if ((fit.best.metrics === undefined) !== (fit.best.weights === undefined))
    throw badState(subject, "best.weights and bestMetrics do not come together");
  return {
    config,
    data: read("data") as Checkpoint["data"],
    state: { evaluated: told.evaluated, fit },
  };
}

/** Checks the steps that the rows of a table have taken. */
function readRowSteps(data: TensorData | undefined, steps: number, subject: string): Int32Array {
  if (!(data instanceof Int32Array)) throw badState(subject, `${ROW_STEPS} is missing`);
  const wrong = data.find((taken) => !(taken >= 0 && taken <= steps));
  if (wrong !== undefined) throw badState(subject, `${ROW_STEPS} has ${wrong}, expected 0 to ${steps}`);
  return data;
}

/** The counters of a state, as JSON. */
interface ToldState extends Record<(typeof COUNTERS)[number] | (typeof AMOUNTS)[number], number> {
  closed: boolean;
  bestMetrics: FitState["best"]["metrics"];
  evaluated: TrainingState["evaluated"];
}

/** Checks all that the training loop relies on and cannot see for itself: a checksum says nothing about who wrote a file. */
function checkState(told: ToldState, config: ModelConfig, bad: (why: string) => ModelError): void {
  const { closed, epoch, bestEpoch, bestMetrics, evaluated } = told;
  for (const name of COUNTERS) if (!isCount(told[name])) throw bad(`${name} is no whole number from 0`);
  for (const name of AMOUNTS) if (!Number.isFinite(told[name])) throw bad(`${name} is no number`);
  if (typeof closed !== "boolean") throw bad("closed is neither true nor false");
  if (evaluated !== undefined && !isEvaluated(evaluated)) throw bad("evaluated is not what a training came to");
  if (!isCount(config.epochs)) throw bad("the settings have no number of epochs");
  if (evaluated && !(evaluated.epochs <= config.epochs)) throw bad("evaluated has more epochs than the settings allow");
  const epochs = evaluated ? evaluated.bestEpoch : config.epochs;
  if (!(epoch >= 1 && epoch <= epochs)) throw bad(`epoch is ${epoch}, expected 1 to ${epochs}`);
  if (bestEpoch > epoch) throw bad(`bestEpoch is ${bestEpoch}, later than epoch ${epoch}`);
  if (bestMetrics !== undefined && !isMetrics(bestMetrics)) throw bad("bestMetrics are not numbers by name");
  const { metric } = SELECTION[config.task] ?? {};
  if (bestMetrics && !(metric in bestMetrics)) throw bad(`bestMetrics have no ${metric}`);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isMetrics = (value: unknown) => isRecord(value) && Object.values(value).every(Number.isFinite);

function isEvaluated(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { epochs, bestEpoch, validation, test } = value;
  if (!isCount(epochs) || !isCount(bestEpoch) || bestEpoch > epochs) return false;
  return [validation, test].every((measured) => measured === undefined || isEvaluation(measured));
}

function isEvaluation(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { cases, metrics, includeSeen, baselines = {}, skipped = 0 } = value;
  if (!isCount(cases) || !isCount(skipped) || !isMetrics(metrics) || !isMetrics(includeSeen)) return false;
  return isRecord(baselines) && Object.values(baselines).every(isMetrics);
}

function readObject(text: string | undefined, name: string, subject: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    throw badState(subject, `${name} is not JSON`);
  }
  if (!isRecord(value)) throw badState(subject, `${name} is no object`);
  return value;
}
