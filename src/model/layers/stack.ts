// All that goes window by window, between the attention and the scores:
//
//   x → dropout → sublayers of all blocks, the first one gated → [norm] → dropout → [projection to D] → y

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { Window } from "../packed.ts";
import type { ParameterSpec, Parameters } from "../parameters.ts";
import type { BodyState, Run } from "./body.ts";
import { type Dropout, dropout } from "./dropout.ts";
import { LayerNorm, type NormTrace } from "./layer-norm.ts";
import { Linear } from "./linear.ts";
import { type Gate, Sublayer } from "./sublayer.ts";

const PROJECTION = "projection.weight";
const OUTPUT_NORM = "output_norm";
/** Dropout before the first sublayer, where residuals leave no other place for it. */
const INPUT_PLACE = 0x200;

/** A training step's dropout, but for its place and rate. */
export type Masks = Omit<Dropout, "place" | "rate">;

/** A window's run through the stack. */
export interface StackTrace {
  runs: Run[];
  norm: NormTrace | undefined;
  /** Output after norm and dropout, f32[rows, H]. */
  output: number;
  /** What is scored, f32[rows, D]; H wide where nothing projects. */
  y: number;
}

/** The blocks of a composition with what stands before and after them. */
export class Stack {
  readonly #sublayers: Sublayer[];
  readonly #norm: LayerNorm | undefined;
  readonly #projection: Linear | undefined;

  constructor(
    readonly engine: Engine,
    readonly config: ModelConfig,
    parameters: Parameters,
    training: boolean,
  ) {
    this.#sublayers = Sublayer.stack(engine, config, parameters, training);
    this.#norm = config.norm === "pre" ? new LayerNorm(engine, parameters, OUTPUT_NORM) : undefined;
    this.#projection = projects(config)
      ? new Linear(engine, parameters.get(PROJECTION), undefined, training)
      : undefined;
  }

  /** Declares the parameters of all blocks and of what follows them. */
  static specs(config: ModelConfig): ParameterSpec[] {
    const specs = Sublayer.specs(config);
    if (config.norm === "pre") specs.push(...LayerNorm.specs(OUTPUT_NORM, config.hidden));
    if (projects(config)) {
      const init = { kind: "uniform", size: 1 / Math.sqrt(config.hidden) } as const;
      specs.push({ name: PROJECTION, shape: [config.embedding, config.hidden], init });
    }
    return specs;
  }

  /** The sublayer that sees embedded items. */
  get first(): Sublayer {
    return this.#sublayers[0];
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    for (const sublayer of this.#sublayers) sublayer.prepare();
    this.#projection?.prepare();
  }

  /** Plans the states of `sequences` histories that have not begun, one a sublayer. */
  planStates(sequences: number): (BodyState | undefined)[] {
    return this.#sublayers.map((sublayer) => sublayer.planState(sequences));
  }

  /**
   * Runs over a window from the states; with `masks` it keeps what backward needs.
   * @param x f32[rows, D]
   * @param tabulated what the first sublayer makes of each item alone, f32[V, tableWidth]; 0 where it has to be computed
   */
  forward(
    window: Window,
    x: number,
    states: (BodyState | undefined)[],
    gate: Gate | undefined,
    masks: Masks | undefined,
    tabulated: number,
  ): StackTrace {
    const { engine, config } = this;
    let y = masks ? dropout(this.#inputDropout(masks), window, config.embedding, x) : x;
    const drop = masks && { ...masks, rate: config.dropout };
    const runs = this.#sublayers.map((sublayer, index) => {
      const isFirst = index === 0;
      const run = sublayer.forward(window, y, states[index], isFirst ? gate : undefined, drop, isFirst ? tabulated : 0);
      y = run.y;
      return run;
    });
    const norm = this.#norm?.forward(window.rows, y);
    if (norm) y = norm.y;
    const output = masks ? dropout(this.#outputDropout(masks), window, config.hidden, y) : y;
    if (!this.#projection) return { runs, norm, output, y: output };
    y = engine.memory.planF32(window.rows * config.embedding);
    this.#projection.forward(window.rows, output, y);
    return { runs, norm, output, y };
  }

  /** Writes dx, f32[rows, D], from dY (used up), f32 of the shape of y, and adds to the parameters' gradients. */
  backward(engine: TrainingEngine, window: Window, trace: StackTrace, masks: Masks, dY: number, dx: number): void {
    const { config } = this;
    const { memory } = engine;
    const { rows } = window;
    let dOutput = dY;
    if (this.#projection) {
      dOutput = memory.planF32(rows * config.hidden);
      this.#projection.backward(engine, rows, trace.output, dY, config.embedding, dOutput);
    }
    dropout(this.#outputDropout(masks), window, config.hidden, dOutput, dOutput);
    if (trace.norm) this.#norm!.backward(engine, rows, trace.norm, dOutput, dOutput);
    for (let index = trace.runs.length - 1; index >= 0; index--) {
      const dBelow = index === 0 ? dx : memory.planF32(rows * config.hidden);
      trace.runs[index].backward(engine, dOutput, dBelow);
      dOutput = dBelow;
    }
    dropout(this.#inputDropout(masks), window, config.embedding, dx, dx);
  }

  /** Dropout before the first sublayer; sublayers without residual have it themselves. */
  #inputDropout(masks: Masks): Dropout {
    const { residual, dropout: rate } = this.config;
    return { ...masks, rate: residual === "add" ? rate : 0, place: INPUT_PLACE };
  }

  #outputDropout(masks: Masks): Dropout {
    return { ...masks, rate: this.config.outputDropout, place: this.#sublayers.length };
  }
}

/** Whether outputs have to be made as wide as the items they are scored against. */
function projects({ hidden, embedding, features }: ModelConfig): boolean {
  return hidden !== embedding && features === 0;
}
