// Training progress on stderr: a bar with the time left on a terminal, one plain line an epoch elsewhere.

import { SingleBar } from "cli-progress";
import type { PreparedData } from "../api/source.ts";
import { formatFilterReport } from "../data/histories.ts";
import { formatQuality } from "../data/quality.ts";
import { formatSplit } from "../data/split.ts";
import { formatCount } from "../data/words.ts";
import { type ModelConfig, SETTING_NAMES } from "../model/config.ts";
import type { Progress } from "../train/fit.ts";
import { formatMetric, formatSeconds, log, summaryNames } from "./output.ts";

/** Steps are timed this long before the first forecast. */
const FORECAST_AFTER_SECONDS = 2;

/** From this share of repeats on, leaving out what was seen may hide what users want. */
const MANY_REPEATS = 0.1;

/** With fewer validation cases, the best epoch is mostly chance. */
const FEW_CASES = 30;

/** Reports what was read and how it was split: what a model is trained on. */
export function logData(data: PreparedData, config: ModelConfig): void {
  logRead(data, config);
  const { quality, split } = data;
  if (config.seen === "exclude" && quality.repeats > MANY_REPEATS * quality.events) {
    log("hint: users come back to items here, and seen items are not recommended; --set seen=include does");
  }
  const { valid, test, rule } = split;
  if (valid.user.length === 0 && test.user.length > 0) {
    log("hint: nothing validates, so all epochs are trained and the last weights kept; --epochs says how many");
  } else if (valid.user.length < FEW_CASES && (rule !== "none" || valid.user.length > 0)) {
    log(
      "hint: with so few users to validate on, the choice of the epoch is mostly chance; --patience lets training go on",
    );
  }
  for (const line of formatSplit(split)) log(line);
}

/** Reports what was read: guesses, quality, sessions, filters. */
export function logRead(data: PreparedData, config: ModelConfig): void {
  const { guesses, quality, filter, sessions, heldOut } = data;
  for (const line of [...guesses, ...formatQuality(quality)]) log(line);
  for (const part of heldOut) {
    for (const line of [...part.guesses, ...formatQuality(part.quality)]) log(`${part.name}: ${line}`);
  }
  if (sessions) {
    const { users, sessions: count } = sessions;
    log(
      `session gap ${formatCount(config.sessionGap)} s: ${formatCount(count)} sessions of ${formatCount(users)} users`,
    );
  }
  for (const line of formatFilterReport(filter)) log(line);
}

/** Prints the effective settings on one line. */
export function logConfig(config: ModelConfig): void {
  log(`settings: ${SETTING_NAMES.map((name) => `${name}=${config[name]}`).join(" ")}`);
}

/** Draws the progress of a training. */
export class TrainingProgress {
  readonly #bar: SingleBar | undefined;
  #phase = "";
  #forecast = false;

  constructor(readonly label: string) {
    if (process.stderr.isTTY) {
      this.#bar = new SingleBar({
        format: "{label} {bar} {percentage}% | loss {loss} | {speed} interactions/s | {eta_formatted} left",
        hideCursor: true,
        stream: process.stderr,
        etaBuffer: 20,
      });
    }
  }

  /** Takes a report of the training loop. */
  update(progress: Progress): void {
    const { phase, epoch, epochs, users, usersTotal, loss, interactionsPerSecond, closed } = progress;
    if (phase !== this.#phase) {
      this.#phase = phase;
      this.#forecast = false;
      if (phase === "refit") log(`${this.label}: training again on everything, for ${epochs} epochs`);
    }
    this.#logForecast(progress);
    const label = `${this.label} ${phase} ${epoch}/${epochs}`;
    const speed = formatCount(Math.round(interactionsPerSecond));
    if (this.#bar && !closed) {
      const fields = { label, loss: loss.toFixed(3), speed };
      if (this.#bar.isActive) this.#bar.update(users, fields);
      else this.#bar.start(usersTotal, users, fields);
      return;
    }
    if (!closed) return;
    this.stop();
    const validation = closed.validation
      ? `, validation ${summaryNames(closed.validation)
          .slice(0, 2)
          .map((name) => `${name.toUpperCase()} ${formatMetric(closed.validation![name])}`)
          .join(" ")}${closed.best ? " *" : ""}`
      : "";
    log(`${label}: loss ${loss.toFixed(4)}, ${speed} interactions/s${validation}`);
  }

  /** Removes the bar. */
  stop(): void {
    if (!this.#bar?.isActive) return;
    this.#bar.stop();
    process.stderr.write("\u001b[1A\u001b[2K");
  }

  #logForecast({ epochs, epoch, users, usersTotal, seconds, phase, closed }: Progress): void {
    if (this.#forecast || epoch > 1 || (seconds < FORECAST_AFTER_SECONDS && !closed)) return;
    this.#forecast = true;
    const epochSeconds = (seconds * usersTotal) / users;
    const all = formatSeconds(epochSeconds * epochs);
    this.stop();
    const stops = phase === "train" ? " (training stops earlier when validation stops improving)" : "";
    log(`${this.label}: about ${formatSeconds(epochSeconds)} an epoch, at most ${all} for ${epochs}${stops}`);
  }
}
