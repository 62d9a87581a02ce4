// The one composition that every named model is a preset of:
//
//   item ids, features → embedding + projection → [interest attention → weights] → blocks of sublayers → [norm] → [projection to D] → scores or head
//
// Embedding and attention see whole histories; blocks, norm, projection and loss go window by window with carried state.

import type { Engine, TrainingEngine } from "../wasm/engine.ts";
import type { ModelConfig } from "./config.ts";
import type { BodyState, Run } from "./layers/body.ts";
import { type Dropout, dropout } from "./layers/dropout.ts";
import { type EmbeddingTrace, ItemEmbedding } from "./layers/embedding.ts";
import { type HeadTask, ItemHead, SequenceHead } from "./layers/head.ts";
import { type AttentionTrace, InterestAttention } from "./layers/interest-attention.ts";
import { LayerNorm, type NormTrace } from "./layers/layer-norm.ts";
import { Linear } from "./layers/linear.ts";
import { SampledSoftmax } from "./layers/sampled-softmax.ts";
import { TiedScorer } from "./layers/scorer.ts";
import { type Gate, Sublayer } from "./layers/sublayer.ts";
import { cutWindows, lastRow, type PackedBatch, packHistories, type Window } from "./packed.ts";
import { type ParameterSpec, Parameters, placeParameters } from "./parameters.ts";
import { INIT_STREAM } from "./streams.ts";

const PROJECTION = "projection.weight";
const OUTPUT_NORM = "output_norm";
/** Dropout before the first sublayer, where residuals leave no other place for it. */
const INPUT_PLACE = 0x200;
/** Added to the step that masks are drawn for, in the part of a step whose users have no interest of their own. */
const SECOND_PART = 0x40000000;
/** Floats of a table of first products: 64 MiB. */
const MOST_TABLE_FLOATS = 16_777_216;
/** In the place of embedded rows where nothing reads them: the table of first products is all that is looked at. */
const NOT_EMBEDDED: EmbeddingTrace = { x: 0, norm: undefined, positionsAt: 0 };
/** The user of a history whom the model does not know. */
export const NO_USER = -1;

/** A history with the item that follows each of its steps; steps from `lossFrom` on are trained. */
export interface Example {
  history: ArrayLike<number>;
  next: ArrayLike<number>;
  lossFrom: number;
  /** Row of the user in `attention.users`; NO_USER if left out. */
  user?: number;
  /** For a head: the rating or the click of each of `next`. */
  labels?: ArrayLike<number>;
  /** The numbers of each step, f32[T, n], of a model with features. */
  features?: Float32Array;
}

/** Histories encoded for scoring; lives until the plan is released. */
export interface Encoded {
  /** y of each history in the caller's order, f32[B, D] (H wide for a model with features). */
  y: number;
  /** Attention weights of each history in the caller's order, oldest first; empty without attention. */
  weights: Float32Array[];
}

/** Everything one window computed. */
interface WindowTrace {
  runs: Run[];
  norm: NormTrace | undefined;
  /** Output after norm and dropout, f32[rows, H]. */
  output: number;
  /** What is scored, f32[rows, D]. */
  y: number;
}

/** A training step's dropout, but for its place and rate. */
type Masks = Omit<Dropout, "place" | "rate">;

/** A model in an engine's memory: parameters, and the composition that uses them. */
export class Network {
  readonly parameters: Parameters;
  readonly #scorer: TiedScorer | undefined;
  /** The loss while training, where it is sampled. */
  readonly #sampled: SampledSoftmax | undefined;
  /** Predicts a number for a whole sequence, in a model with features. */
  readonly sequenceHead: SequenceHead | undefined;
  /** Predicts a number instead of a ranking; none for the task `next`. */
  readonly head: ItemHead | undefined;
  readonly #embedding: ItemEmbedding;
  readonly #attention: InterestAttention | undefined;
  readonly #sublayers: Sublayer[];
  readonly #outputNorm: LayerNorm | undefined;
  readonly #projection: Linear | undefined;
  /** Everything above this mark is the plan of one step. */
  #stepMark: number;
  /** W·E of the first product and every item, f32[V, tableWidth], if planned; and whether it is of the weights as they are. */
  #table = 0;
  #tabulated = false;
  /** Steps encoded with the weights as they are. */
  #steps = 0;

  /**
   * Plans a model of `items` items. With `training`, plans gradients too; the engine must then be a TrainingEngine.
   * @param users how many users have an interest of their own, with `interest=user`
   * @throws CapacityError `MEMORY_LIMIT`, `MEMORY_REFUSED`
   */
  constructor(
    readonly engine: Engine,
    readonly config: ModelConfig,
    readonly items: number,
    training: boolean,
    readonly users = 0,
  ) {
    this.parameters = new Parameters(engine, Network.specs(config, items, users), training);
    this.#embedding = new ItemEmbedding(engine, config, this.parameters, items, training);
    this.#attention =
      config.interest === "none" ? undefined : new InterestAttention(engine, config, this.parameters, training);
    this.#sublayers = Sublayer.stack(engine, config, this.parameters, training);
    this.#outputNorm = config.norm === "pre" ? new LayerNorm(engine, this.parameters, OUTPUT_NORM) : undefined;
    const projects = config.hidden !== config.embedding && config.features === 0;
    this.#projection = projects ? new Linear(engine, this.parameters.get(PROJECTION), undefined, training) : undefined;
    const { task, features } = config;
    const { table } = this.#embedding;
    if (features > 0) {
      this.sequenceHead = new SequenceHead(engine, task as HeadTask, this.parameters, training);
    } else {
      const { rows } = this.parameters;
      this.#scorer = new TiedScorer(engine, table!, training && !rows);
      if (rows) this.#sampled = new SampledSoftmax(table!, rows, config.negatives);
      if (task !== "next") this.head = new ItemHead(engine, task, this.parameters, table!);
    }
    this.#stepMark = engine.memory.mark();
  }

  /** Scores the whole catalogue; models with features do not rank. */
  get scorer(): TiedScorer {
    return this.#scorer!;
  }

  /** Numbers in an encoded history: D, or H where a sequence is read out. */
  get outputWidth(): number {
    return this.sequenceHead ? this.config.hidden : this.config.embedding;
  }

  /**
   * Makes a network that only answers, from stored weights of the right sizes. The item table is read from where it is until more than a
   * few answers need it: its numbers must stay as they are.
   */
  static fromWeights(
    engine: Engine,
    config: ModelConfig,
    items: number,
    weights: ReadonlyMap<string, Float32Array>,
    users = 0,
  ): Network {
    // Memory grows once, for parameters and panels: each time it does, V8 counts all of it anew, and may collect garbage for that.
    const { memory } = engine;
    const mark = memory.mark();
    memory.planF32(2 * placeParameters(Network.specs(config, items, users)).floats);
    memory.release(mark);
    const network = new Network(engine, config, items, false, users);
    const { table } = network.#embedding;
    table?.defer(weights.get(table.name)!);
    for (const parameter of network.parameters.list) {
      if (parameter === table) continue;
      engine.memory.f32(parameter.value, parameter.size).set(weights.get(parameter.name)!);
    }
    network.prepare();
    return network;
  }

  /** Like `fromWeights`, from the block of all parameters of an equal network. */
  static fromBlock(engine: Engine, config: ModelConfig, items: number, block: Float32Array, users = 0): Network {
    const network = new Network(engine, config, items, false, users);
    const { values, floats } = network.parameters;
    engine.memory.f32(values, floats).set(block);
    network.prepare();
    return network;
  }

  /** Lists the parameters of a config in the order they are stored. */
  static specs(config: ModelConfig, items: number, users = 0): ParameterSpec[] {
    const specs = [...ItemEmbedding.specs(config, items), ...InterestAttention.specs(config, users)];
    specs.push(...Sublayer.specs(config));
    if (config.norm === "pre") specs.push(...LayerNorm.specs(OUTPUT_NORM, config.hidden));
    if (config.features > 0) return [...specs, ...SequenceHead.specs(config.hidden)];
    if (config.hidden !== config.embedding) {
      const init = { kind: "uniform", size: 1 / Math.sqrt(config.hidden) } as const;
      specs.push({ name: PROJECTION, shape: [config.embedding, config.hidden], init });
    }
    if (config.task !== "next") specs.push(...ItemHead.specs(items));
    return specs;
  }

  /** Draws initial weights from the config's seed. */
  initialize(engine: TrainingEngine): void {
    const { memory } = engine;
    this.parameters.list.forEach((parameter, index) => {
      const { value, size, init } = parameter;
      const { seed } = this.config;
      const stream = INIT_STREAM + index;
      if (init.kind === "normal") engine.each("fillNormalF32", size, 4, value, init.size, seed, stream);
      else if (init.kind === "uniform") {
        engine.each("fillUniformF32", size, 4, value, -init.size, init.size, seed, stream);
      } else memory.f32(value, size).fill(init.size);
      for (const { from, to, value: start } of init.segments ?? []) memory.f32(value, size).fill(start, from, to);
    });
    this.prepare();
  }

  /** Lays weights out for the kernels; call it after every change of a weight. */
  prepare(): void {
    this.#tabulated = false;
    this.#steps = 0;
    this.#embedding.prepare();
    this.#attention?.prepare();
    for (const sublayer of this.#sublayers) sublayer.prepare();
    this.#projection?.prepare();
    this.#scorer?.prepare();
    this.head?.prepare();
    this.sequenceHead?.prepare();
  }

  /** Writes scores of the whole catalogue, f32[rows, scorer.stride], of y f32[rows, D]: logits, or ratings. */
  score(rows: number, y: number, scores: number): void {
    this.scorer.score(rows, y, scores);
    this.head?.addBias(rows, this.scorer.stride, scores);
  }

  /** Sets what the head predicts before it knows anything: the mean rating, say. */
  setBias(value: number): void {
    const head = this.head ?? this.sequenceHead;
    if (!head) return;
    this.engine.memory.f32(head.bias.value, 1)[0] = value;
    this.prepare();
  }

  /** Draws negatives by how often items occur, i32[V], where the loss is sampled; until then all are equally likely. */
  drawNegativesBy(counts: ArrayLike<number>): void {
    this.#sampled?.drawBy(counts);
  }

  /**
   * Says that `steps` more are to be encoded. Once they are as many as the items, the first product is computed for every item and looked
   * up from then on, where nothing but an attention weight stands between item and product. Nothing may be planned in the step.
   */
  expectSteps(steps: number): void {
    if (this.#tabulated) return;
    this.#steps += steps;
    const { engine, items, parameters } = this;
    const [first] = this.#sublayers;
    const floats = items * first.tableWidth;
    if (parameters.gradients !== 0 || !this.#embedding.isPlain || floats === 0 || floats > MOST_TABLE_FLOATS) return;
    if (this.#steps < items) return;
    if (this.#table === 0) {
      this.#table = engine.memory.planF32(floats);
      this.keepPlanned();
    }
    first.tabulate(items, this.#embedding.table!.value, this.#table);
    this.#tabulated = true;
  }

  /** Makes all that is planned by now outlast steps: what else lives as long as the model, such as an optimiser. */
  keepPlanned(): void {
    this.#stepMark = this.engine.memory.mark();
  }

  /** Forgets the plan of the last step or request. */
  releaseStep(): void {
    this.engine.memory.release(this.#stepMark);
  }

  /**
   * Encodes histories of at least one item each into what the scorer takes. Row r of a history's result has the same bits
   * whatever else is in the batch.
   * @param users row of each history's user in `attention.users`, or NO_USER, which all are if left out
   */
  encode(
    histories: readonly ArrayLike<number>[],
    users?: readonly number[],
    features?: readonly Float32Array[],
  ): Encoded {
    const { memory } = this.engine;
    const y = memory.planF32(histories.length * this.outputWidth);
    const weights: Float32Array[] = [];
    for (const { indices, rowOf } of this.#parts(histories.length, users)) {
      const mark = memory.mark();
      this.#encodePart(histories, features, indices, rowOf, y, weights);
      memory.release(mark);
    }
    return { y, weights };
  }

  /** Encodes the histories of one part into their places. */
  #encodePart(
    histories: readonly ArrayLike<number>[],
    features: readonly Float32Array[] | undefined,
    indices: readonly number[],
    rowOf: readonly number[] | undefined,
    y: number,
    weights: Float32Array[],
  ): void {
    const { engine, config } = this;
    const { memory } = engine;
    const width = this.outputWidth;
    const batch = packHistories(
      engine,
      indices.map((index) => this.#withinReach(histories[index])),
      features && indices.map((index) => this.#featuresWithinReach(features[index])),
      config.features,
    );
    const skips = this.#tabulated && !this.#attention && config.residual !== "add";
    const embedded = skips ? NOT_EMBEDDED : this.#embedding.forward(engine, batch);
    const attention = this.#attention?.forward(engine, batch, embedded.x, rowOf);
    const states = this.#planStates(batch);
    for (const window of cutWindows(engine, batch, config.window)) {
      const mark = memory.mark();
      const trace = this.#forwardWindow(window, embedded, attention, states, 0, undefined);
      const from = memory.f32(trace.y, window.rows * width);
      const to = memory.f32(y, histories.length * width);
      for (let b = 0; b < batch.sequences; b++) {
        const row = lastRow(batch, b) - window.firstRow;
        if (row < 0 || row >= window.rows) continue;
        to.set(from.subarray(row * width, (row + 1) * width), indices[batch.order[b]] * width);
      }
      for (const run of trace.runs) run.carry();
      memory.release(mark);
    }
    if (!attention) return;
    const all = memory.f32(attention.weights, batch.rows);
    for (let b = 0; b < batch.sequences; b++) {
      const own = Float32Array.from({ length: batch.lengths[b] }, (_, t) => all[batch.offsets[t] + b]);
      weights[indices[batch.order[b]]] = own;
    }
  }

  /**
   * Cuts a batch in two where interest is `user`: who has one, which is constant, and who has not, for whom it is the mean of
   * the history, which moves where weights look back only. Every other model takes a batch whole.
   */
  #parts(count: number, users: readonly number[] | undefined): { indices: number[]; rowOf: number[] | undefined }[] {
    const all = Array.from({ length: count }, (_, index) => index);
    if (this.config.interest !== "user" || !users) return [{ indices: all, rowOf: undefined }];
    const known = all.filter((index) => users[index] !== NO_USER);
    const others = all.filter((index) => users[index] === NO_USER);
    const parts = [
      { indices: known, rowOf: known.map((index) => users[index]) },
      { indices: others, rowOf: undefined },
    ];
    return parts.filter(({ indices }) => indices.length > 0);
  }

  /**
   * Runs one training step forward and backward: adds the gradient of the mean loss to the parameters' gradients. Where the table's
   * gradient goes by rows, it is this step's alone, until the next or `releaseStep`.
   * @param step number of the optimiser step, which dropout masks and negatives depend on
   * @returns sum of the losses in f64, and how many steps were trained
   */
  backpropagate(engine: TrainingEngine, examples: readonly Example[], step: number): { loss: number; count: number } {
    let count = 0;
    for (const { history, lossFrom } of examples) count += history.length - lossFrom;
    const users = examples.map(({ user }) => user ?? NO_USER);
    this.#drawNegatives(engine, examples, step);
    let loss = 0;
    this.#parts(examples.length, users).forEach(({ indices, rowOf }, part) => {
      const mark = engine.memory.mark();
      const own = indices.map((index) => examples[index]);
      loss += this.#backpropagatePart(engine, own, rowOf, step + part * SECOND_PART, 1 / count);
      engine.memory.release(mark);
    });
    return { loss, count };
  }

  /** Begins a step of a sampled loss: plans what the negatives and the gradients of all rows the step meets need. */
  #drawNegatives(engine: TrainingEngine, examples: readonly Example[], step: number): void {
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

  /** Runs the examples of one part forward and backward; returns the sum of their losses. */
  #backpropagatePart(
    engine: TrainingEngine,
    examples: readonly Example[],
    rowOf: readonly number[] | undefined,
    step: number,
    scale: number,
  ): number {
    const { config } = this;
    const { memory } = engine;
    const batch = packHistories(
      engine,
      examples.map((example) => example.history),
      config.features > 0 ? examples.map((example) => example.features!) : undefined,
      config.features,
    );
    const embedded = this.#embedding.forward(engine, batch);
    const attention = this.#attention?.forward(engine, batch, embedded.x, rowOf);
    const dX = memory.planF32(batch.rows * config.embedding);
    const dWeights = memory.planF32(batch.rows);
    memory.f32(dWeights, batch.rows).fill(0);
    const states = this.#planStates(batch);
    const masks: Masks = { engine, seed: config.seed, step };
    let loss = 0;
    for (const window of cutWindows(engine, batch, config.window)) {
      const mark = memory.mark();
      const trace = this.#forwardWindow(window, embedded, attention, states, dWeights, masks);
      loss += this.#backwardWindow(engine, window, examples, trace, masks, scale, dX);
      for (const run of trace.runs) run.carry();
      memory.release(mark);
    }
    if (attention) this.#attention!.backward(engine, batch, embedded.x, attention, dWeights, dX);
    this.#embedding.backward(engine, batch, embedded, dX);
    return loss;
  }

  /** Self-attention reaches back one window, which then has to be the last one. */
  #withinReach(history: ArrayLike<number>): ArrayLike<number> {
    const { mixer, window } = this.config;
    if (mixer !== "self-attention" || history.length <= window) return history;
    return Array.prototype.slice.call(history, history.length - window);
  }

  #featuresWithinReach(features: Float32Array): Float32Array {
    const { mixer, window, features: count } = this.config;
    return mixer === "self-attention" ? features.subarray(Math.max(0, features.length - window * count)) : features;
  }

  #planStates(batch: PackedBatch): (BodyState | undefined)[] {
    return this.#sublayers.map((sublayer) => sublayer.planState(batch.sequences));
  }

  /** Dropout before the first sublayer; sublayers without residual have it themselves. */
  #inputDropout(masks: Masks): Dropout {
    const { residual, dropout: rate } = this.config;
    return { ...masks, rate: residual === "add" ? rate : 0, place: INPUT_PLACE };
  }

  #outputDropout(masks: Masks): Dropout {
    return { ...masks, rate: this.config.outputDropout, place: this.#sublayers.length };
  }

  #forwardWindow(
    window: Window,
    embedded: EmbeddingTrace,
    attention: AttentionTrace | undefined,
    states: (BodyState | undefined)[],
    dWeights: number,
    masks: Masks | undefined,
  ): WindowTrace {
    const { engine, config } = this;
    let x = embedded.x + 4 * window.firstRow * config.embedding;
    if (masks) x = dropout(this.#inputDropout(masks), window, config.embedding, x);
    const first = 4 * window.firstRow;
    const gate: Gate | undefined = attention && { weights: attention.weights + first, dWeights: dWeights + first };
    const drop = masks && { ...masks, rate: config.dropout };
    const runs = this.#sublayers.map((sublayer, index) => {
      const isFirst = index === 0;
      const tabulated = isFirst && !masks && this.#tabulated ? this.#table : 0;
      const run = sublayer.forward(window, x, states[index], isFirst ? gate : undefined, drop, tabulated);
      x = run.y;
      return run;
    });
    const norm = this.#outputNorm?.forward(window.rows, x);
    if (norm) x = norm.y;
    const output = masks ? dropout(this.#outputDropout(masks), window, config.hidden, x) : x;
    if (!this.#projection) return { runs, norm, output, y: output };
    const y = engine.memory.planF32(window.rows * config.embedding);
    this.#projection.forward(window.rows, output, y);
    return { runs, norm, output, y };
  }

  /** Takes the loss of a window back to dX of its rows, which it writes, and to the weights' gradient; returns the sum of its losses. */
  #backwardWindow(
    engine: TrainingEngine,
    window: Window,
    examples: readonly Example[],
    trace: WindowTrace,
    masks: Masks,
    scale: number,
    dX: number,
  ): number {
    const { config } = this;
    const { memory } = engine;
    const dFirst = dX + 4 * window.firstRow * config.embedding;
    let dY = memory.planF32(window.rows * config.hidden);
    const loss = this.#loss(engine, window, examples, trace, scale, dY);
    if (loss === undefined) {
      memory.f32(dFirst, window.rows * config.embedding).fill(0);
      return 0;
    }
    dropout(this.#outputDropout(masks), window, config.hidden, dY, dY);
    if (trace.norm) this.#outputNorm!.backward(engine, window.rows, trace.norm, dY, dY);
    for (let index = trace.runs.length - 1; index >= 0; index--) {
      const dx = index === 0 ? dFirst : memory.planF32(window.rows * config.hidden);
      trace.runs[index].backward(engine, dY, dx);
      dY = dx;
    }
    dropout(this.#inputDropout(masks), window, config.embedding, dY, dY);
    return loss;
  }

  /** Writes dOutput, f32[rows, H], of the trained rows (zero elsewhere) and returns their loss; undefined if there are none. */
  #loss(
    engine: TrainingEngine,
    window: Window,
    examples: readonly Example[],
    trace: WindowTrace,
    scale: number,
    dOutput: number,
  ): number | undefined {
    const { config } = this;
    const { memory } = engine;
    const width = this.outputWidth;
    const { rowIds, targets, labels } = trainedRows(window, examples);
    const count = rowIds.length;
    if (count === 0) return undefined;
    const all = count === window.rows;
    const sampled = this.#sampled;
    const targetsAt = sampled ? 0 : memory.place(targets);
    const rowsAt = memory.place(rowIds);
    const losses = memory.planF32(count);
    const { head, sequenceHead, scorer } = this;
    const labelled = config.task !== "next";
    const labelsAt = labelled ? memory.planF32(count) : 0;
    if (labelled) memory.f32(labelsAt, count).set(labels);
    const lossOf = (rowsY: number, dRows: number) => {
      if (head) head.loss(engine, count, rowsY, targetsAt, labelsAt, scale, losses, dRows);
      else if (sequenceHead) sequenceHead.loss(engine, count, rowsY, labelsAt, scale, losses, dRows);
      else if (sampled) sampled.crossEntropy(engine, count, rowsY, targets, scale, losses, dRows);
      else scorer.crossEntropy(engine, count, rowsY, targetsAt, scale, losses, dRows);
    };
    let y = trace.y;
    if (!all) {
      y = memory.planF32(count * width);
      engine.each("gatherForwardF32", count, 1, trace.y, rowsAt, width, y);
    }
    // dY of all rows: the output's own gradient where nothing projects.
    const dY = this.#projection ? memory.planF32(window.rows * width) : dOutput;
    if (all) lossOf(y, dY);
    else {
      const dTrained = memory.planF32(count * width);
      lossOf(y, dTrained);
      memory.f32(dY, window.rows * width).fill(0);
      engine.each("gatherBackwardF32", window.rows, 1, count, dTrained, rowsAt, width, dY);
    }
    this.#projection?.backward(engine, window.rows, trace.output, dY, width, dOutput);
    let sum = 0;
    for (const loss of memory.f32(losses, count)) sum += loss;
    return sum;
  }
}

/** Lists the rows of a window that are trained, in row order, what each should rank first, and how it was rated. */
function trainedRows(
  window: Window,
  examples: readonly Example[],
): { rowIds: Int32Array; targets: Int32Array; labels: Float32Array } {
  const { batch, firstStep, steps, firstRow } = window;
  const rowIds = new Int32Array(window.rows);
  const targets = new Int32Array(window.rows);
  const labels = new Float32Array(window.rows);
  let count = 0;
  for (let t = firstStep; t < firstStep + steps; t++) {
    const alive = batch.offsets[t + 1] - batch.offsets[t];
    for (let b = 0; b < alive; b++) {
      const example = examples[batch.order[b]];
      if (t < example.lossFrom) continue;
      rowIds[count] = batch.offsets[t] + b - firstRow;
      targets[count] = example.next[t];
      if (example.labels) labels[count] = example.labels[t];
      count++;
    }
  }
  return {
    rowIds: rowIds.subarray(0, count),
    targets: targets.subarray(0, count),
    labels: labels.subarray(0, count),
  };
}
