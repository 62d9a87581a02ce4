import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LOADER = "node_modules/@assemblyscript/loader/index.js";

let inputs: Metafile["inputs"];

beforeAll(async () => {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["dist/index.js", "dist/cli.js", "dist/edge.js"],
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    outdir: "build/unused",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  inputs = metafile.inputs;
});

/** Files a bundle needs before its first line runs, and the other modules it names. */
function staticGraph(entry: string): { files: Set<string>; external: Set<string>; dynamic: Set<string> } {
  const graph = { files: new Set([entry]), external: new Set<string>(), dynamic: new Set<string>() };
  // A set that grows while it is walked is walked to its new end.
  for (const file of graph.files) {
    for (const { path, kind, external } of inputs[file].imports) {
      if (external) graph.external.add(path);
      else if (kind === "import-statement") graph.files.add(path);
      else graph.dynamic.add(path);
    }
  }
  return graph;
}

/** Sources that went into built files: esbuild names each in a comment above it. */
function sourcesOf(files: Iterable<string>): string[] {
  return Array.from(files, (file) => readFileSync(`${ROOT}/${file}`, "utf8")).flatMap((text) =>
    Array.from(text.matchAll(/^\s*\/\/ (\S+\.(?:ts|js|mjs|cjs|json))$/gm), (match) =>
      match[1].replace(/^(\.\.\/)*.*?(?=node_modules\/)/, ""),
    ),
  );
}

const foreign = (sources: readonly string[]) =>
  sources.filter((source) => !source.startsWith("src/") && source !== LOADER && source !== "package.json");

describe("dist/index.js", () => {
  test("starts with nothing but our code and the loader", () => {
    const sources = sourcesOf(staticGraph("dist/index.js").files);
    expect(sources).toContain("src/api/train.ts");
    expect(sources).toContain(LOADER);
    expect(foreign(sources)).toEqual([]);
    expect(sources.filter((source) => source.startsWith("src/cli/"))).toEqual([]);
  });

  test("asks Node for files, paths, hashes and threads only", () => {
    const { external } = staticGraph("dist/index.js");
    const plain = Array.from(external, (name) => name.replace(/^node:/, "")).sort();
    expect(plain).toEqual(["crypto", "fs", "fs/promises", "module", "os", "path", "worker_threads"]);
  });

  test("loads csv-parse only when a path is read", () => {
    const { files, dynamic } = staticGraph("dist/index.js");
    expect(sourcesOf(files).filter((source) => source.includes("csv-parse"))).toEqual([]);
    const later = [...dynamic].flatMap((file) => [...staticGraph(file).files]);
    expect(sourcesOf(later).filter((source) => source.includes("csv-parse")).length).toBeGreaterThan(0);
  });
});

/** Sources of the edge bundle, which is minified and so names none of them. */
async function edgeSources(): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ["src/edge.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    write: false,
    metafile: true,
  });
  // What was tree-shaken away is an input of no bytes.
  const [{ inputs: used }] = Object.values(metafile.outputs);
  return Object.keys(used)
    .filter((file) => used[file].bytesInOutput > 0)
    .map((file) => file.replace(/^(\.\.\/)*.*?(?=node_modules\/)/, ""));
}

describe("dist/edge.js", () => {
  const text = readFileSync(`${ROOT}/dist/edge.js`, "utf8");

  test("is one file of our code and the loader, and imports nothing", async () => {
    const graph = staticGraph("dist/edge.js");
    expect({ files: graph.files.size, external: graph.external.size, dynamic: graph.dynamic.size }).toEqual({
      files: 1,
      external: 0,
      dynamic: 0,
    });
    const sources = await edgeSources();
    expect(sources).toContain("src/model/network.ts");
    expect(sources).toContain(LOADER);
    expect(foreign(sources)).toEqual([]);
  });

  test("has no reader of logs, no training loop and no optimiser", async () => {
    const sources = await edgeSources();
    expect(sources.filter((source) => /^src\/(cli|train|evaluate|data\/read)\//.test(source))).toEqual([]);
    expect(sources.filter((source) => /model\/(backpropagate|objective|negatives)\.ts$/.test(source))).toEqual([]);
  });

  test("names nothing that only Node has", () => {
    expect(text).not.toMatch(/node:/);
    expect(text).not.toMatch(/\b(process|require|Buffer|__dirname|__filename|globalThis)\b/);
  });

  test("stays below 96 kB, the module aside", () => {
    console.log(`dist/edge.js: ${(text.length / 1000).toFixed(1)} kB, limit 96 kB`);
    expect(text.length / 1000).toBeLessThan(96);
  });
});

test("the licence of every bundled library is in dist/, and of what AssemblyScript puts into the modules", () => {
  const licences = readFileSync(`${ROOT}/dist/THIRD-PARTY-LICENSES.txt`, "utf8");
  const libraries = new Set(
    sourcesOf(Object.keys(inputs).filter((file) => basename(file).endsWith(".js")))
      .map((source) => source.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1])
      .filter((name) => name !== undefined),
  );
  expect(libraries).toEqual(new Set([...libraries, "@assemblyscript/loader", "commander", "csv-parse"]));
  for (const name of ["assemblyscript", ...libraries]) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\([\\w.-]+\\)\\n\\n\\s*\\S`, "m"));
  }
  expect(licences).toContain("Apache License");
});
