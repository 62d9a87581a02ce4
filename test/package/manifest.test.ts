import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import lock from "../../package-lock.json" with { type: "json" };

const inRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

describe("package.json", () => {
  test("asks for no other package", () => {
    for (const field of ["dependencies", "optionalDependencies", "bundledDependencies", "bundleDependencies"]) {
      expect(manifest, field).not.toHaveProperty(field);
    }
    const { peerDependencies = {}, peerDependenciesMeta = {} } = manifest as {
      peerDependencies?: Record<string, string>;
      peerDependenciesMeta?: Record<string, { optional?: boolean }>;
    };
    for (const name of Object.keys(peerDependencies))
      expect(peerDependenciesMeta[name], name).toEqual({ optional: true });
  });

  test("names exact versions of what builds and tests it, as the lock file does", () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
    }
    expect(lock.packages[""].devDependencies).toEqual(manifest.devDependencies);
    expect(lock.packages[""].version).toBe(manifest.version);
  });

  test("runs nothing where it is installed; prepare is for the repository", () => {
    const lifecycle = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
    expect(Object.keys(manifest.scripts).filter((name) => lifecycle.includes(name))).toEqual(["prepare"]);
  });

  test("exports files that exist, types first", () => {
    for (const [name, target] of Object.entries(manifest.exports)) {
      const paths = typeof target === "string" ? [target] : Object.values(target);
      for (const path of paths) expect(existsSync(inRoot(path)), `${name}: ${path}`).toBe(true);
      if (typeof target !== "string") expect(Object.keys(target), name).toEqual(["types", "default"]);
    }
  });

  test("has a command that a shell can start", () => {
    const cli = inRoot(manifest.bin.attune);
    expect(readFileSync(cli, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(statSync(cli).mode & 0o111).toBe(0o111);
  });
});

describe("WebAssembly modules", () => {
  // Limits in kB of 1,000 bytes, with room for one more layer each; a module is downloaded by every visitor.
  const LIMITS_KB = { "attune.wasm": 62, "inference.wasm": 36, "relaxed.wasm": 4 };

  test.each(Object.entries(LIMITS_KB))("dist/%s stays below %d kB", (name, limit) => {
    const { size } = statSync(inRoot(`dist/${name}`));
    console.log(`dist/${name}: ${(size / 1000).toFixed(1)} kB, limit ${limit} kB`);
    expect(size / 1000).toBeLessThan(limit);
  });

  test("export what src/wasm/kernels.ts says the compiler declared", () => {
    const written = readFileSync(inRoot("src/wasm/kernels.ts"), "utf8");
    const [inference, training] = written.split("export interface TrainingKernels").map(members);
    const declared = declarations("inference.debug");
    expect(inference).toEqual(declared);
    expect(training).toEqual(declarations("attune.debug").filter((line) => !declared.includes(line)));
  });

  test("have those exports in the shipped files too, and import nothing but memory", () => {
    for (const [file, debug] of [
      ["dist/attune.wasm", "attune.debug"],
      ["dist/inference.wasm", "inference.debug"],
    ]) {
      const module = new WebAssembly.Module(readFileSync(inRoot(file)));
      const names = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
      expect(names.map(({ name }) => name).sort()).toEqual(
        declarations(debug)
          .map((line) => line.split("(")[0])
          .sort(),
      );
      expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    }
  });
});

/** Signatures that the compiler declares for a module, on one line each, sorted. */
function declarations(name: string): string[] {
  const text = readFileSync(inRoot(`build/${name}.d.ts`), "utf8");
  return Array.from(text.matchAll(/export function (\w+\(.*\): \w+);/g), (match) => match[1]).sort();
}

/** Signatures of an interface, whatever way they are broken into lines. */
function members(text: string): string[] {
  return Array.from(text.matchAll(/^ {2}(\w+)\(([^)]*)\): (\w+);$/gm), ([, name, parameters, result]) => {
    const list = parameters.split(",").map((parameter) => parameter.trim());
    return `${name}(${list.filter((parameter) => parameter !== "").join(", ")}): ${result}`;
  });
}
