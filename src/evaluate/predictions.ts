// Metrics of predicted numbers: errors of ratings beside what plain means would have said, and the quality of probabilities.

import type { HistoryRows } from "../data/histories.ts";
import type { Cases } from "../data/split.ts";
import type { Metrics } from "./metrics.ts";

/** Probabilities are kept this far from 0 and 1 in the log-loss, which would be infinite there. */
const LOG_LOSS_MARGIN = 1e-7;
const CALIBRATION_BINS = 10;

/**
 * Computes RMSE and MAE of predicted ratings. No ratings: both are 0.
 * @param predicted f32[n] or f64[n]
 * @param wanted the ratings given, [n]
 */
export function ratingMetrics(predicted: ArrayLike<number>, wanted: ArrayLike<number>): Metrics {
  let squares = 0;
  let absolute = 0;
  for (let i = 0; i < wanted.length; i++) {
    const error = predicted[i] - wanted[i];
    squares += error * error;
    absolute += Math.abs(error);
  }
  const count = Math.max(1, wanted.length);
  return { rmse: Math.sqrt(squares / count), mae: absolute / count };
}

/**
 * Computes AUC, log-loss and calibration of predicted probabilities. AUC = share of (clicked, not clicked) pairs in the right
 * order, ties counting half; .5 where one kind is missing. `calibration` = mean prediction / mean label, 0 without a click.
 * `calibrationError` = Σ |mean prediction − mean label| over ten equal bins of the prediction, each by its share of the rows.
 * @param predicted probabilities, [n]
 * @param labels 0 or 1, [n]
 * @param log2 base-2 logarithm; the kernels' own
 */
export function clickMetrics(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  log2: (x: number) => number,
): Metrics {
  const count = labels.length;
  const bins = calibrationTable(predicted, labels);
  let loss = 0;
  let sum = 0;
  let clicks = 0;
  for (let i = 0; i < count; i++) {
    const p = Math.min(1 - LOG_LOSS_MARGIN, Math.max(LOG_LOSS_MARGIN, predicted[i]));
    loss -= Math.LN2 * log2(labels[i] > 0 ? p : 1 - p);
    sum += predicted[i];
    clicks += labels[i];
  }
  const total = Math.max(1, count);
  let calibrationError = 0;
  for (const bin of bins) calibrationError += (bin.count / total) * Math.abs(bin.prediction - bin.label);
  return {
    auc: auc(predicted, labels),
    logLoss: loss / total,
    calibration: clicks > 0 ? sum / clicks : 0,
    calibrationError,
  };
}

/** One tenth of the predictions' range. */
export interface CalibrationBin {
  count: number;
  /** Mean prediction and mean label of the rows in it; 0 without rows. */
  prediction: number;
  label: number;
}

/** Sorts predictions into ten equal bins of [0, 1]; 1 belongs to the last. */
export function calibrationTable(predicted: ArrayLike<number>, labels: ArrayLike<number>): CalibrationBin[] {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ count: 0, prediction: 0, label: 0 }));
  for (let i = 0; i < labels.length; i++) {
    const bin = bins[Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.floor(predicted[i] * CALIBRATION_BINS)))];
    bin.count++;
    bin.prediction += predicted[i];
    bin.label += labels[i];
  }
  for (const bin of bins) {
    bin.prediction /= Math.max(1, bin.count);
    bin.label /= Math.max(1, bin.count);
  }
  return bins;
}

function auc(predicted: ArrayLike<number>, labels: ArrayLike<number>): number {
  const order = Array.from({ length: labels.length }, (_, i) => i).sort((a, b) => predicted[a] - predicted[b]);
  let clicks = 0;
  let pairs = 0;
  let others = 0;
  // One run of equal predictions at a time, from the lowest: a click beats all others below and half of those beside it.
  for (let start = 0; start < order.length; ) {
    let end = start;
    let clicksHere = 0;
    while (end < order.length && predicted[order[end]] === predicted[order[start]]) clicksHere += labels[order[end++]];
    const othersHere = end - start - clicksHere;
    pairs += clicksHere * (others + othersHere / 2);
    clicks += clicksHere;
    others += othersHere;
    start = end;
  }
  return clicks > 0 && others > 0 ? pairs / (clicks * others) : 0.5;
}

/** Mean ratings of the training part. */
export interface RatingMeans {
  global: number;
  /** f64[users]; the global mean for users without training events. */
  user: Float64Array;
  /** f64[V]; the global mean for items without training events. */
  item: Float64Array;
}

/** Computes the mean ratings of the leading `trainLength[u]` events of each user; the histories have ratings. */
export function ratingMeans(
  { offsets, item, items, rating }: HistoryRows,
  trainLength: ArrayLike<number>,
): RatingMeans {
  const users = offsets.length - 1;
  const [userSum, userCount] = [new Float64Array(users), new Float64Array(users)];
  const [itemSum, itemCount] = [new Float64Array(items.size), new Float64Array(items.size)];
  let sum = 0;
  let count = 0;
  for (let u = 0; u < users; u++) {
    for (let event = offsets[u]; event < offsets[u] + trainLength[u]; event++) {
      const value = rating![event];
      sum += value;
      count++;
      userSum[u] += value;
      userCount[u]++;
      itemSum[item[event]] += value;
      itemCount[item[event]]++;
    }
  }
  const global = sum / Math.max(1, count);
  const mean = (sums: Float64Array, counts: Float64Array) =>
    sums.map((total, i) => (counts[i] > 0 ? total / counts[i] : global));
  return { global, user: mean(userSum, userCount), item: mean(itemSum, itemCount) };
}

/** Returns the rating that each case asks for, f32[cases]. */
export function wantedRatings({ offsets, rating }: HistoryRows, cases: Cases): Float32Array {
  return Float32Array.from(cases.user, (user, i) => rating![offsets[user] + cases.prefix[i]]);
}
