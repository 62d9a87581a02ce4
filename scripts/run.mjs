// Runs a TypeScript program of this repository with the Node at hand: bundles it in memory-sized time, then imports it.
//   node scripts/run.mjs examples/shop/main.ts [arguments …]

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [source] = process.argv.splice(2, 1);
// One folder below the root, so that relative addresses of the built .wasm files hold as they do in dist/.
const outfile = join(
  root,
  "build",
  `${relative(root, resolve(source)).replace(/\.ts$/, "").replace(/[/\\]/g, "-")}.mjs`,
);
mkdirSync(dirname(outfile), { recursive: true });
const { outputFiles } = await build({
  entryPoints: [resolve(source)],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
  write: false,
});
// Put in place as a whole: the same program may be starting elsewhere.
const temporary = `${outfile}.${process.pid}`;
writeFileSync(temporary, outputFiles[0].contents);
renameSync(temporary, outfile);
await import(pathToFileURL(outfile).href);
