// The recurrent body: the input product W_ih·x, and the recurrence over the steps of a window, gated by attention weights
// where a stage before it gives them. State is carried from window to window.

import type { Engine, TrainingEngine } from "../../wasm/engine.ts";
import type { ModelConfig } from "../config.ts";
import type { Window } from "../packed.ts";
import type { Parameter, ParameterSpec, Parameters } from "../parameters.ts";
import type { Body, BodyState, Pass, Run } from "./body.ts";
import { addWeightGradient, LINE_COLUMNS, Linear, PIECE_ROWS, pack, panelFloats } from "./linear.ts";

/** Gates of each cell; both keep four numbers a unit for the backward pass. */
const GATES = { gru: 3, lstm: 4 } as const;
const KEPT = 4;
/** Squashings as the kernels number them. */
const SQUASHES = { tanh: 0, relu: 1 } as const;

/** What forward leaves for backward and for the next window. */
interface RecurrenceTrace {
  /** Output, f32[rows, H]. */
  h: number;
  /** f32[rows, H]; 0 for cells without one. */
  c: number;
  /** f32[rows, in]. */
  input: number;
  /** W_ih·x, f32[rows, gates·H]; the table of it where there is one. */
  product: number;
  /** Activated gates, f32[rows, 4H]; 0 when nothing trains. */
  gates: number;
}

/** A GRU or LSTM over the steps. */
export class Recurrence implements Body {
  readonly inWidth: number;
  readonly outWidth: number;
  readonly #cell: ModelConfig["cell"];
  readonly #gates: number;
  readonly #squash: number;
  readonly #inputMap: Linear;
  readonly #weightHh: Parameter;
  readonly #biasIh: Parameter;
  readonly #biasHh: Parameter;
  readonly #forwardPanels: number;
  readonly #backwardPanels: number;

  constructor(
    readonly engine: Engine,
    config: ModelConfig,
    parameters: Parameters,
    index: number,
    readonly training: boolean,
  ) {
    this.outWidth = config.hidden;
    this.#cell = config.cell;
    this.#gates = GATES[config.cell];
    this.#squash = SQUASHES[config.activation];
    const own = (name: string) => parameters.get(parameterName(index, name));
    this.#inputMap = new Linear(engine, own("weight_ih_l0"), undefined, training);
    this.inWidth = this.#inputMap.width;
    this.#weightHh = own("weight_hh_l0");
    this.#biasIh = own("bias_ih_l0");
    this.#biasHh = own("bias_hh_l0");
    const { memory } = engine;
    this.#forwardPanels = memory.planF32(panelFloats(this.#gates * config.hidden, config.hidden));
    this.#backwardPanels = training ? memory.planF32(this.#gates * panelFloats(config.hidden, config.hidden)) : 0;
  }

  get tableWidth(): number {
    return this.#gates * this.outWidth;
  }

  tabulate(rows: number, x: number, to: number): void {
    this.#inputMap.forward(rows, x, to);
  }

  /** Declares the parameters of block `index`. */
  static specs(config: ModelConfig, index: number): ParameterSpec[] {
    const { hidden } = config;
    const width = index === 0 ? config.embedding : hidden;
    const gates = GATES[config.cell] * hidden;
    // torch draws all of them from ±1/√H.
    const init = { kind: "uniform", size: 1 / Math.sqrt(hidden) } as const;
    const zero = { kind: "constant", size: 0 } as const;
    // A forget gate that starts open (bias 1) lets the state survive the first epochs (Jozefowicz et al., ICML 2015).
    const forgetOpen = config.cell === "lstm" ? [{ from: hidden, to: 2 * hidden, value: 1 }] : [];
    return [
      { name: parameterName(index, "weight_ih_l0"), shape: [gates, width], init },
      { name: parameterName(index, "weight_hh_l0"), shape: [gates, hidden], init },
      { name: parameterName(index, "bias_ih_l0"), shape: [gates], init: { ...zero, segments: forgetOpen } },
      { name: parameterName(index, "bias_hh_l0"), shape: [gates], init: zero },
    ];
  }

  /** Lays the weights out again, after they changed. */
  prepare(): void {
    const { engine, outWidth: hidden } = this;
    const weight = this.#weightHh.value;
    this.#inputMap.prepare();
    pack(engine, this.#gates * hidden, hidden, weight, 1, hidden, this.#forwardPanels);
    if (!this.training) return;
    if (this.#cell === "lstm") {
      pack(engine, hidden, 4 * hidden, weight, hidden, 1, this.#backwardPanels);
      return;
    }
    // The GRU's backward kernel skips the columns of dn, so it takes W_hr, W_hz and W_hn one by one.
    const panelBytes = 4 * panelFloats(hidden, hidden);
    for (let gate = 0; gate < 3; gate++) {
      const rows = weight + 4 * gate * hidden * hidden;
      pack(engine, hidden, hidden, rows, hidden, 1, this.#backwardPanels + gate * panelBytes);
    }
  }

  /** Plans the state of `sequences` histories that have not begun. */
  planState(sequences: number): BodyState {
    const { memory } = this.engine;
    const floats = sequences * this.outWidth;
    const state = { hidden: memory.planF32(floats), cell: this.#cell === "lstm" ? memory.planF32(floats) : 0 };
    memory.f32(state.hidden, floats).fill(0);
    if (state.cell) memory.f32(state.cell, floats).fill(0);
    return state;
  }

  forward(pass: Pass, x: number, given: BodyState | undefined): Run {
    const state = given!;
    const trace = this.#run(pass, x, state);
    return {
      y: trace.h,
      backward: (engine, dY, dx) => this.#backward(engine, pass, trace, state, dY, dx),
      carry: () => this.#carry(pass.window, trace, state),
    };
  }

  #run({ window, weights, tabulated, drop }: Pass, x: number, state: BodyState): RecurrenceTrace {
    const { engine, outWidth: hidden } = this;
    const { memory } = engine;
    const { rows, steps, sequences, offsetsAt } = window;
    const product = tabulated || memory.planF32(rows * this.#gates * hidden);
    const productRows = tabulated ? window.batch.itemsAt + 4 * window.firstRow : 0;
    if (!tabulated) this.#inputMap.forward(rows, x, product);
    const h = memory.planF32(rows * hidden);
    const c = this.#cell === "lstm" ? memory.planF32(rows * hidden) : 0;
    const gates = drop ? memory.planF32(rows * KEPT * hidden) : 0;
    const scratch = memory.planF32(sequences * this.#gates * hidden);
    const biasIh = this.#biasIh.value;
    const biasHh = this.#biasHh.value;
    const panels = this.#forwardPanels;
    if (this.#cell === "lstm") {
      engine.each(
        "lstmForwardF32",
        window.work,
        PIECE_ROWS,
        steps,
        offsetsAt,
        hidden,
        this.#squash,
        product,
        productRows,
        weights,
        biasIh,
        panels,
        biasHh,
        state.hidden,
        state.cell,
        h,
        c,
        gates,
        scratch,
      );
    } else {
      engine.each(
        "gruForwardF32",
        window.work,
        PIECE_ROWS,
        steps,
        offsetsAt,
        hidden,
        this.#squash,
        product,
        productRows,
        weights,
        biasIh,
        panels,
        biasHh,
        state.hidden,
        h,
        gates,
        scratch,
      );
    }
    return { h, c, input: x, product, gates };
  }

  #backward(
    engine: TrainingEngine,
    { window, weights, dWeights }: Pass,
    trace: RecurrenceTrace,
    state: BodyState,
    dH: number,
    dx: number,
  ): void {
    const { outWidth: hidden } = this;
    const { memory } = engine;
    const { rows, steps, sequences, offsetsAt } = window;
    const { gates } = trace;
    const width = this.#gates * hidden;
    const kept = KEPT * hidden;
    const mark = memory.mark();
    const dState = memory.planF32(sequences * hidden);
    const dCellState = memory.planF32(sequences * hidden);
    const panels = this.#backwardPanels;
    // 1. the recurrence: gates become the gradients of what went into them
    if (this.#cell === "lstm")
      engine.each(
        "lstmBackwardF32",
        window.work,
        PIECE_ROWS,
        steps,
        offsetsAt,
        hidden,
        this.#squash,
        panels,
        state.cell,
        trace.c,
        dH,
        gates,
        dState,
        dCellState,
      );
    else
      engine.each(
        "gruBackwardF32",
        window.work,
        PIECE_ROWS,
        steps,
        offsetsAt,
        hidden,
        this.#squash,
        panels,
        state.hidden,
        trace.h,
        dH,
        gates,
        dState,
      );
    // 2. W_hh and its bias
    const before = memory.planF32(rows * hidden);
    engine.each("previousRowsF32", steps, 1, offsetsAt, hidden, state.hidden, trace.h, before);
    const beforePanels = memory.planF32(panelFloats(hidden, rows));
    pack(engine, hidden, rows, before, hidden, 1, beforePanels);
    for (const { column, row, count } of this.#hiddenColumns()) {
      const dGates = gates + 4 * column;
      const gradient = this.#weightHh.gradient + 4 * row * hidden;
      addWeightGradient(engine, rows, count, hidden, dGates, kept, beforePanels, gradient);
      engine.each("columnSumsF32", count, LINE_COLUMNS, rows, dGates, kept, this.#biasHh.gradient + 4 * row);
    }
    // 3. W_ih, its bias, the attention weight and the input
    engine.each("columnSumsF32", width, LINE_COLUMNS, rows, gates, kept, this.#biasIh.gradient);
    if (weights) {
      engine.each("rowDotsF32", rows, 1, width, gates, kept, trace.product, width, dWeights);
      engine.each("scaleRowsF32", rows, 1, width, gates, kept, weights, gates, kept);
    }
    this.#inputMap.backward(engine, rows, trace.input, gates, kept, dx);
    memory.release(mark);
  }

  #carry(window: Window, trace: RecurrenceTrace, state: BodyState): void {
    const { memory } = this.engine;
    const { offsets } = window.batch;
    const step = window.firstStep + window.steps - 1;
    const floats = (offsets[step + 1] - offsets[step]) * this.outWidth;
    const last = 4 * (offsets[step] - window.firstRow) * this.outWidth;
    memory.f32(state.hidden, floats).set(memory.f32(trace.h + last, floats));
    if (state.cell) memory.f32(state.cell, floats).set(memory.f32(trace.c + last, floats));
  }

  /** Where the gradients for W_hh stand in the gates: the GRU's n gate has its own column, (dr, dz, dn, dh_n). */
  #hiddenColumns(): { column: number; row: number; count: number }[] {
    const { outWidth: hidden } = this;
    if (this.#cell === "lstm") return [{ column: 0, row: 0, count: 4 * hidden }];
    return [
      { column: 0, row: 0, count: 2 * hidden },
      { column: 3 * hidden, row: 2 * hidden, count: hidden },
    ];
  }
}

function parameterName(index: number, name: string): string {
  return `blocks.${index}.recurrence.${name}`;
}
