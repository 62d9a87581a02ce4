// What training asks of outputs: of a ranking, a loss over all items or over sampled ones; of a number, the loss of its head. A new loss
// is a layer beside `layers/sampled-softmax.ts`, and a case of `#lossOf`.

import type { TrainingEngine } from "../wasm/engine.ts";
import type { ModelConfig } from "./config.ts";
import type { Example } from "./example.ts";
import { SampledSoftmax } from "./layers/sampled-softmax.ts";
import { CurrentItem, type LeftOut, SeenItems, type TrainedSteps } from "./left-out.ts";
import type { PackedBatch, Window } from "./packed.ts";
import type { Parameters } from "./parameters.ts";
import type { Readout } from "./readout.ts";

/** Rows of a window that are trained, with the loss and the gradient of each to be written. */
interface TrainedRows {
  count: number;
  /** f32[count, width]. */
  y: number;
  /** What each row should rank first, or give a number for, i32[count]; in memory at `targetsAt` where kernels read them. */
  targets: Int32Array;
  targetsAt: number;
  /** Address of what each row is not compared with; 0 where it is compared with all items. */
  leftOutAt: number;
  /** Address of the ratings or clicks, f32[count]; 0 without a head. */
  labelsAt: number;
  /** Factor of every row's gradient. */
  scale: number;
  /** f32[count]. */
  losses: number;
  /** f32[count, width]. */
  dY: number;
}

/** The loss of a network in training. */
export class Objective {
  /** The loss where it is sampled. */
  readonly #sampled: SampledSoftmax | undefined;

  constructor(
    readonly config: ModelConfig,
    readonly readout: Readout,
    { rows }: Parameters,
  ) {
    if (rows) this.#sampled = new SampledSoftmax(readout.scorer!.embedding, rows, config.negatives);
  }

  /** Draws negatives by how often items occur, i32[V], where the loss is sampled; until then all are equally likely. */
  drawNegativesBy(counts: ArrayLike<number>): void {
    this.#sampled?.drawBy(counts);
  }

  /** Begins a step of a sampled loss: plans what the negatives and the gradients of all rows the step meets need. */
  begin(engine: TrainingEngine, examples: readonly Example[], step: number): void {
    const sampled = this.#sampled;
    if (!sampled) return;
    const { rows } = sampled;
    const negatives = sampled.draw(engine, this.config.seed, step);
    for (const { history, next, lossFrom } of examples) {
      rows.meet(history);
      rows.meet(Array.prototype.slice.call(next, lossFrom, history.length));
    }
    rows.plan();
    sampled.prepare(engine, negatives);
  }

  /** Lists what the loss leaves out of each step's rivals in a batch; undefined where all items are rivals. */
  leftOut(engine: TrainingEngine, batch: PackedBatch, examples: readonly Example[]): LeftOut | undefined {
    const { rivals } = this.config;
    if (rivals !== "unseen" && rivals !== "others") return undefined;
    const sampled = this.#sampled;
    const columnOf = (item: number) => (sampled ? sampled.columnOf(item) : item);
    const histories = examples.map(({ history }) => history);
    const Kind = rivals === "unseen" ? SeenItems : CurrentItem;
    return new Kind(engine.memory, batch, histories, columnOf);
  }

  /**
   * Writes dY, f32[rows, width], of a window's outputs y (zero where a row is not trained), and adds to the parameters' gradients.
   * @param scale factor of every row's gradient: 1/count for a mean
   * @returns the sum of the losses in f64; undefined if no row is trained, and then dY is left as it was
   */
  loss(
    engine: TrainingEngine,
    window: Window,
    examples: readonly Example[],
    leftOut: LeftOut | undefined,
    y: number,
    scale: number,
    dY: number,
  ): number | undefined {
    const { memory } = engine;
    const { width } = this.readout;
    const steps = trainedSteps(window, examples);
    const { rowIds, targets, labels } = steps;
    const count = rowIds.length;
    if (count === 0) return undefined;
    const targetsAt = this.#sampled ? 0 : memory.place(targets);
    const losses = memory.planF32(count);
    const labelsAt = this.config.task === "next" ? 0 : memory.planF32(count);
    if (labelsAt !== 0) memory.f32(labelsAt, count).set(labels);
    const leftOutAt = leftOut ? leftOut.place(steps) : 0;
    const trained = { count, leftOutAt, y, targets, targetsAt, labelsAt, scale, losses, dY };
    if (count === window.rows) this.#lossOf(engine, trained);
    else {
      const rowsAt = memory.place(rowIds);
      trained.y = memory.planF32(count * width);
      trained.dY = memory.planF32(count * width);
      engine.each("gatherForwardF32", count, 1, y, rowsAt, width, trained.y);
      this.#lossOf(engine, trained);
      memory.f32(dY, window.rows * width).fill(0);
      engine.each("gatherBackwardF32", window.rows, 1, count, trained.dY, rowsAt, width, dY);
    }
    let sum = 0;
    for (const loss of memory.f32(losses, count)) sum += loss;
    return sum;
  }

  #lossOf(engine: TrainingEngine, rows: TrainedRows): void {
    const { count, y, targets, targetsAt, labelsAt, leftOutAt, scale, losses, dY } = rows;
    const { head, sequenceHead, scorer } = this.readout;
    if (head) head.loss(engine, count, y, targetsAt, labelsAt, scale, losses, dY);
    else if (sequenceHead) sequenceHead.loss(engine, count, y, labelsAt, scale, losses, dY);
    else if (this.#sampled) this.#sampled.crossEntropy(engine, count, y, targets, leftOutAt, scale, losses, dY);
    else scorer!.crossEntropy(engine, count, y, targetsAt, leftOutAt, scale, losses, dY);
  }
}

/** Rows of a window that are trained, in row order. */
interface Trained extends TrainedSteps {
  /** i32[count] */
  rowIds: Int32Array;
  /** How the target of each was rated, f32[count]; zeros without ratings. */
  labels: Float32Array;
}

/** Lists the rows of a window that are trained. */
function trainedSteps(window: Window, examples: readonly Example[]): Trained {
  const { batch, firstStep, steps: windowSteps, firstRow, rows } = window;
  const [rowIds, targets] = [new Int32Array(rows), new Int32Array(rows)];
  const [sequences, steps] = [new Int32Array(rows), new Int32Array(rows)];
  const labels = new Float32Array(rows);
  let count = 0;
  for (let t = firstStep; t < firstStep + windowSteps; t++) {
    const alive = batch.offsets[t + 1] - batch.offsets[t];
    for (let b = 0; b < alive; b++) {
      const example = examples[batch.order[b]];
      if (t < example.lossFrom) continue;
      rowIds[count] = batch.offsets[t] + b - firstRow;
      sequences[count] = b;
      steps[count] = t;
      targets[count] = example.next[t];
      if (example.labels) labels[count] = example.labels[t];
      count++;
    }
  }
  return {
    rowIds: rowIds.subarray(0, count),
    sequences: sequences.subarray(0, count),
    steps: steps.subarray(0, count),
    targets: targets.subarray(0, count),
    labels: labels.subarray(0, count),
  };
}
