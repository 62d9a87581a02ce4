import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { attune, failureOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const inFolder = (name: string) => join(folder, name);
const log = inFolder("log.csv");
const model = inFolder("model.safetensors");
const quick = (...more: string[]) => ["train", log, ...TINY, "--epochs", "1", ...more];

beforeAll(async () => {
  writeFileSync(log, toTable(makeEvents({ users: 20, events: 5 })));
  await succeed(quick("-o", model));
});

const COMMANDS = ["train", "evaluate", "recommend", "compare", "inspect"];

describe("help and version (0)", () => {
  test("--help lists commands, models and exit codes", async () => {
    const { stdout, stderr } = await succeed(["--help"]);
    for (const word of [...COMMANDS, "attune", "attentive-gru", "gru4rec", "Exit codes"])
      expect(stdout).toContain(word);
    expect(stderr).toBe("");
  });

  test.each([["--help"], ["-h"]])("%s belongs to each command too", async (flag) => {
    const outcomes = await Promise.all(COMMANDS.map((command) => succeed([command, flag])));
    for (const [index, { stdout, stderr }] of outcomes.entries()) {
      expect(stdout).toContain(`Usage: attune ${COMMANDS[index]} `);
      expect(stderr).toBe("");
    }
  });

  test("help COMMAND is the same as COMMAND --help", async () => {
    expect((await succeed(["help", "train"])).stdout).toBe((await succeed(["train", "--help"])).stdout);
  });

  test("--version prints the version of the package", async () => {
    expect(await succeed(["--version"])).toMatchObject({ stdout: `${manifest.version}\n`, stderr: "" });
  });
});

describe("wrong usage (2)", () => {
  test("no command prints the help on stderr", async () => {
    const outcome = await attune([]);
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toContain("Usage: attune [options] [command]");
  });

  test.each<[string, string[], RegExp]>([
    ["an unknown command, with the nearest", ["trian", "x"], /unknown command 'trian' \(Did you mean train\?\)/],
    ["an unknown flag, with the nearest", ["train", "x", "--sed", "1"], /unknown option '--sed' .*--seed/],
    ["an unknown global flag", ["--versoin"], /unknown option '--versoin' \(Did you mean --version\?\)/],
    ["a missing argument", ["train"], /missing required argument 'data'/],
    ["a missing second argument", ["evaluate", "x"], /missing required argument 'data'/],
    ["a missing option", ["recommend", "x"], /recommend: got neither --history nor --user, expected one\./],
    ["a missing value", ["train", "x", "--seed"], /option '--seed <n>' argument missing/],
    ["an argument too many", ["train", "x", "y"], /too many arguments for 'train'/],
    ["an unknown preset, with the nearest", ["train", "x", "--model", "gru4rek"], /did you mean "gru4rec"/],
    ["an unknown preset, with all", ["train", "x", "--model", "what"], /Known presets: attune, .*sasrec\./],
    ["a preset of a setting", ["train", "x", "--set", "preset=lstn"], /did you mean "lstm"/],
    ["an unknown setting, with the nearest", ["train", "x", "--set", "embeding=8"], /did you mean "embedding"/],
    ["a setting that is none", ["train", "x", "--set", "__proto__=8"], /setting "__proto__": unknown/],
    ["a setting out of range", ["train", "x", "--set", "embedding=0"], /got "0", expected a whole number from 1 to/],
    ["a setting of another kind", ["train", "x", "--set", "dropout=much"], /dropout: got "much", expected a number/],
    ["a choice that is none", ["train", "x", "--set", "cell=rnn"], /cell: got "rnn", expected one of gru, lstm/],
    ["a setting without a value", ["train", "x", "--set", "embedding"], /'embedding' is invalid. Expected key=value/],
    ["data after --set", ["train", "--set", "batch=8", "x.csv"], /'x.csv' is invalid. .*go before --set/],
    ["a seed beyond 32 bits", ["train", "x", "--seed", "4294967296"], /seed: got 4294967296, expected/],
    ["a number that is none", ["train", "x", "--epochs", "1e3"], /'1e3' is invalid. Expected a whole number/],
    ["a negative number", ["train", "x", "--epochs", "-1"], /'-1' is invalid. Expected a whole number/],
    ["no time at all", ["train", "x", "--time-budget", "0"], /Expected a number above 0/],
    ["an unknown split", ["train", log, "--split", "leave-two-out"], /expected one of leave-one-out, none/],
    ["an unknown format", ["train", "x", "--format", "xml"], /--format: got "xml", expected one of/],
    ["an empty output", ["train", "x", "-o", ""], /--output: got an empty name/],
    ["a config file that is missing", ["train", "x", "--config", "no.json"], /no.json: cannot be read \(ENOENT\)/],
    ["a folder as config file", ["train", "x", "--config", "/"], /cannot be read \(EISDIR\)/],
    ["an unknown model to compare", ["compare", "x", "--models", "markv"], /did you mean "markov"/],
    ["no model to compare", ["compare", "x", "--models", ""], /model "": unknown/],
    ["no seed to compare", ["compare", "x", "--seeds", "0"], /seeds: got 0, expected a whole number from 1/],
    ["a preset for all that is compared", ["compare", "x", "--set", "preset=lstm"], /--models/],
    ["a cut-off of 0", ["evaluate", "x", "y", "-k", "5,0"], /Expected whole numbers from 1/],
  ])("%s", async (_, args, expected) => {
    expect(await failureOf(args, 2)).toMatch(expected);
  });

  test("a model that would replace its data", async () => {
    const before = readFileSync(log);
    expect(await failureOf(["train", log, "-o", join(folder, ".", "log.csv")], 2)).toMatch(/the data itself/);
    expect(readFileSync(log).equals(before)).toBe(true);
  });

  test("-k 0 asks for nothing", async () => {
    expect(await failureOf(["recommend", model, "--history", "i1", "-k", "0"], 2)).toMatch(/k: got 0, expected/);
  });

  test.each([
    ["no JSON", "{", /not a JSON object of settings/],
    ["no object", "[]", /it is no object/],
    ["a null", "null", /it is no object/],
    ["an unknown setting", '{"embeding":8}', /did you mean "embedding"/],
    ["a prototype", '{"__proto__":{"epochs":1}}', /setting "__proto__": unknown/],
    ["a value of another kind", '{"epochs":[1]}', /epochs: got 1, expected a whole number/],
    ["a preset that is no text", '{"preset":5}', /model "5": unknown preset/],
  ])("a config file with %s", async (_, content, expected) => {
    const file = inFolder("config.json");
    writeFileSync(file, content);
    expect(await failureOf(["train", log, "--config", file], 2)).toMatch(expected);
  });
});

describe("bad data (3)", () => {
  test.each<[string, string[]]>([
    ["train", ["train"]],
    ["compare", ["compare"]],
    ["inspect", ["inspect"]],
  ])("%s names the file that is missing, a folder or empty", async (_, command) => {
    const empty = inFolder(`empty-${command[0]}.csv`);
    writeFileSync(empty, "");
    expect(await failureOf([...command, inFolder("no.csv")], 3)).toMatch(/no\.csv: got no such file/);
    expect(await failureOf([...command, folder], 3)).toMatch(/got a directory, expected a file/);
    expect(await failureOf([...command, empty], 3)).toMatch(/got 0 bytes, expected at least one row/);
  });

  test("evaluate names the data that is missing", async () => {
    expect(await failureOf(["evaluate", model, inFolder("no.csv")], 3)).toMatch(/no\.csv: got no such file/);
  });

  test("standard input without a row", async () => {
    expect(await failureOf(["train", "-"], 3)).toMatch(/standard input: got 0 bytes/);
  });

  test("bad rows are counted, and the flag that goes on is named", async () => {
    const bad = inFolder("bad.csv");
    writeFileSync(bad, `${toTable(makeEvents({ users: 5 }))}u1,i1,soon\n`);
    expect(await failureOf(["train", bad], 3)).toMatch(/got 1 bad row of 41 .*--max-bad-rows 1/);
  });

  test("filters that leave nothing", async () => {
    expect(await failureOf(["train", log, "--k-core", "1000"], 3)).toMatch(/k-core 1000: removed 100 events/);
  });
});

describe("bad models (4)", () => {
  const commands = (file: string) => [
    ["recommend", file, "--history", "i1"],
    ["evaluate", file, log],
  ];

  test("missing", async () => {
    for (const args of [...commands(inFolder("no.safetensors")), ["inspect", inFolder("no.safetensors")]]) {
      expect(await failureOf(args, 4)).toMatch(/no\.safetensors: no such file, expected a model/);
    }
  });

  test("a folder", async () => {
    for (const args of commands(folder)) expect(await failureOf(args, 4)).toMatch(/cannot be read \(EISDIR\)/);
  });

  test("a text file", async () => {
    for (const args of commands(log)) expect(await failureOf(args, 4)).toMatch(/log\.csv: .* is not a model/);
  });

  test("cut short anywhere, or with a flipped bit", async () => {
    const bytes = readFileSync(model);
    const damaged = inFolder("damaged.safetensors");
    for (const length of [0, 7, 8, 500, bytes.length - 1]) {
      writeFileSync(damaged, bytes.subarray(0, length));
      expect(await failureOf(["recommend", damaged, "--history", "i1"], 4)).toMatch(/damaged\.safetensors: /);
    }
    const flipped = Buffer.from(bytes);
    flipped[bytes.length - 100] ^= 1;
    writeFileSync(damaged, flipped);
    expect(await failureOf(["inspect", damaged], 4)).toMatch(/damaged\.safetensors: /);
  });
});

describe("outputs that cannot be written (1)", () => {
  test.each<[string, () => string, RegExp]>([
    ["in a missing folder", () => inFolder("no/model.safetensors"), /folder .*no does not exist/],
    ["that are a folder", () => folder, /names a folder, expected a file/],
    ["that are a device", () => "/dev/null", /is a device, pipe or socket/],
    ["below a file", () => join(log, "model.safetensors"), /does not exist or is not a folder/],
  ])("%s are told before anything is trained", async (_, output, expected) => {
    expect(await failureOf(quick("-o", output()), 1)).toMatch(expected);
  });

  test("the rehearsal of writing leaves an older model as it was, and no trace", async () => {
    const place = inFolder("place");
    mkdirSync(place);
    const old = join(place, "old.safetensors");
    writeFileSync(old, "old");
    await failureOf(["train", inFolder("no.csv"), "-o", old], 3);
    await failureOf(["train", inFolder("no.csv"), "-o", join(place, "new.safetensors")], 3);
    expect(readdirSync(place)).toEqual(["old.safetensors"]);
    expect(readFileSync(old, "utf8")).toBe("old");
  });
});

describe("--debug", () => {
  test("prints the stack before the line, wherever it stands", async () => {
    for (const args of [
      ["--debug", "train", "no.csv"],
      ["train", "no.csv", "--debug"],
    ]) {
      const { code, stderr } = await attune(args);
      expect(code).toBe(3);
      expect(stderr).toMatch(/^DataError: no\.csv: .*\n( {4}at .*\n)+attune: no\.csv: .*\n$/);
    }
  });
});
