// Builds everything into dist/: the WebAssembly targets of asconfig.json, the typed list of their exports
// (src/wasm/kernels.ts), the JavaScript bundles and the declarations.
//   node scripts/build.mjs [wasm|js|types …]   (default: all, in this order)

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What .biome.json sets, so that what is written here needs no formatting. */
const LINE_WIDTH = 120;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const run = (tool, ...args) => execFileSync(process.execPath, [tool, ...args], { cwd: root, stdio: "inherit" });

function buildWasm() {
  const asc = inRoot("node_modules/assemblyscript/bin/asc.js");
  mkdirSync(inRoot("build"), { recursive: true });
  run(asc, "assembly/index.ts", "--target", "debug", "--bindings", "raw");
  run(asc, "assembly/inference.ts", "--target", "inference.debug", "--bindings", "raw");
  run(asc, "assembly/index.ts", "--target", "release");
  run(asc, "assembly/inference.ts", "--target", "inference");
  run(asc, "assembly/relaxed.ts", "--target", "relaxed");
  writeKernelTypes();
}

/** Writes a signature as the formatter does: in one line if it fits, else a parameter a line. */
function declare(signature) {
  const line = `  ${signature};`;
  if (line.length <= LINE_WIDTH) return line;
  const [, name, parameters, result] = signature.match(/^(\w+)\((.*)\): (\w+)$/);
  return [`  ${name}(`, ...parameters.split(", ").map((parameter) => `    ${parameter},`), `  ): ${result};`].join(
    "\n",
  );
}

/** Turns the compiler's declarations into two interfaces, so that a kernel and its callers cannot drift apart. */
function writeKernelTypes() {
  const signatures = (file) =>
    [...readFileSync(inRoot("build", file), "utf8").matchAll(/export function (\w+\(.*\): \w+);/g)]
      .map((m) => m[1])
      .sort();
  const inference = signatures("inference.debug.d.ts");
  const training = signatures("attune.debug.d.ts").filter((line) => !inference.includes(line));
  const text = `// Written by scripts/build.mjs from the compiler's own declarations: do not edit.

/** Kernels of both WebAssembly modules: what an answer needs. */
export interface InferenceKernels {
${inference.map(declare).join("\n")}
}

/** Kernels of the full module: what training and evaluation need too. */
export interface TrainingKernels extends InferenceKernels {
${training.map(declare).join("\n")}
}
`;
  const file = inRoot("src/wasm/kernels.ts");
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
}

async function buildJavaScript() {
  // Chunks are named by their content: those of an earlier build would stay behind.
  for (const file of readdirSync(inRoot("dist"))) if (file.startsWith("chunk-")) rmSync(inRoot("dist", file));
  const shared = {
    absWorkingDir: root,
    outdir: "dist",
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
  };
  // Minified: an edge function pays for every byte at its start.
  await build({ ...shared, entryPoints: ["src/edge.ts"], platform: "browser", minify: true });
  await build({
    ...shared,
    entryPoints: { index: "src/index.ts", cli: "src/cli/main.ts", worker: "src/worker.ts" },
    platform: "node",
    target: "node20",
    splitting: true,
    chunkNames: "chunk-[hash]",
    // CommonJS libraries of the command ask for Node's modules through require.
    banner: {
      js: 'import { createRequire as attuneRequire } from "node:module";\nconst require = attuneRequire(import.meta.url);',
    },
    metafile: true,
  }).then(({ metafile }) => writeLicences(metafile));
}

/** Copies the licence of every bundled library beside the bundles; the compiler's own library is in the modules. */
function writeLicences(metafile) {
  const packages = new Set(["assemblyscript"]);
  for (const file of Object.keys(metafile.inputs)) {
    const name = file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
    if (name) packages.add(name);
  }
  const texts = [...packages].sort().map((name) => {
    const folder = inRoot("node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    // The loader is a part of AssemblyScript, whose package has the text for both.
    const source = name === "@assemblyscript/loader" ? inRoot("node_modules/assemblyscript") : folder;
    // LICENSE, LICENSE.md, LICENSE-MIT.txt, license, NOTICE …
    const files = readdirSync(source).filter((file) => /^(licen[cs]e|notice)/i.test(file));
    if (files.length === 0) throw new Error(`${name}: got no licence file, expected one for ${license}. Add its text.`);
    const parts = files.sort().map((file) => readFileSync(join(source, file), "utf8").trim());
    return `${name} ${version} (${license})\n\n${parts.join("\n\n")}\n`;
  });
  writeFileSync(inRoot("dist/THIRD-PARTY-LICENSES.txt"), texts.join(`\n${"-".repeat(72)}\n\n`));
}

function buildTypes() {
  rmSync(inRoot("dist/types"), { recursive: true, force: true });
  run(inRoot("node_modules/typescript/bin/tsc"), "-p", "test/tsconfig.types.json");
}

const parts = process.argv.slice(2);
const wants = (part) => parts.length === 0 || parts.includes(part);
mkdirSync(inRoot("dist"), { recursive: true });
if (wants("wasm")) buildWasm();
if (wants("js")) await buildJavaScript();
if (wants("types")) buildTypes();
