import { open } from "node:fs/promises";
import type { Command } from "commander";
import { load, type Model } from "../api/model.ts";
import { formatQuality } from "../data/quality.ts";
import { readLog } from "../data/read/index.ts";
import { formatCount } from "../data/words.ts";
import { SETTING_NAMES } from "../model/config.ts";
import { addDataFlags, type DataFlags, readOptions } from "./options.ts";
import { print, printJson } from "./output.ts";

/** A tensor file begins with eight bytes of header length, then this. */
const HEADER_START = 8;
const BRACE = 0x7b;

/** Adds `attune inspect`. */
export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .description("describe a log or a model")
    .argument("<file>", "data, - for standard input, or a model file");
  addDataFlags(command).option("--json", "print one JSON object").action(runInspect);
}

async function runInspect(path: string, flags: DataFlags & { json?: boolean }): Promise<void> {
  if (await isModel(path)) {
    const model = await load(path);
    if (flags.json) printJson(modelFacts(model));
    else printModel(model);
    return;
  }
  const { quality, guesses } = await readLog(path, readOptions(flags));
  if (flags.json) {
    printJson({ ...quality, guesses });
    return;
  }
  for (const line of [...guesses, ...formatQuality(quality)]) print(line);
}

async function isModel(path: string): Promise<boolean> {
  if (path === "-") return false;
  if (path.endsWith(".safetensors")) return true;
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_START + 1), 0, HEADER_START + 1, 0);
      // A text file has no zero bytes; a header length below 4 GiB has four.
      return bytesRead > HEADER_START && buffer[HEADER_START] === BRACE && buffer.readUInt32LE(4) === 0;
    } finally {
      await file.close();
    }
  } catch {
    // What is wrong with the path is better said by the reader of data.
    return false;
  }
}

function modelFacts(model: Model): Record<string, unknown> {
  const { config, itemCount, parameterCount, facts } = model;
  return { model: config.preset, items: itemCount, parameters: parameterCount, ...facts, config };
}

function printModel(model: Model): void {
  const { config, itemCount, parameterCount, facts } = model;
  print(`${config.preset}: ${formatCount(itemCount)} items, ${formatCount(parameterCount)} parameters`);
  print(
    `trained for ${facts.epochs} epochs${facts.refitted ? " on everything, after choosing their number by validation" : ""}`,
  );
  print("");
  const width = Math.max(...SETTING_NAMES.map((name) => name.length));
  for (const name of SETTING_NAMES) print(`${name.padEnd(width)}  ${config[name]}`);
}
