// What a bench prints: the machine, then a table for each run of each suite.

import { cpus, loadavg } from "node:os";
import { formatTable } from "../src/cli/output.ts";
import { version } from "../src/version.ts";
import { formatGrowth } from "./growth-training.ts";
import { formatMeasured } from "./measure.ts";
import { formatProfile } from "./profile.ts";
import type { SuiteReport } from "./suites.ts";

/** What figures depend on. */
export interface Machine {
  attune: string;
  runtime: string;
  platform: string;
  cpu: string;
  cores: number;
  /** Load of the machine over the last minute: above 0 before a bench, others work on it. */
  load: number;
}

/** Describes the machine at hand. */
export function machine(): Machine {
  return {
    attune: version,
    runtime: `Node ${process.version}`,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    load: loadavg()[0],
  };
}

/** Writes the machine as a line. */
export function formatMachine({ attune, runtime, platform, cpu, cores, load }: Machine): string {
  return `attune ${attune}, ${runtime}, ${platform}, ${cpu}, ${cores} cores, load ${load.toFixed(2)}`;
}

/** Writes a suite's tables. */
export function formatSuite({ name, runs, profiles = [], growth = [] }: SuiteReport): string[] {
  const tables = [...runs.map(formatMeasured), ...profiles.map(formatProfile), ...growth.map(formatGrowth)];
  return ["", name, ...tables.flatMap((table) => ["", ...formatTable(table)])];
}
