import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const folder = mkdtempSync(join(tmpdir(), "attune-package-"));
const project = join(folder, "project");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const execute = promisify(execFile);
/** Runs npm with a cache of its own and no network. */
const npm = (cwd: string, ...args: string[]) =>
  execute(
    "npm",
    [...args, "--offline", "--no-audit", "--no-fund", "--loglevel=error", "--cache", join(folder, "cache")],
    {
      cwd,
    },
  );
const node = (...args: string[]) => execute(process.execPath, args, { cwd: project });
const put = (name: string, text: string) => writeFileSync(join(project, name), text);

let files: string[];
let tarball: string;

beforeAll(async () => {
  // prepare has built everything already; a second build would pull dist/ from under other tests.
  const { stdout } = await npm(ROOT, "pack", "--json", "--ignore-scripts", "--pack-destination", folder);
  const packed = Object.values<{ filename: string; files: { path: string }[] }>(JSON.parse(stdout))[0];
  files = packed.files.map(({ path }) => path).sort();
  tarball = join(folder, packed.filename);
  mkdirSync(project);
  put("package.json", JSON.stringify({ name: "consumer", version: "1.0.0", private: true, type: "module" }));
  await npm(project, "install", tarball);
});

describe("the tarball", () => {
  test("has what is used, and nothing else", () => {
    const withoutChunks = files.filter((file) => !/^dist\/(chunk-[A-Z0-9]+\.js|types\/.*\.d\.ts)$/.test(file));
    expect(withoutChunks).toEqual([
      "LICENSE",
      "README.md",
      "dist/THIRD-PARTY-LICENSES.txt",
      "dist/attune.wasm",
      "dist/cli.js",
      "dist/edge.js",
      "dist/index.js",
      "dist/inference.wasm",
      "dist/relaxed.wasm",
      "dist/worker.js",
      "package.json",
    ]);
    expect(files).toEqual(expect.arrayContaining(["dist/types/index.d.ts", "dist/types/edge.d.ts"]));
  });

  test("has every chunk that is imported, and none of an earlier build", () => {
    const chunks = files.filter((file) => file.includes("/chunk-"));
    const texts = ["index.js", "cli.js", "worker.js", ...chunks.map((file) => file.replace("dist/", ""))];
    const imported = texts.flatMap((name) => {
      const text = readFileSync(join(project, "node_modules/attune/dist", name), "utf8");
      return Array.from(text.matchAll(/"\.\/(chunk-[A-Z0-9]+\.js)"/g), (match) => `dist/${match[1]}`);
    });
    expect([...new Set(imported)].sort()).toEqual(chunks);
  });

  test("passes publint", async () => {
    const { messages } = await publint({ pkgDir: join(project, "node_modules/attune"), pack: false, strict: true });
    expect(messages).toEqual([]);
  });
});

describe("installed into an empty project", () => {
  test("it is the only package", () => {
    expect(readdirSync(join(project, "node_modules")).sort()).toEqual([".bin", ".package-lock.json", "attune"]);
  });

  test("npx attune runs", async () => {
    const { stdout } = await execute("npx", ["--no-install", "attune", "--version"], { cwd: project });
    expect(stdout).toBe(`${manifest.version}\n`);
  });

  test("the library trains, saves, loads and recommends", async () => {
    put(
      "library.js",
      `import assert from "node:assert/strict";
      import { train, evaluate, load, ModelError } from "attune";
      const rows = Array.from({ length: 400 }, (_, n) => ({
        user: "user-" + (n % 50),
        item: "sku-" + (((n % 50) + Math.floor(n / 50)) % 12),
        time: 1700000000 + n,
      }));
      const seen = [];
      const model = await train(rows, {
        model: "attentive-gru", seed: 1, embedding: 8, hidden: 8, batch: 16, epochs: 2,
        onProgress: (progress) => seen.push(progress.epoch),
      });
      assert.ok(seen.length > 0);
      await model.save("library.safetensors");
      const again = await load("library.safetensors");
      const histories = [["sku-1", "sku-9"], ["sku-3"], [], ["unknown"]];
      const lists = again.recommendBatch(histories, { k: 20 });
      assert.deepEqual(lists, model.recommendBatch(histories, { k: 20 }));
      assert.deepEqual(again.recommend(["sku-1", "sku-9"], { k: 10 }), lists[0].slice(0, 10));
      assert.equal(lists[0].length, 10);
      assert.equal((await evaluate(again, rows)).cases, 50);
      model.dispose();
      assert.throws(() => model.recommend(["sku-1"]), { code: "MODEL_DISPOSED" });
      await assert.rejects(load("missing"), (error) => error instanceof ModelError && error.code === "MODEL_FILE_MISSING");
      console.log(JSON.stringify(lists[0][0]));`,
    );
    const { stdout, stderr } = await node("library.js");
    expect(JSON.parse(stdout)).toEqual({ id: expect.stringMatching(/^sku-\d+$/), score: expect.any(Number) });
    expect(stderr).toBe("");
  });

  test("the program of the README runs as it stands", async () => {
    const readme = readFileSync(join(project, "node_modules/attune/README.md"), "utf8");
    const programs = Array.from(readme.matchAll(/^```js\n(.*?)^```$/gms), (match) => match[1]);
    const [program, heads] = programs.filter((text) => text.includes('from "attune"'));
    put("readme.js", program);
    const { stdout, stderr } = await node("readme.js");
    expect(stdout).toMatch(/'hr@10': [\d.]+/);
    expect(stdout).toMatch(/unknown: \[ 'new' \]/);
    expect(stderr).toBe("");
    put("heads.js", heads);
    expect((await node("heads.js")).stdout).toMatch(/rmse: [\d.]+.*auc: [\d.]+.*Float32Array\(1\)/s);
  });

  test("the command reads a file, which needs the part that is loaded late", async () => {
    const rows = Array.from({ length: 60 }, (_, n) => `u${n % 10},i${((n % 10) + Math.floor(n / 10)) % 7},${n}`);
    put("events.csv", `user,item,time\n${rows.join("\n")}\n`);
    const args = ["events.csv", "-o", "cli.safetensors", "--set", "embedding=4", "hidden=4", "--epochs", "1", "--json"];
    const { stdout } = await node("node_modules/attune/dist/cli.js", "train", ...args);
    expect(JSON.parse(stdout)).toMatchObject({ users: 10, items: 7, interactions: 60 });
  });

  test("the edge entry runs under Node, with the module from the package", async () => {
    put(
      "edge.js",
      `import { readFileSync } from "node:fs";
      import { createRecommender } from "attune/edge";
      const bytes = (path) => readFileSync(new URL(import.meta.resolve(path)));
      const module = await WebAssembly.compile(bytes("attune/inference.wasm"));
      const recommender = await createRecommender({ module, model: bytes("./library.safetensors") });
      console.log(JSON.stringify(recommender.recommend(["sku-1", "sku-9"], { k: 1 })[0]));`,
    );
    const library = await node("library.js");
    expect((await node("edge.js")).stdout).toBe(library.stdout);
  });
});

describe("types", () => {
  const NODE_PROGRAM = `
    import { type Recommendation, type Row, train, load, ModelError, type TrainOptions } from "attune";
    const rows: Row[] = [{ user: "u", item: "i", time: 1 }];
    const options: TrainOptions = { model: "lstm", seed: 1, signal: new AbortController().signal };
    export async function use(): Promise<Recommendation[]> {
      const model = await train(rows, { ...options, onProgress: ({ epoch }) => epoch.toFixed() });
      const hash: string = await model.save("shop.safetensors");
      const again = await load("shop.safetensors");
      if (new Error() instanceof ModelError) model.dispose();
      // @ts-expect-error: histories are ids as strings
      again.recommend([1]);
      // @ts-expect-error: no such setting
      await train(rows, { embeding: 8 });
      return again.recommendBatch([["i"], [hash]], { k: 2 }).flat();
    }
  `;
  const EDGE_PROGRAM = `
    import { createRecommender, ModelError, type Recommendation, type Recommender } from "attune/edge";
    export async function use(module: WebAssembly.Module, model: ArrayBuffer): Promise<Recommendation[]> {
      const recommender: Recommender = await createRecommender({ module, model });
      if (new Error() instanceof ModelError) recommender.dispose();
      // @ts-expect-error: the edge entry is given the module
      await createRecommender({ model });
      return recommender.recommend(["i"], { k: 1, includeSeen: true });
    }
  `;
  // The main entry may ask for Node's own types, the edge entry for none.
  const nodeTypes = { typeRoots: [join(ROOT, "node_modules/@types")], types: ["node"] };
  test.each([
    ["nodenext", ["node.ts", "edge.ts"], nodeTypes],
    ["bundler", ["node.ts", "edge.ts"], nodeTypes],
    ["bundler", ["edge.ts"], { types: [] }],
  ])("resolve and hold with moduleResolution %s in %j", async (moduleResolution, programs, types) => {
    const compilerOptions = {
      ...types,
      module: moduleResolution === "bundler" ? "esnext" : "nodenext",
      moduleResolution,
      target: "es2022",
      lib: ["es2023", "dom"],
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      // TypeScript's own libraries need no check of ours.
      skipDefaultLibCheck: true,
    };
    put("node.ts", NODE_PROGRAM);
    put("edge.ts", EDGE_PROGRAM);
    const config = `${moduleResolution}-${programs.length}.json`;
    put(config, JSON.stringify({ compilerOptions, files: programs }));
    const { stdout } = await node(TSC, "-p", config).catch((error) => error);
    expect(stdout).toBe("");
  });
});
