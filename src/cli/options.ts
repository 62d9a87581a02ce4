// Options that several commands share, and how their text becomes values.

import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { FormatName, ReadOptions } from "../data/read/index.ts";
import { UsageError } from "../errors.ts";

const configMissing = (path: string, why: string) =>
  new UsageError(
    "CONFIG_UNREADABLE",
    `${path}: cannot be read (${why}), expected a JSON file of settings. Check --config.`,
  );
const configNotJson = (path: string, why: string) =>
  new UsageError(
    "CONFIG_INVALID",
    `${path}: not a JSON object of settings (${why}). Correct it, such as {"embedding": 64}.`,
  );

/** Options that say how data is read. */
export interface DataFlags {
  format?: FormatName;
  columns?: string;
  header: boolean;
  delimiter?: string;
  timeFormat?: ReadOptions["timeFormat"];
  maxBadRows?: string;
}

/** Options that choose settings. */
export interface SettingFlags {
  config?: string;
  set?: string[];
  kCore?: number;
  split?: string;
  targets?: string;
  sessionGap?: string;
  seed?: number;
  epochs?: number;
  patience?: number;
  task?: string;
}

/** Adds the options of reading data. */
export function addDataFlags(command: Command): Command {
  return command
    .addOption(new Option("--format <format>", "input format (default: by extension, or told from the first lines)"))
    .option("--columns <list>", "user=…,item=…,time=… by column name or number from 1 (default: guessed, and printed)")
    .option("--no-header", "the first line is data")
    .option("--delimiter <text>", "what separates columns (default: told from the first lines)")
    .option("--time-format <format>", "s, ms or iso (default: told from the values)")
    .option("--max-bad-rows <n>", "bad rows to let pass: N or P% (default: 0)");
}

/** Returns how a source is read. */
export function readOptions(flags: DataFlags): ReadOptions {
  const { format, columns, delimiter, timeFormat, maxBadRows } = flags;
  return { format, columns, delimiter, timeFormat, maxBadRows, header: flags.header ? undefined : false };
}

/** Adds the options of training settings. */
export function addSettingFlags(command: Command): Command {
  return command
    .option("--config <file>", "JSON file of settings; flags win")
    .option("--set <key=value...>", "any setting, such as --set dropout=0.5 batch=64", keyAndValue)
    .option("--task <task>", "what is learned: next, rating or click (default: next)")
    .option("--k-core <n>", "drop users and items with fewer events, until none is left", wholeNumber)
    .option("--split <rule>", "how events are held out: leave-one-out, temporal[:0.8,0.9], ratio[:0.8,0.9], none")
    .option("--targets <rule>", "what is predicted in a held-out part: last, future, prefixes")
    .option("--session-gap <seconds>", "a longer pause ends a session, each a history of its own (default: 0, none)")
    .option("--seed <n>", "seed of every random number", wholeNumber)
    .option("--epochs <n>", "most passes over the data", wholeNumber)
    .option("--patience <n>", "epochs without a better validation score before training stops", wholeNumber);
}

/** Options that name sources of held-out events. */
export interface HeldOutFlags {
  valid?: string;
  test?: string;
}

/** Adds the options of held-out sources. */
export function addHeldOutFlags(command: Command): Command {
  return command
    .option("--valid <file>", "what to validate on; then all of <data> trains")
    .option("--test <file>", "what to test on; without --valid, --split holds out the validation only");
}

/** Returns the settings of a config file and flags; flags win. Their names and values are checked by the library. */
export async function readSettings(flags: SettingFlags): Promise<Record<string, unknown>> {
  const { kCore, split, targets, sessionGap, seed, epochs, patience, task } = flags;
  // A null prototype, so that a name such as __proto__ is a name.
  const settings: Record<string, unknown> = Object.create(null);
  if (flags.config !== undefined) Object.assign(settings, await readConfigFile(flags.config));
  for (const text of flags.set ?? []) {
    const at = text.indexOf("=");
    settings[text.slice(0, at)] = text.slice(at + 1);
  }
  for (const [name, value] of Object.entries({ kCore, split, targets, sessionGap, seed, epochs, patience, task })) {
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

async function readConfigFile(path: string): Promise<object> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw configMissing(path, (error as NodeJS.ErrnoException).code ?? String(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw configNotJson(path, (error as Error).message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw configNotJson(path, "it is no object");
  return value;
}

/** Collects `key=value`. The option takes every word up to the next flag, so the data may have ended up here. */
export function keyAndValue(text: string, before: readonly string[] = []): string[] {
  if (text.indexOf("=") < 1)
    throw new InvalidArgumentError("Expected key=value, such as dropout=0.3; other arguments go before --set.");
  return [...before, text];
}

/** Parses a whole number from 0. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Expected a whole number from 0.");
  return Number(text);
}

/** Parses a number above 0. */
export function positiveNumber(text: string): number {
  const value = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : 0;
  if (!(value > 0)) throw new InvalidArgumentError("Expected a number above 0.");
  return value;
}

/** Parses a list of whole numbers from 1: `5,10,20`. */
export function wholeNumbers(text: string): number[] {
  const values = text.split(",").map((part) => (/^\d{1,9}$/.test(part.trim()) ? Number(part) : 0));
  if (values.some((value) => value < 1))
    throw new InvalidArgumentError("Expected whole numbers from 1, such as 5,10,20.");
  return values;
}
