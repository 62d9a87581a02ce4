// The self-attention body: every step attends over the steps of its window up to itself, with several heads. Windows do not
// see each other: it has no state to carry.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { ParameterSpec, Parameters } from "../parameters.ts";
import { ATTENTION_DROPOUT_STREAM } from "../streams.ts";
import type { Body, Pass, Run } from "./body.ts";
import { Linear } from "./linear.ts";

/** Causal multi-head self-attention (Vaswani et al. 2017), with torch.nn.MultiheadAttention's parameters. */
export class SelfAttention implements Body {
  readonly inWidth: number;
  readonly outWidth: number;
  readonly #heads: number;
  readonly #dropsWeights: boolean;
  readonly #inMap: Linear;
  readonly #outMap: Linear;

  constructor(
    readonly engine: Engine,
    config: ModelConfig,
    parameters: Parameters,
    index: number,
    training: boolean,
  ) {
    this.inWidth = config.embedding;
    this.outWidth = config.embedding;
    this.#heads = config.heads;
    this.#dropsWeights = config.attentionDropout !== "output";
    const own = (name: string) => parameters.get(parameterName(index, name));
    this.#inMap = new Linear(engine, own("in_proj_weight"), own("in_proj_bias"), training);
    this.#outMap = new Linear(engine, own("out_proj.weight"), own("out_proj.bias"), training);
  }

  /** Declares the parameters of block `index`. */
  static specs({ embedding, initStd }: ModelConfig, index: number): ParameterSpec[] {
    const normal = { kind: "normal", size: initStd } as const;
    const zero = { kind: "constant", size: 0 } as const;
    return [
      { name: parameterName(index, "in_proj_weight"), shape: [3 * embedding, embedding], init: normal },
      { name: parameterName(index, "in_proj_bias"), shape: [3 * embedding], init: zero },
      { name: parameterName(index, "out_proj.weight"), shape: [embedding, embedding], init: normal },
      { name: parameterName(index, "out_proj.bias"), shape: [embedding], init: zero },
    ];
  }

  readonly tableWidth = 0;

  tabulate(): void {}

  prepare(): void {
    this.#inMap.prepare();
    this.#outMap.prepare();
  }

  planState(): undefined {}

  forward(pass: Pass, x: number): Run {
    const { engine } = this;
    const { memory } = engine;
    const { rows, steps, sequences, offsetsAt, firstRow } = pass.window;
    const width = this.outWidth;
    const qkv = memory.planF32(rows * 3 * width);
    this.#inMap.forward(rows, x, qkv);
    const o = memory.planF32(rows * width);
    const y = memory.planF32(rows * width);
    const mark = memory.mark();
    const scratch = memory.planF32(sequences * (steps * 3 * width + roundUp(steps)));
    const { rate, seed, stream, step } = this.#maskOf(pass);
    engine.each(
      "selfAttentionForwardF32",
      pass.window.work,
      1,
      steps,
      offsetsAt,
      width,
      this.#heads,
      qkv,
      o,
      scratch,
      rate,
      seed,
      stream,
      step,
      firstRow,
    );
    memory.release(mark);
    this.#outMap.forward(rows, o, y);
    return {
      y,
      backward: (training, dY, dx) => this.#backward(training, pass, x, qkv, o, dY, dx),
      carry: () => {},
    };
  }

  #backward(engine: TrainingEngine, pass: Pass, x: number, qkv: number, o: number, dY: number, dx: number): void {
    const { memory } = engine;
    const { rows, steps, sequences, offsetsAt, firstRow } = pass.window;
    const width = this.outWidth;
    const mark = memory.mark();
    const dO = memory.planF32(rows * width);
    this.#outMap.backward(engine, rows, o, dY, width, dO);
    const dQkv = memory.planF32(rows * 3 * width);
    const scratch = memory.planF32(sequences * (steps * 6 * width + 3 * roundUp(steps)));
    const { rate, seed, stream, step } = this.#maskOf(pass);
    engine.each(
      "selfAttentionBackwardF32",
      pass.window.work,
      1,
      steps,
      offsetsAt,
      width,
      this.#heads,
      qkv,
      dO,
      dQkv,
      scratch,
      rate,
      seed,
      stream,
      step,
      firstRow,
    );
    this.#inMap.backward(engine, rows, x, dQkv, 3 * width, dx);
    memory.release(mark);
  }

  /** What the mask of the attention probabilities is drawn from. */
  #maskOf({ drop }: Pass): { rate: number; seed: number; stream: number; step: number } {
    if (!drop || !this.#dropsWeights) return { rate: 0, seed: 0, stream: 0, step: 0 };
    return { rate: drop.rate, seed: drop.seed, stream: ATTENTION_DROPOUT_STREAM + drop.place, step: drop.step };
  }
}

function parameterName(index: number, name: string): string {
  return `blocks.${index}.self_attention.${name}`;
}

/** Numbers of a row of scratch that whole vectors fill. */
function roundUp(steps: number): number {
  return Math.ceil(steps / 4) * 4;
}
