// A sublayer: a body with what surrounds it.
//
//   plain      y = f(dropout(x))
//   residual   y = x + dropout(f(x)), or x + f(x) where f is self-attention that drops its weights alone
//   norm pre   f sees LN(x);   norm post   y is normalised at the end
//
// A block is a mixer over the steps, and a feed-forward sublayer where the config has one.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { Window } from "../packed.ts";
import type { ParameterSpec, Parameters } from "../parameters.ts";
import type { Body, BodyState, Run } from "./body.ts";
import { type Dropout, dropout } from "./dropout.ts";
import { FeedForward } from "./feed-forward.ts";
import { LayerNorm } from "./layer-norm.ts";
import { Recurrence } from "./recurrence.ts";
import { SelfAttention } from "./self-attention.ts";

const MIXERS = { recurrence: Recurrence, "self-attention": SelfAttention } as const;
/** Dropout inside bodies draws from places of its own. */
const INSIDE = 0x100;

/** Attention weights that gate the first sublayer's input, and their gradient. */
export interface Gate {
  weights: number;
  dWeights: number;
}

/** One sublayer of a composition. */
export class Sublayer {
  readonly #body: Body;
  readonly #norm: LayerNorm | undefined;
  readonly #residual: boolean;
  readonly #post: boolean;
  /** Whether there is dropout around the body, not only inside it. */
  readonly #drops: boolean;

  private constructor(
    readonly engine: Engine,
    config: ModelConfig,
    parameters: Parameters,
    body: Body,
    normName: string,
    /** Its number in the composition: where its dropout draws from. */
    readonly place: number,
  ) {
    this.#body = body;
    this.#residual = config.residual === "add";
    this.#post = config.norm === "post";
    const dropsInside = body instanceof SelfAttention && config.attentionDropout === "weights";
    this.#drops = !(this.#residual && dropsInside);
    this.#norm = config.norm === "none" ? undefined : new LayerNorm(engine, parameters, normName);
  }

  /** Makes the sublayers of all blocks, in order. */
  static stack(engine: Engine, config: ModelConfig, parameters: Parameters, training: boolean): Sublayer[] {
    const sublayers: Sublayer[] = [];
    const add = (body: Body, normName: string) =>
      sublayers.push(new Sublayer(engine, config, parameters, body, normName, sublayers.length));
    for (let index = 0; index < config.layers; index++) {
      add(new MIXERS[config.mixer](engine, config, parameters, index, training), `blocks.${index}.norm1`);
      if (config.feedForward > 0) {
        add(new FeedForward(engine, config, parameters, index, training), `blocks.${index}.norm2`);
      }
    }
    return sublayers;
  }

  /** Declares the parameters of all blocks. */
  static specs(config: ModelConfig): ParameterSpec[] {
    const specs: ParameterSpec[] = [];
    const normed = config.norm !== "none";
    for (let index = 0; index < config.layers; index++) {
      specs.push(...MIXERS[config.mixer].specs(config, index));
      if (normed) specs.push(...LayerNorm.specs(`blocks.${index}.norm1`, normWidth(config)));
      if (config.feedForward === 0) continue;
      specs.push(...FeedForward.specs(config, index));
      if (normed) specs.push(...LayerNorm.specs(`blocks.${index}.norm2`, config.hidden));
    }
    return specs;
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    this.#body.prepare();
  }

  /** Plans the state of `sequences` histories that have not begun. */
  planState(sequences: number): BodyState | undefined {
    return this.#body.planState(sequences);
  }

  /** Numbers a row that depend on its input alone, while nothing trains; 0 where there is nothing to tabulate. */
  get tableWidth(): number {
    return this.#norm && !this.#post ? 0 : this.#body.tableWidth;
  }

  /** Writes those of `rows` inputs, f32[rows, tableWidth]. */
  tabulate(rows: number, x: number, to: number): void {
    this.#body.tabulate(rows, x, to);
  }

  /** Runs over a window; with `drop` it keeps what backward needs. */
  forward(
    window: Window,
    x: number,
    state: BodyState | undefined,
    gate: Gate | undefined,
    drop: Omit<Dropout, "place"> | undefined,
    tabulated = 0,
  ): Run {
    const { engine, place } = this;
    const { rows } = window;
    const { outWidth, inWidth } = this.#body;
    const around = drop && { ...drop, place, rate: this.#drops ? drop.rate : 0 };
    const inside = drop && { ...drop, place: INSIDE + place };
    const pre = this.#post ? undefined : this.#norm?.forward(rows, x);
    const normed = pre ? pre.y : x;
    const input = around && !this.#residual ? dropout(around, window, inWidth, normed) : normed;
    const pass = { window, weights: gate?.weights ?? 0, dWeights: gate?.dWeights ?? 0, tabulated, drop: inside };
    const body = this.#body.forward(pass, input, state);
    let sum = body.y;
    if (this.#residual) {
      // The body's own output stays as it is: a recurrence still needs its h.
      sum = branchOf(engine, around, window, outWidth, body.y);
      engine.each("addRowsF32", rows, 1, outWidth, x, sum);
    }
    const post = this.#post ? this.#norm!.forward(rows, sum) : undefined;
    const backward = (training: TrainingEngine, dY: number, dx: number) => {
      const { memory } = training;
      if (post) this.#norm!.backward(training, rows, post, dY, dY);
      if (!this.#residual) {
        body.backward(training, dY, dx);
        dropout(around!, window, inWidth, dx, dx);
        if (pre) this.#norm!.backward(training, rows, pre, dx, dx);
        return;
      }
      const mark = memory.mark();
      // dY is needed twice: along the branch, and straight on.
      const dBranch = branchOf(training, around, window, outWidth, dY);
      body.backward(training, dBranch, dx);
      if (pre) this.#norm!.backward(training, rows, pre, dx, dx);
      training.each("addRowsF32", rows, 1, outWidth, dY, dx);
      memory.release(mark);
    };
    return { y: post ? post.y : sum, backward, carry: body.carry };
  }
}

/** Masks f32[rows, width] into memory of its own: a copy where nothing is dropped. */
function branchOf(engine: Engine, drop: Dropout | undefined, window: Window, width: number, from: number): number {
  if (drop && drop.rate > 0) return dropout(drop, window, width, from);
  const floats = window.rows * width;
  const to = engine.memory.planF32(floats);
  engine.memory.f32(to, floats).set(engine.memory.f32(from, floats));
  return to;
}

/** Width of a mixer's norm: with `pre` its input, which only a residual makes equal to H; with `post` its output. */
function normWidth(config: ModelConfig): number {
  return config.norm === "pre" ? config.embedding : config.hidden;
}
