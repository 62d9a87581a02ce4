import type { Command } from "commander";
import { formatMachine, formatSuite, machine } from "../../bench/report.ts";
import { SUITES, type SuiteReport } from "../../bench/suites.ts";
import { UsageError } from "../errors.ts";
import { nearestName } from "../model/config.ts";
import { checkThreads, defaultThreads } from "../train/supervisor.ts";
import { interruptible } from "./interrupt.ts";
import { wholeNumber } from "./options.ts";
import { log, print, printJson } from "./output.ts";

const NAMES = SUITES.map(({ name }) => name);

const unknownSuite = (got: string) => {
  const nearest = nearestName(got, NAMES);
  return new UsageError(
    "BENCH_SUITE",
    `--suites: got "${got}"${nearest ? `, did you mean "${nearest}"` : ""}, expected some of ${NAMES.join(", ")}. Correct it.`,
  );
};

interface Flags {
  suites?: string;
  full?: boolean;
  threads?: number;
  json?: boolean;
}

/** Adds `attune bench`. */
export function addBench(program: Command): void {
  program
    .command("bench")
    .description("measure this machine: kernels, training steps and answers, as shares of what it can do")
    .option("--suites <list>", `names separated by commas: ${NAMES.join(", ")} (default: what fits in a minute)`)
    .option("--full", "every suite and preset, with more rounds; takes some minutes")
    .option("--threads <n>", "threads to train with, beside one (default: one for each core, at most 8)", wholeNumber)
    .option("--json", "print one JSON object")
    .action(runBench);
}

async function runBench({ suites: list, full = false, threads = defaultThreads(), json }: Flags): Promise<void> {
  checkThreads(threads);
  const asked = list?.split(",").map((name) => name.trim());
  for (const name of asked ?? []) if (!NAMES.includes(name)) throw unknownSuite(name);
  const chosen = SUITES.filter(({ name, onlyFull }) => asked?.includes(name) ?? (full || !onlyFull));
  const host = machine();
  if (!json) print(formatMachine(host));
  const reports: SuiteReport[] = [];
  await interruptible(async (signal) => {
    for (const { name, summary, run } of chosen) {
      signal.throwIfAborted();
      log(`${name}: ${summary}`);
      const report = { name, ...(await run({ threads, full })) };
      reports.push(report);
      if (!json) for (const line of formatSuite(report)) print(line);
    }
  });
  if (json) printJson({ machine: host, full, threads, suites: reports });
}
