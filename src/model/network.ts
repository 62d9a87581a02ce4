// The one composition that every named model is a preset of:
//
//   item ids, features → embedding + projection → [interest attention → weights] → blocks of sublayers → [norm] → [projection to D] → scores or head
//
// Embedding and attention see whole histories; blocks, norm, projection and loss go window by window with carried state.

import type { Engine, TrainingEngine } from "../wasm/engine.ts";
import type { ModelConfig } from "./config.ts";
import { NO_USER } from "./example.ts";
import { type EmbeddingTrace, ItemEmbedding } from "./layers/embedding.ts";
import { FirstProducts } from "./layers/first-products.ts";
import type { ItemHead, SequenceHead } from "./layers/head.ts";
import { type AttentionTrace, InterestAttention } from "./layers/interest-attention.ts";
import type { TiedScorer } from "./layers/scorer.ts";
import { Stack } from "./layers/stack.ts";
import type { Gate } from "./layers/sublayer.ts";
import { cutWindows, lastRow, packHistories, type Window } from "./packed.ts";
import { type ParameterSpec, Parameters, placeParameters } from "./parameters.ts";
import { Readout } from "./readout.ts";
import { INIT_STREAM } from "./streams.ts";

/** In the place of embedded rows where nothing reads them: the table of first products is all that is looked at. */
const NOT_EMBEDDED: EmbeddingTrace = { x: 0, norm: undefined, positionsAt: 0 };

/** Histories encoded for scoring; lives until the plan is released. */
export interface Encoded {
  /** y of each history in the caller's order, f32[B, D] (H wide for a model with features). */
  y: number;
  /** Attention weights of each history in the caller's order, oldest first; empty without attention. */
  weights: Float32Array[];
}

/** A model in an engine's memory: parameters, and the composition that uses them. */
export class Network {
  readonly parameters: Parameters;
  readonly embedding: ItemEmbedding;
  readonly attention: InterestAttention | undefined;
  readonly stack: Stack;
  readonly readout: Readout;
  /** Undefined while training, where something stands between items and products, and where there is nothing to tabulate or too much. */
  readonly #firstProducts: FirstProducts | undefined;
  /** Everything above this mark is the plan of one step. */
  #stepMark: number;

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
    this.embedding = new ItemEmbedding(engine, config, this.parameters, items, training);
    this.attention =
      config.interest === "none" ? undefined : new InterestAttention(engine, config, this.parameters, training);
    this.stack = new Stack(engine, config, this.parameters, training);
    const { table, isPlain } = this.embedding;
    this.readout = new Readout(engine, config, this.parameters, table, training);
    const { first } = this.stack;
    const tabulates = !training && isPlain && FirstProducts.fits(first, items);
    this.#firstProducts = tabulates ? new FirstProducts(engine, first, table!) : undefined;
    this.#stepMark = engine.memory.mark();
  }

  /** Scores the whole catalogue; models with features do not rank. */
  get scorer(): TiedScorer {
    return this.readout.scorer!;
  }

  /** Predicts a number for an item instead of a ranking; none for the task `next`. */
  get head(): ItemHead | undefined {
    return this.readout.head;
  }

  /** Predicts a number for a whole sequence, in a model with features. */
  get sequenceHead(): SequenceHead | undefined {
    return this.readout.sequenceHead;
  }

  /** Numbers in an encoded history: D, or H where a sequence is read out. */
  get outputWidth(): number {
    return this.readout.width;
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
    const { table } = network.embedding;
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
    return [
      ...ItemEmbedding.specs(config, items),
      ...InterestAttention.specs(config, users),
      ...Stack.specs(config),
      ...Readout.specs(config, items),
    ];
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
    this.#firstProducts?.forget();
    this.embedding.prepare();
    this.attention?.prepare();
    this.stack.prepare();
    this.readout.prepare();
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

  /**
   * Says that `steps` more are to be encoded. Once they are as many as the items, the first product is computed for every item and looked
   * up from then on, where nothing but an attention weight stands between item and product. Nothing may be planned in the step.
   */
  expectSteps(steps: number): void {
    if (this.#firstProducts?.expect(steps)) this.keepPlanned();
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
    for (const { indices, rowOf } of this.parts(histories.length, users)) {
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
    const tabulated = this.#firstProducts?.at ?? 0;
    const skips = tabulated !== 0 && !this.attention && config.residual !== "add";
    const embedded = skips ? NOT_EMBEDDED : this.embedding.forward(engine, batch);
    const attention = this.attention?.forward(engine, batch, embedded.x, rowOf);
    const states = this.stack.planStates(batch.sequences);
    for (const window of cutWindows(engine, batch, config.window)) {
      const mark = memory.mark();
      const x = this.rowsOf(window, embedded);
      const trace = this.stack.forward(window, x, states, gateOf(window, attention, 0), undefined, tabulated);
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
  parts(count: number, users: readonly number[] | undefined): { indices: number[]; rowOf: number[] | undefined }[] {
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

  /** Address of a window's rows of X. */
  rowsOf(window: Window, embedded: EmbeddingTrace): number {
    return embedded.x + 4 * window.firstRow * this.config.embedding;
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
}

/** Returns what gates the first sublayer over a window; nothing without attention. */
export function gateOf(window: Window, attention: AttentionTrace | undefined, dWeights: number): Gate | undefined {
  const first = 4 * window.firstRow;
  return attention && { weights: attention.weights + first, dWeights: dWeights + first };
}
