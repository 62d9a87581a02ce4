// What `attune bench` and `npm run bench` measure on any machine, without data and peers.

import { PRESETS } from "../src/model/presets/index.ts";
import { type Growth, growthOf } from "./growth-training.ts";
import { kernelWorks } from "./kernel.ts";
import { type Effort, type Measured, measure } from "./measure.ts";
import { type Profile, profileOf } from "./profile.ts";
import { rankingWorks } from "./rank.ts";
import { SHAPES, stepWork } from "./steps.ts";
import { openTeam } from "./team.ts";

/** How much to measure. */
export interface SuiteOptions {
  /** Threads beside one. */
  threads: number;
  /** Everything, for as long as it takes; otherwise what fits in a minute. */
  full: boolean;
}

/** What a suite came to: runs on one team or another, and growth with sizes. */
export interface SuiteReport {
  name: string;
  runs: readonly Measured[];
  profiles?: readonly Profile[];
  growth?: readonly Growth[];
}

/** A suite. */
export interface Suite {
  name: string;
  summary: string;
  /** Left out of the quick form. */
  onlyFull?: boolean;
  run(options: SuiteOptions): Promise<Omit<SuiteReport, "name">>;
}

const QUICK: Effort = { rounds: 5, ms: 40 };
const FULL: Effort = { rounds: 15, ms: 100 };
const QUICK_STEPS = 10;
const FULL_STEPS = 40;
const QUICK_PRESETS = ["gru4rec", "attune"];

const effortOf = ({ full }: SuiteOptions) => (full ? FULL : QUICK);
const teamSizes = (threads: number) => (threads > 1 ? [1, threads] : [1]);

/** All suites, in the order they run. */
export const SUITES: readonly Suite[] = [
  {
    name: "kernel",
    summary: "the kernels that training spends its time in, on one thread",
    async run(options) {
      const team = await openTeam(1);
      return { runs: [await measure(team, kernelWorks(team.engine), effortOf(options))] };
    },
  },
  {
    name: "train",
    summary: "whole training steps, on one thread and on all",
    async run(options) {
      const presets = PRESETS.map(({ name }) => name).filter((name) => options.full || QUICK_PRESETS.includes(name));
      const runs: Measured[] = [];
      for (const threads of teamSizes(options.threads)) {
        const team = await openTeam(threads);
        const works = SHAPES.flatMap((shape) => presets.map((preset) => stepWork(team.engine, preset, shape)));
        runs.push(await measure(team, works, effortOf(options)).finally(() => team.close()));
      }
      return { runs };
    },
  },
  {
    name: "profile",
    summary: "where a training step of gru4rec spends its time, kernel by kernel",
    async run({ threads, full }) {
      const profiles: Profile[] = [];
      for (const shape of SHAPES) {
        profiles.push(await profileOf("gru4rec", shape, threads, full ? FULL_STEPS : QUICK_STEPS));
      }
      return { runs: [], profiles };
    },
  },
  {
    name: "rank",
    summary: "answers: history of 50 → the best 20 of the catalogue, on one thread",
    async run(options) {
      return { runs: [await measure(await openTeam(1), await rankingWorks(), effortOf(options))] };
    },
  },
  {
    name: "growth",
    summary: "time and memory of a training step with items, length, batch, width and threads",
    onlyFull: true,
    async run(options) {
      return { runs: [], growth: await growthOf(options.threads, effortOf(options)) };
    },
  },
];
