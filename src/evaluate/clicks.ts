// How click rows are measured: the predicted probabilities beside the share of clicks that anyone could predict.

import type { ClickNumbers } from "../data/clicks.ts";
import type { Network } from "../model/network.ts";
import { predictPairs } from "../rank/predictor.ts";
import { clickMetrics } from "./predictions.ts";
import type { Evaluation } from "./protocol.ts";

/**
 * Measures a click model on the rows [begin, end). Rows whose candidate the model does not know are skipped.
 * @param meanClick share of clicks in the training part: what the baseline predicts
 */
export function evaluateClicks(
  network: Network,
  clicks: ClickNumbers,
  begin: number,
  end: number,
  meanClick?: number,
): Evaluation {
  const { offsets, history, candidate, label } = clicks;
  const rows: number[] = [];
  for (let row = begin; row < end; row++) if (candidate[row] >= 0) rows.push(row);
  const labels = rows.map((row) => label[row]);
  const predicted = predictPairs(
    network,
    rows.map((row) => ({ history: history.subarray(offsets[row], offsets[row + 1]), item: candidate[row] })),
  );
  const { log2F64 } = network.engine.kernels;
  return {
    cases: rows.length,
    skipped: end - begin - rows.length,
    metrics: clickMetrics(predicted, labels, log2F64),
    includeSeen: {},
    baselines:
      meanClick === undefined
        ? {}
        : {
            meanClick: clickMetrics(
              labels.map(() => meanClick),
              labels,
              log2F64,
            ),
          },
  };
}
