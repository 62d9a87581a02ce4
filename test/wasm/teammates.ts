// Real helper threads for tests: of the built worker over the real module, or of kernels written here in JavaScript.

import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll } from "vitest";
import { fullModule, workerFile } from "../../src/wasm/node.ts";

/** Helpers that are ended after a file's tests. */
const started: Worker[] = [];
afterAll(() => Promise.all(started.map((worker) => worker.terminate())));

/** Starts helpers of the built worker over a shared memory. */
export async function startHelpers(
  count: number,
  memory: WebAssembly.Memory,
  board: SharedArrayBuffer,
  patience = 0,
): Promise<Worker[]> {
  const workerData = { role: "helper", module: await fullModule(), memory, board, patience };
  return keep(Array.from({ length: count }, () => new Worker(workerFile(), { workerData })));
}

/**
 * Starts helpers whose kernels are functions of the code given, which sees `words`, an Int32Array over `shared`.
 * @param code an expression: an object of functions
 */
export async function startScripted(
  count: number,
  board: SharedArrayBuffer,
  shared: SharedArrayBuffer,
  code: string,
): Promise<Worker[]> {
  const contents = `
    import { workerData } from "node:worker_threads";
    import { help } from "./src/wasm/team.ts";
    const words = new Int32Array(workerData.shared);
    help(workerData.board, 0, ${code});`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: new URL("../..", import.meta.url).pathname, loader: "ts" },
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
  });
  const options = { eval: true, workerData: { board, shared }, stderr: true };
  return keep(Array.from({ length: count }, () => new Worker(outputFiles[0].text, options)));
}

/** Ends helpers; their last events must not reach a test that is over. */
export async function endHelpers(workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.terminate()));
}

function keep(workers: Worker[]): Worker[] {
  started.push(...workers);
  return workers;
}
