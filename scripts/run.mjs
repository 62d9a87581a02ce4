// Runs a TypeScript program of this repository with the Node at hand: bundles it in memory-sized time, then imports it.
//   node scripts/run.mjs examples/shop/main.ts [arguments …]

import { mkdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [source] = process.argv.splice(2, 1);
// One folder below the root, so that relative addresses of the built .wasm files hold as they do in dist/.
const outfile = join(root, "build", `${basename(source, ".ts")}.mjs`);
mkdirSync(dirname(outfile), { recursive: true });
await build({
  entryPoints: [resolve(source)],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
});
await import(pathToFileURL(outfile).href);
