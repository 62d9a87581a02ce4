/** A runtime with the web's globals only, like a browser's or a Worker's, and the edge entry bundled for it. */

import { fileURLToPath } from "node:url";
import { TextDecoder, TextEncoder } from "node:util";
import { type Context, createContext, runInContext } from "node:vm";
import { build } from "esbuild";

// What a user writes. The bundle leaves these functions as its one global.
const PROGRAM = `
  import { createRecommender, ModelError } from "attune/edge";

  let recommender;

  export async function open(wasm, bytes, kind) {
    const copy = new Uint8Array(bytes);
    const odd = new Uint8Array(copy.length + 3);
    odd.set(copy, 3);
    const model = kind === "buffer" ? copy.buffer : odd.subarray(3);
    recommender = await createRecommender({ module: await WebAssembly.compile(new Uint8Array(wasm)), model });
  }

  export async function failureOf(wasm, bytes) {
    try {
      await open(wasm, bytes, "buffer");
      return JSON.stringify("no failure");
    } catch (error) {
      const { name, code, message } = error;
      return JSON.stringify({ isModelError: error instanceof ModelError, name, code, message });
    }
  }

  export function ask(method, histories, options) {
    if (method === "recommendBatch") return JSON.stringify(recommender.recommendBatch(JSON.parse(histories), JSON.parse(options)));
    return JSON.stringify(JSON.parse(histories).map((history) => recommender[method](history, JSON.parse(options))));
  }
`;

/** Bundles the program as a user of the package would: by its name, for browsers. */
export async function bundleForBrowser(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: fileURLToPath(new URL("../..", import.meta.url)), loader: "js" },
    bundle: true,
    minify: true,
    platform: "browser",
    format: "iife",
    globalName: "program",
    write: false,
  });
  return outputFiles[0].text;
}

/** Runs the bundle; only text and bytes cross the border, and JSON keeps every bit of a number. */
export class BareContext {
  readonly #context: Context = createContext({ TextDecoder, TextEncoder });

  constructor(bundle: string) {
    runInContext(bundle, this.#context);
  }

  /** Evaluates an expression inside. */
  run(expression: string): unknown {
    return runInContext(expression, this.#context);
  }

  /** Makes the recommender that `ask` asks. */
  async open(wasm: Uint8Array, model: Uint8Array, kind: "view" | "buffer" = "buffer"): Promise<void> {
    await this.#program.open(wasm, model, kind);
  }

  /** Tries to make a recommender and returns what is thrown. */
  async failureOf(wasm: Uint8Array, model: Uint8Array): Promise<unknown> {
    return JSON.parse(await this.#program.failureOf(wasm, model));
  }

  /** Asks for every history. */
  ask(
    method: "recommend" | "recommendBatch" | "answer" | "predict",
    histories: readonly string[][],
    options: object | string,
  ): unknown {
    return JSON.parse(this.#program.ask(method, JSON.stringify(histories), JSON.stringify(options)));
  }

  get #program(): {
    open(wasm: Uint8Array, model: Uint8Array, kind: string): Promise<void>;
    failureOf(wasm: Uint8Array, model: Uint8Array): Promise<string>;
    ask(method: string, histories: string, options: string): string;
  } {
    return runInContext("program", this.#context);
  }
}
