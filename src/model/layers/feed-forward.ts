// The feed-forward body: two linear maps with an activation between them, each step on its own.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { ParameterSpec, Parameters } from "../parameters.ts";
import type { Body, Pass, Run } from "./body.ts";
import { dropout } from "./dropout.ts";
import { LINE_COLUMNS, Linear } from "./linear.ts";

/** Numbers of the kernel's activations. */
const ACTIVATIONS = { gelu: 0, relu: 1 } as const;

/** linear2(dropout(act(linear1(x)))), named as in torch.nn.TransformerEncoderLayer. */
export class FeedForward implements Body {
  readonly inWidth: number;
  readonly outWidth: number;
  readonly #activation: number;
  readonly #inMap: Linear;
  readonly #outMap: Linear;

  constructor(
    readonly engine: Engine,
    config: ModelConfig,
    parameters: Parameters,
    readonly index: number,
    training: boolean,
  ) {
    this.inWidth = config.hidden;
    this.outWidth = config.hidden;
    this.#activation = ACTIVATIONS[config.feedForwardActivation];
    const own = (name: string) => parameters.get(parameterName(index, name));
    // The bias of the first map is added by the activation's kernel.
    this.#inMap = new Linear(engine, own("linear1.weight"), undefined, training);
    this.#outMap = new Linear(engine, own("linear2.weight"), own("linear2.bias"), training);
    this.#inBias = own("linear1.bias");
  }
  readonly #inBias;

  /** Declares the parameters of block `index`. */
  static specs({ hidden, feedForward, initStd }: ModelConfig, index: number): ParameterSpec[] {
    const inner = feedForward * hidden;
    const normal = { kind: "normal", size: initStd } as const;
    const zero = { kind: "constant", size: 0 } as const;
    return [
      { name: parameterName(index, "linear1.weight"), shape: [inner, hidden], init: normal },
      { name: parameterName(index, "linear1.bias"), shape: [inner], init: zero },
      { name: parameterName(index, "linear2.weight"), shape: [hidden, inner], init: normal },
      { name: parameterName(index, "linear2.bias"), shape: [hidden], init: zero },
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
    const { window, drop } = pass;
    const { rows } = window;
    const inner = this.#inMap.out;
    const a = memory.planF32(rows * inner);
    this.#inMap.forward(rows, x, a);
    const active = memory.planF32(rows * inner);
    const bias = this.#inBias.value;
    engine.each("activationForwardF32", rows, 1, inner, this.#activation, a, bias, active);
    const dropped = drop ? dropout(drop, window, inner, active, active) : active;
    const y = memory.planF32(rows * this.outWidth);
    this.#outMap.forward(rows, dropped, y);
    return {
      y,
      backward: (training, dY, dx) => this.#backward(training, pass, x, a, dropped, dY, dx),
      carry: () => {},
    };
  }

  #backward(
    engine: TrainingEngine,
    { window, drop }: Pass,
    x: number,
    a: number,
    dropped: number,
    dY: number,
    dx: number,
  ): void {
    const { memory } = engine;
    const { rows } = window;
    const inner = this.#inMap.out;
    const mark = memory.mark();
    const dInner = memory.planF32(rows * inner);
    this.#outMap.backward(engine, rows, dropped, dY, this.outWidth, dInner);
    dropout(drop!, window, inner, dInner, dInner);
    engine.each("activationBackwardF32", rows, 1, inner, this.#activation, a, dInner, dInner);
    engine.each("columnSumsF32", inner, LINE_COLUMNS, rows, dInner, inner, this.#inBias.gradient);
    this.#inMap.backward(engine, rows, x, dInner, inner, dx);
    memory.release(mark);
  }
}

function parameterName(index: number, name: string): string {
  return `blocks.${index}.feed_forward.${name}`;
}
