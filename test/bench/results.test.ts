// The runs behind docs/results.md: what is done is not done again, what is stopped leaves no broken file, and tables say what the
// files say. The log is small and made up; the last tests are of the documents and of real data.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type Build, buildName, doRun, planRuns, presentBuild, type Run, readRun } from "../../bench/results/runs.ts";
import { STUDIES, type Study } from "../../bench/results/studies.ts";
import { fillMarkers, formatStudy, missingRuns } from "../../bench/results/tables.ts";
import { makeEvents, toTable } from "../cli/logs.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "attune-results-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dataFolder = join(folder, "data");
const put = (file: string, bytes: string | Uint8Array) => {
  mkdirSync(dirname(join(dataFolder, file)), { recursive: true });
  writeFileSync(join(dataFolder, file), bytes);
};
put("shop/log.csv", toTable(makeEvents()));

const SHOP: Study = {
  name: "shop",
  data: "shop/log.csv",
  settings: { embedding: 8, hidden: 8, batch: 16, learningRate: 0.02, epochs: 2 },
  own: { lstm: { dropout: 0.1 } },
  models: ["popular", "markov", "gru4rec", "lstm"],
  seeds: 2,
  columns: ["hr@10", "ndcg@10"],
};
const BUILD: Build = { version: "1.2.3", node: "v20.0.0", wasm: "a", program: "b" };

let outs = 0;
const freshOut = () => join(folder, `out-${outs++}`);
const plan = (out: string, more: Partial<Parameters<typeof planRuns>[1]> = {}, study = SHOP) =>
  planRuns(study, { dataFolder, out, ...more });
const nameOf = ({ model, seed }: Run) => `${model} ${seed}`;
/** Does the runs without a record, and names them. */
async function doMissing(runs: readonly Run[], build = BUILD): Promise<string[]> {
  const done: string[] = [];
  for (const run of runs) {
    if (await readRun(run)) continue;
    await doRun(run, build);
    done.push(nameOf(run));
  }
  return done;
}
const resultsOf = async (runs: readonly Run[], study = SHOP) => ({
  study,
  runs: await Promise.all(runs.map(async (run) => ({ run, record: await readRun(run) }))),
});
const filesBelow = (out: string) =>
  readdirSync(out, { recursive: true, encoding: "utf8" }).filter((f) => /\.\w+$/.test(f));

describe("runs", () => {
  test("baselines run once, models once a seed, all models with one seed before any with the next", async () => {
    expect((await plan(freshOut())).map(nameOf)).toEqual([
      "popular null",
      "markov null",
      "gru4rec 1",
      "lstm 1",
      "gru4rec 2",
      "lstm 2",
    ]);
    expect((await plan(freshOut(), { models: ["lstm"], seeds: 3 })).map(nameOf)).toEqual([
      "lstm 1",
      "lstm 2",
      "lstm 3",
    ]);
  });

  test("what is done is skipped, and an interruption costs the run it falls into and no other", async () => {
    const out = freshOut();
    const runs = await plan(out);
    expect(await doMissing(runs.slice(0, 3))).toHaveLength(3);
    const times = runs.slice(0, 3).map(({ file }) => statSync(file).mtimeMs);
    const controller = new AbortController();
    const stopped = doRun(runs[3], BUILD, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error("stop")),
    });
    await expect(stopped).rejects.toThrow("stop");
    expect(filesBelow(out)).toHaveLength(3);
    expect(await doMissing(await plan(out))).toEqual(["lstm 1", "gru4rec 2", "lstm 2"]);
    expect(await doMissing(await plan(out))).toEqual([]);
    expect(runs.slice(0, 3).map(({ file }) => statSync(file).mtimeMs)).toEqual(times);
  });

  test("models that take long run once, unless seeds are asked for", async () => {
    const study = { ...SHOP, once: ["lstm"] };
    expect((await plan(freshOut(), {}, study)).map(nameOf)).toEqual([
      "popular null",
      "markov null",
      "gru4rec 1",
      "lstm 1",
      "gru4rec 2",
    ]);
    const asked = await plan(freshOut(), { models: ["lstm"], seeds: 2 }, study);
    expect(asked.map(nameOf)).toEqual(["lstm 1", "lstm 2"]);
  });

  test("a changed setting, and changed data, are other runs; the earlier ones stay for whoever changes back", async () => {
    const out = freshOut();
    await doMissing(await plan(out));
    const own = { ...SHOP, own: { lstm: { dropout: 0.2 } }, seeds: 1 };
    expect(await doMissing(await plan(out, {}, own))).toEqual(["lstm 1"]);
    expect(await doMissing(await plan(out, { seeds: 1, overrides: { epochs: 1 } }))).toEqual(["gru4rec 1", "lstm 1"]);
    expect(await doMissing(await plan(out, { seeds: 1, overrides: { kCore: 2 } }))).toEqual([
      "popular null",
      "markov null",
      "gru4rec 1",
      "lstm 1",
    ]);
    expect(await doMissing(await plan(out))).toEqual([]);
    put("other/log.csv", toTable(makeEvents({ seed: 2 })));
    const other = { ...SHOP, data: "other/log.csv" };
    expect(await doMissing(await plan(out, { models: ["markov"] }, other))).toEqual(["markov null"]);
  });

  test("a record from before a default changed is another run's; one from before a setting was there is not", async () => {
    const [run] = await plan(freshOut(), { models: ["gru4rec"] });
    const record = await doRun(run, BUILD);
    const rewrite = (asked: object) => writeFileSync(run.file, JSON.stringify({ ...record, asked }));
    rewrite({ ...record.asked, weightDecay: 0.5 });
    expect(await readRun(run)).toBeUndefined();
    const { weightDecay, ...older } = record.asked;
    expect(weightDecay).toBe(0);
    rewrite(older);
    expect(await readRun(run)).toBeDefined();
    rewrite({ ...record.asked, gone: 1 });
    expect(await readRun(run)).toBeUndefined();
  });

  test("a file that was cut short is no record, and is replaced", async () => {
    const [run] = await plan(freshOut(), { models: ["markov"] });
    await doRun(run, BUILD);
    const whole = readFileSync(run.file);
    writeFileSync(run.file, whole.subarray(0, whole.length / 2));
    expect(await readRun(run)).toBeUndefined();
    expect(await doMissing([run])).toEqual(["markov null"]);
    expect((await readRun(run))?.build).toEqual(BUILD);
  });

  test("a record has the settings in force, the data, all cut-offs, and the same numbers each time", async () => {
    const [run] = await plan(freshOut(), { models: ["lstm"], seeds: 1 });
    const record = await doRun(run, BUILD);
    expect(record).toMatchObject({
      ...{ study: "shop", model: "lstm", seed: 1, epochs: 2 },
      config: { preset: "lstm", dropout: 0.1, seed: 1 },
      data: { users: 60, items: 20, interactions: 480, files: [{ role: "data", file: "shop/log.csv" }] },
    });
    expect(record.data.files[0].sha256).toMatch(/^[0-9a-f]{64}$/);
    for (const k of [5, 10, 20]) {
      for (const part of [record.validation, record.test]) {
        expect(Object.keys(part)).toEqual(expect.arrayContaining([`hr@${k}`, `ndcg@${k}`, `mrr@${k}`]));
      }
    }
    const { seconds: _, ...numbers } = await doRun(run, BUILD);
    expect(record).toMatchObject(numbers);
  });

  test("held-out files are read below the same folder, and are part of what the run is", async () => {
    put("shop/test.csv", toTable(makeEvents({ users: 5, seed: 3 })));
    const study: Study = { ...SHOP, test: "shop/test.csv", settings: { split: "ratio:0.9", targets: "prefixes" } };
    const [run] = await plan(freshOut(), { models: ["markov"] }, study);
    const { data } = await doRun(run, BUILD);
    expect(data.files.map(({ role }) => role)).toEqual(["data", "test"]);
    expect(data.split[0]).toMatch(/^split: ratio:0\.9, \d+ validation and 40 test cases \(targets: prefixes\)$/);
  });

  test("data that is not there is named before anything runs", async () => {
    await expect(plan(freshOut(), {}, { ...SHOP, data: "none/log.csv" })).rejects.toMatchObject({
      code: "RESULTS_DATA",
      message: expect.stringContaining("ATTUNE_DATA"),
    });
  });

  test("the present build is told from the kernels and the program, whatever Node runs it", async () => {
    const build = await presentBuild();
    expect(build).toEqual(await presentBuild());
    expect(buildName({ ...build, node: "v0" })).toBe(buildName(build));
    expect(buildName({ ...build, wasm: "another" })).not.toBe(buildName(build));
    expect(buildName({ ...build, program: "another" })).not.toBe(buildName(build));
  });
});

describe("tables", () => {
  const settings =
    "Settings: `embedding=8 hidden=8 batch=16 learningRate=0.02 epochs=2`; of `lstm` also `dropout=0.1`;";

  /** Gives made-up records to some of the runs. */
  const made = async (values: Record<string, number>, builds: Record<string, Build> = {}, study = SHOP) => {
    const runs = await plan(freshOut(), {}, study);
    return {
      study,
      runs: runs.map((run) => {
        const name = nameOf(run);
        const value = values[name];
        const { model, seed, asked, files } = run;
        const metrics = { "hr@10": value, "ndcg@10": value / 2 };
        const data = { files, users: 60, items: 20, interactions: 1480, split: ["split: a", "test: b"] };
        const rest = { parameters: seed === null ? 0 : 1234, epochs: 2, bestEpoch: 1, seconds: 1, config: null };
        const build = builds[name] ?? BUILD;
        const parts = { validation: { "ndcg@10": value / 4 }, test: metrics, build };
        return { run, record: value ? { study: "shop", model, seed, asked, data, ...rest, ...parts } : undefined };
      }),
    };
  };
  const all = {
    "popular null": 0.1,
    "markov null": 0.3,
    "gru4rec 1": 0.2,
    "gru4rec 2": 0.24,
    "lstm 1": 0.5,
    "lstm 2": 0.5,
  };

  test("have means with standard deviations, the data, the settings and the build, in the order of the study", async () => {
    expect(formatStudy(await made(all), "table")).toEqual([
      "60 users, 20 items, 1,480 interactions;",
      "split: a;",
      "test: b.",
      `${settings} the rest as by default.`,
      "Of trained models: mean of seeds 1 to 2 ± standard deviation.",
      "",
      "| model | validation NDCG@10 | HR@10 | NDCG@10 | parameters |",
      "|---|---|---|---|---|",
      "| `popular` | .0250 | .1000 | .0500 | 0 |",
      "| `markov` | .0750 | .3000 | .1500 | 0 |",
      // Deviation of .2 and .24: .04 / √2.
      "| `gru4rec` | .0550 ± .0071 | .2200 ± .0283 | .1100 ± .0141 | 1,234 |",
      "| `lstm` | .1250 ± .0000 | .5000 ± .0000 | .2500 ± .0000 | 1,234 |",
      "",
      `Build ${buildName(BUILD)}. \`npm run results -- --data shop\` makes this table.`,
    ]);
  });

  test("name what is missing, and which build made which run where they differ", async () => {
    const other = { ...BUILD, wasm: "c" };
    const results = await made({ ...all, "lstm 1": 0, "lstm 2": 0, "gru4rec 2": 0 }, { "markov null": other });
    expect(missingRuns(results.runs)).toEqual(["lstm", "gru4rec seed 2"]);
    const lines = formatStudy(results, "table");
    expect(lines.slice(-2)).toEqual([
      "Not measured yet: lstm, gru4rec seed 2.",
      `Builds differ: ${buildName(other)} made markov; ${buildName(BUILD)} made the others. ` +
        "`npm run results -- --data shop` makes this table.",
    ]);
    expect(lines).toContain("| `gru4rec` | .0500 | .2000 | .1000 | 1,234 |");
    expect(lines.join()).not.toContain("lstm`");
    expect(formatStudy(await made({}), "table")).toEqual([]);
  });

  test("in brief go from the least to the best by the last metric", async () => {
    expect(formatStudy(await made(all), "brief")).toEqual([
      "| | test HR@10 | test NDCG@10 |",
      "|---|---|---|",
      "| `popular` | .1000 | .0500 |",
      "| `gru4rec` | .2200 | .1100 |",
      "| `markov` | .3000 | .1500 |",
      "| `lstm` | .5000 | .2500 |",
    ]);
  });

  test("say what the files of real runs say", async () => {
    const runs = await plan(freshOut(), { seeds: 1 });
    await doMissing(runs);
    const results = await resultsOf(runs);
    const lines = formatStudy(results, "table");
    for (const { record } of results.runs) {
      const cells = [record!.validation["ndcg@10"], record!.test["hr@10"], record!.test["ndcg@10"]].map((value) =>
        value.toFixed(4).replace(/^0/, ""),
      );
      const parameters = record!.parameters.toLocaleString("en-US");
      expect(lines).toContain(`| \`${record!.model}\` | ${cells.join(" | ")} | ${parameters} |`);
    }
  });

  test("go between their markers, and what is around them stays", () => {
    const text = "# A\n\n<!-- table one -->\nold\n<!-- end -->\n\nprose $& of $1\n\n<!-- brief two -->\n<!-- end -->\n";
    const tables = new Map([
      ["one", (shape: string) => [`${shape} $& 1`, "line"]],
      ["two", (shape: string) => [`${shape} 2`]],
    ]);
    const filled = fillMarkers("doc.md", text, tables);
    expect(filled).toBe(
      "# A\n\n<!-- table one -->\n\ntable $& 1\nline\n\n<!-- end -->\n\nprose $& of $1\n\n" +
        "<!-- brief two -->\n\nbrief 2\n\n<!-- end -->\n",
    );
    expect(fillMarkers("doc.md", filled, tables)).toBe(filled);
    const nothing = new Map([...tables.keys()].map((name) => [name, () => []]));
    expect(fillMarkers("doc.md", filled, nothing)).toBe(filled);
    expect(() => fillMarkers("doc.md", text, new Map([["one", () => []]]))).toThrow(/doc\.md: got .* table two/);
    for (const open of ["<!-- table one -->\nold\n", "<!-- table one -->\n<!-- table two -->\n<!-- end -->\n"]) {
      expect(() => fillMarkers("doc.md", open, tables)).toThrow(/got <!-- table one --> without <!-- end -->/);
    }
  });
});

describe("the studies and the documents", () => {
  test("every study has a table in docs/results.md, and every marker there and in README.md a study", () => {
    const asked: string[] = [];
    const tables = new Map(
      STUDIES.map(({ name }) => [
        name,
        (shape: string) => {
          asked.push(`${shape} ${name}`);
          return [];
        },
      ]),
    );
    for (const file of ["docs/results.md", "README.md"]) {
      fillMarkers(file, readFileSync(join(ROOT, file), "utf8"), tables);
    }
    expect(asked).toEqual(expect.arrayContaining(STUDIES.map(({ name }) => `table ${name}`)));
    expect(new Set(asked).size).toBe(asked.length);
  });

  test("settings of single models are of models that the study has", () => {
    for (const { own = {}, models } of STUDIES) expect(models).toEqual(expect.arrayContaining(Object.keys(own)));
  });
});

describe("npm run results", () => {
  const events = makeEvents();
  const rows = events.map(({ user, item, time }) => `${user.slice(1)}\t${item.slice(1)}\t3\t${time}\n`);
  put("ml-100k/u.data.gz", gzipSync(rows.join("")));

  const command = (words: string[], env: Record<string, string | undefined> = {}, kill = false) =>
    new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, ["scripts/run.mjs", "bench/results/main.ts", ...words], {
        cwd: ROOT,
        env: { ...process.env, ATTUNE_DATA: dataFolder, ...env },
      });
      const texts = { stdout: "", stderr: "" };
      child.stdout.on("data", (text) => {
        texts.stdout += text;
      });
      child.stderr.on("data", (text) => {
        texts.stderr += text;
        if (kill && !child.killed && texts.stderr.includes("train 2/")) child.kill("SIGINT");
      });
      child.on("close", (code) => resolve({ code, ...texts }));
    });
  const small = ["--data", "ml-100k", "--set", "embedding=8", "hidden=8", "batch=16"];

  test("lists, runs, lists again and skips what is there", async () => {
    const words = [...small, "--models", "markov,gru4rec", "--seeds", "1", "--epochs", "1", "--out", freshOut()];
    const before = await command([...words, "--list"]);
    expect(before.stdout).toMatch(/^ml-100k +gru4rec +1 +missing$/m);
    expect(before.stdout).toMatch(/^0 of 2 runs are there; this build is \d+\.\d+\.\d+-[0-9a-f]{12}$/m);
    const first = await command(words);
    expect(first.code).toBe(0);
    expect(first.stderr).toMatch(/ml-100k gru4rec seed 1: test HR@10 [.\d]+ NDCG@10 [.\d]+ in /);
    expect((await command([...words, "--list"])).stdout).toMatch(/^ml-100k +gru4rec +1 +done$/m);
    expect(await command(words)).toEqual({ code: 0, stdout: first.stdout, stderr: "" });
    expect((await command([...words, "--fresh"])).stderr).toBe("");
  });

  test("two at once do no harm, and both print the same table", async () => {
    const out = freshOut();
    const words = [...small, "--models", "popular,markov", "--out", out];
    const [one, two] = await Promise.all([command(words), command(words)]);
    expect([one.code, two.code]).toEqual([0, 0]);
    expect(one.stdout).toBe(two.stdout);
    expect(filesBelow(out)).toHaveLength(2);
  });

  test("Ctrl-C ends it with 130, keeps what is done and leaves nothing broken", async () => {
    const out = freshOut();
    const words = [...small, "--models", "markov,gru4rec", "--out", out];
    const { code, stderr } = await command([...words, "--epochs", "100000"], {}, true);
    expect(code).toBe(130);
    expect(stderr).toContain("results: stopped by SIGINT. Finished runs are kept");
    expect(filesBelow(out)).toEqual([expect.stringMatching(/markov-[0-9a-f]{12}\.json$/)]);
  });

  test.each([
    ["no data folder", [], { ATTUNE_DATA: undefined }, 2, /ATTUNE_DATA: not set/],
    ["a folder without the data", ["--data", "beauty"], {}, 3, /Beauty\.txt\.gz: cannot be read \(ENOENT\)/],
    ["an unknown study", ["--data", "ml-100"], {}, 2, /did you mean "ml-100k"/],
    ["an unknown model", ["--data", "ml-100k", "--models", "gru"], {}, 2, /--models: got "gru"/],
    ["an unknown setting", ["--data", "ml-100k", "--set", "dropuot=1"], {}, 2, /did you mean "dropout"/],
    ["documents of changed studies", ["--data", "ml-100k", "--write", "--epochs", "1"], {}, 2, /whole studies/],
    ["an unknown option", ["--nonsense"], {}, 2, /unknown option/],
  ] as const)("refuses %s in a line, with the exit code of its kind", async (_, words, env, code, text) => {
    const outcome = await command([...words, "--out", freshOut()], env);
    expect(outcome).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(text) });
  });
});

const real = process.env.ATTUNE_DATA;
if (real) {
  test("every study's files are in ATTUNE_DATA, and its baselines' cases are those of the protocol", async () => {
    const cases: Record<string, string> = {};
    for (const study of STUDIES) {
      const selection = { dataFolder: real, out: freshOut(), models: ["popular"] };
      const [run] = await planRuns(study, selection);
      cases[study.name] = (await doRun(run, BUILD)).data.split[0];
    }
    expect(cases).toEqual({
      "ml-100k": "split: leave-one-out, 943 validation and 943 test cases",
      "ml-latest-small": "split: leave-one-out, 610 validation and 610 test cases",
      beauty: "split: leave-one-out, 22,363 validation and 22,363 test cases",
      "online-retail": "split: temporal, 1,202 validation and 1,142 test cases",
      "yoochoose-100k": "split: ratio:0.9, 5,059 validation and 10,152 test cases (targets: prefixes)",
    });
  });
} else console.info("ATTUNE_DATA names no folder: the studies are not tried on real data.");
