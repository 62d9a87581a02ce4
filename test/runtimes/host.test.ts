// What of the host may decide a result: nothing that differs between engines, runs or moments. The language leaves Math.exp and its
// like to each engine, so they are in the kernels; clocks and random bytes differ from run to run, so each use is listed with its reason.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/** What IEEE 754 or the language defines to the bit. */
const EXACT = ["abs", "sqrt", "floor", "ceil", "trunc", "min", "max", "fround", "imul", "clz32"];

/** Numbers that the language gives to the bit. */
const CONSTANTS = ["LN2"];

/** Code that decides no result: it shows what others computed. */
const SHOWS_ONLY = ["cli/"];

/** Names by which code asks for the time, for randomness, or for an order that depends on the host's language tables. */
const HOST = new Set([
  "performance",
  "hrtime",
  "Date",
  "Temporal",
  "randomBytes",
  "randomFillSync",
  "randomInt",
  "randomUUID",
  "getRandomValues",
  "localeCompare",
  "Intl",
]);

/** Every use of them: how often a file does, and why no result depends on it. */
const USES: Readonly<Record<string, { uses: number; why: string }>> = {
  "api/compare.ts performance": { uses: 2, why: "seconds a model took, which are reported" },
  "data/rows.ts Date": { uses: 1, why: "a time that the caller gave: its milliseconds since 1970" },
  "data/time.ts Date": { uses: 1, why: "writes a given time as a day, in UTC" },
  "data/words.ts Date": { uses: 1, why: "names a value in a message" },
  "format/atomic-write.ts randomBytes": { uses: 1, why: "name of a temporary file" },
  "wasm/scanner.ts performance": { uses: 2, why: "which form of the integer pass is faster; both list the same" },
  "train/fit.ts performance": {
    uses: 6,
    why: "progress, when to keep a state, and --time-budget, which is no promise",
  },
  "train/leader.ts performance": { uses: 1, why: "how often progress is told" },
  "train/train.ts performance": { uses: 2, why: "seconds that are reported, and --time-budget, which is no promise" },
};

/** A place in a source. */
interface Finding {
  what: string;
  /** file:line. */
  at: string;
  file: string;
}

/** Finds host arithmetic that is not exact, wherever it hides: Math.exp, Math["exp"], { exp } = Math, Math passed on, ** and **=. */
function inexactIn(file: string, text: string): Finding[] {
  return find(file, text, (node) => {
    if (ts.isIdentifier(node) && node.text === "Math") {
      const { parent } = node;
      const isObject = ts.isPropertyAccessExpression(parent) && parent.expression === node;
      return isObject && [...EXACT, ...CONSTANTS].includes(parent.name.text) ? undefined : parent.getText();
    }
    const isPower = node.kind === ts.SyntaxKind.AsteriskAsteriskToken;
    return isPower || node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken ? node.parent.getText() : undefined;
  });
}

/** Finds uses of the host's clock, randomness and tables; imports and types are not uses. */
function hostUsesIn(file: string, text: string): Finding[] {
  return find(file, text, (node) => {
    if (!ts.isIdentifier(node) || !HOST.has(node.text)) return undefined;
    const isUse = !ts.isImportSpecifier(node.parent) && !ts.isTypeReferenceNode(node.parent);
    return isUse ? node.text : undefined;
  });
}

function find(file: string, text: string, told: (node: ts.Node) => string | undefined): Finding[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const findings: Finding[] = [];
  const walk = (node: ts.Node) => {
    const what = told(node);
    if (what !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      findings.push({ what, at: `src/${file}:${line}`, file });
    }
    ts.forEachChild(node, walk);
  };
  walk(source);
  return findings;
}

const sources = readdirSync(SRC, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
  .map((entry) => relative(SRC, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
  .filter((file) => !SHOWS_ONLY.some((folder) => file.startsWith(folder)))
  .sort();
const inAll = (search: (file: string, text: string) => Finding[]) =>
  sources.flatMap((file) => search(file, readFileSync(join(SRC, file), "utf8")));

describe("in code that decides results", () => {
  test(`host arithmetic is ${EXACT.join(", ")}, and nothing else`, () => {
    expect(inAll(inexactIn).map(({ at, what }) => `${at}: ${what}`)).toEqual([]);
  });

  test("clocks, random bytes and language tables are used where the list above says, for reasons that are no results", () => {
    const places = new Map<string, string[]>();
    for (const { file, what, at } of inAll(hostUsesIn)) {
      const use = `${file} ${what}`;
      places.set(use, [...(places.get(use) ?? []), at]);
    }
    for (const [use, found] of places) {
      expect(found, `${use} (${found.join(", ")})`).toHaveLength(USES[use]?.uses ?? 0);
    }
    expect([...places.keys()].sort()).toEqual(Object.keys(USES).sort());
  });

  test("files of every folder that decides something are looked at", () => {
    const folders = new Set(sources.map((file) => file.split("/")[0]));
    expect([...folders]).toEqual(
      expect.arrayContaining(["data", "evaluate", "format", "model", "rank", "train", "wasm"]),
    );
  });
});

describe("the search", () => {
  test.each([
    ["const a = Math.exp(1);", "Math.exp"],
    ['const a = Math["exp"](1);', 'Math["exp"]'],
    ["const { exp } = Math;", "{ exp } = Math"],
    ["const a = globalThis.Math;", "globalThis.Math"],
    ["use(Math);", "use(Math)"],
    ["const a = Math.round(0.5);", "Math.round"],
    ["const a = 2 ** b;", "2 ** b"],
    ["a **= 2;", "a **= 2"],
  ])("finds %s", (text, what) => {
    expect(inexactIn("x.ts", `\n${text}\n`)).toEqual([{ what, at: "src/x.ts:2", file: "x.ts" }]);
  });

  test("lets exact functions, words in comments and in texts pass", () => {
    const text = '// Math.exp\nconst a = Math.floor(Math.sqrt(2)) * Math.imul(3, 4);\nconst b = "Math.exp 2 ** 3";\n';
    expect(inexactIn("x.ts", text)).toEqual([]);
  });

  test("tells uses of the clock from types and imports", () => {
    const text =
      'import { performance } from "node:perf_hooks";\nlet a: Date;\nconst b = performance.now();\nnew Date();\n';
    expect(hostUsesIn("x.ts", text).map(({ what, at }) => `${at} ${what}`)).toEqual([
      "src/x.ts:3 performance",
      "src/x.ts:4 Date",
    ]);
  });
});
