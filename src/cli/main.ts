#!/usr/bin/env node
// The attune command. Results go to stdout, everything else to stderr; every failure is one line and an exit code.

import { Command, CommanderError } from "commander";
import { AttuneError, OutputError } from "../errors.ts";
import { PRESETS } from "../model/presets/index.ts";
import { version } from "../version.ts";
import { addBench } from "./bench.ts";
import { addCompare } from "./compare.ts";
import { addEvaluate } from "./evaluate.ts";
import { addInspect } from "./inspect.ts";
import { Interrupted } from "./interrupt.ts";
import { log } from "./output.ts";
import { addRecommend } from "./recommend.ts";
import { addSimilar } from "./similar.ts";
import { addTrain } from "./train.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

const EPILOGUE = `
Models: ${PRESETS.map(({ name, summary }) => `\n  ${name.padEnd(16)}${summary}`).join("")}

Start: attune train events.csv -o model.safetensors
       attune recommend model.safetensors --history item-1,item-2

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 bad data · 4 bad model · 130/143 interrupted`;

function createProgram(): Command {
  const program = new Command("attune")
    .description("Learns from a log of who interacted with what and when which item each user wants next.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .option("--debug", "print the stack of an error")
    .showHelpAfterError("(attune --help lists the commands)")
    .addHelpText("after", EPILOGUE)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
  for (const add of [addTrain, addEvaluate, addRecommend, addSimilar, addCompare, addInspect, addBench]) add(program);
  for (const command of program.commands) {
    command
      .helpOption("-h, --help", "show help")
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
  }
  return program;
}

/** Runs the command line and returns its exit code. */
async function run(argv: readonly string[]): Promise<number> {
  const debug = argv.includes("--debug");
  try {
    await createProgram().parseAsync(
      argv.filter((word) => word !== "--debug"),
      { from: "user" },
    );
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      // Without a command, commander's "error" is the help text itself.
      if (error.code === "commander.help") process.stderr.write(createProgram().helpInformation());
      else log(`attune: ${oneLine(error.message.replace(/^error: /, ""))} See attune --help.`);
      return EXIT_USAGE;
    }
    if (debug && error instanceof Error) for (const line of (error.stack ?? String(error)).split("\n")) log(line);
    if (error instanceof Interrupted) {
      log(`attune: ${error.message}`);
      // At once: what was interrupted may still hold the process, such as a read of standard input.
      process.exit(error.exitCode);
    }
    if (error instanceof AttuneError) {
      log(`attune: ${oneLine(error.message)}`);
      return error.exitCode;
    }
    const message = error instanceof Error ? error.message : String(error);
    log(`attune: internal error: ${oneLine(message)}. This is a fault of attune; --debug prints where it happened.`);
    return EXIT_FAILED;
  }
}

function oneLine(text: string): string {
  const line = text.replace(/\s*\n\s*/g, " ").trim();
  return /[.!?)]$/.test(line) ? line : `${line}.`;
}

// A reader that has enough (head, less) closes the pipe; that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  log(`attune: ${new OutputError("OUTPUT_FAILED", `standard output: ${error.message}.`).message}`);
  process.exit(EXIT_FAILED);
});
process.stderr.on("error", () => {});

process.exitCode = await run(process.argv.slice(2));
