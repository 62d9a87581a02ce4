// How results are written: JSON as one object, or text for people.

import type { Metrics } from "../evaluate/metrics.ts";
import type { Evaluation } from "../evaluate/protocol.ts";

/** Characters of an id that text shows; JSON has all of it. */
const LONGEST_ID = 60;

/** Writes a line of results. Control characters come out as escapes, which mean the same inside JSON. */
export function print(line: string): void {
  process.stdout.write(`${printable(line)}\n`);
}

/** Writes one JSON object, the only thing on stdout. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Writes a line for people on stderr. Names of files, columns and ids in it cannot steer the terminal. */
export function log(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** Aligns rows in columns: the first to the left, numbers to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join("  ")
      .trimEnd(),
  );
}

/** Writes text so that it stays one line and cannot steer the terminal: controls, and marks that reorder text, as escapes. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (c) =>
    JSON.stringify(c)
      .slice(1, -1)
      .replace(/^[^\\]$/, escapeUnit),
  );
}

/** Writes an id for people: printable, and cut where it would spoil a table. */
export function printableId(id: string): string {
  const characters = id.length > LONGEST_ID ? Array.from(id.slice(0, 2 * LONGEST_ID)) : [];
  return printable(characters.length > LONGEST_ID ? `${characters.slice(0, LONGEST_ID - 1).join("")}…` : id);
}

function escapeUnit(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Writes a metric as people read it: `.1234`. */
export function formatMetric(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(4).replace(/^0/, "");
}

/** Writes the mean of a metric over runs, with the standard deviation where there are several: `.1234 ± .0056`. */
export function formatSpread(values: readonly (number | undefined)[]): string {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return "-";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  if (known.length === 1) return formatMetric(mean);
  const squares = known.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return `${formatMetric(mean)} ± ${formatMetric(Math.sqrt(squares / (known.length - 1)))}`;
}

/** The metrics that summaries show, by what was measured. */
const SUMMARIES: readonly (readonly string[])[] = [
  ["hr@10", "ndcg@10", "mrr@10"],
  ["rmse", "mae"],
  ["auc", "logLoss", "calibration", "calibrationError"],
];

/** Names the metrics that summaries show: those of next items, unless these are of ratings or clicks. */
export function summaryNames(metrics: Metrics | undefined): readonly string[] {
  return SUMMARIES.find((names) => metrics && names[0] in metrics) ?? SUMMARIES[0];
}

/** Picks the metrics that summaries show. */
export function summaryMetrics(metrics: Metrics | undefined, names = summaryNames(metrics)): string[] {
  return names.map((name) => formatMetric(metrics?.[name]));
}

/** Makes the table rows of predicted numbers: the model, and what plain predictors get on the same cases. */
export function predictionRows(title: string, { metrics, baselines = {} }: Evaluation): string[][] {
  const names = summaryNames(metrics);
  return [
    [title, ...names.map((name) => name.toUpperCase())],
    ["model", ...summaryMetrics(metrics, names)],
    ...Object.entries(baselines).map(([name, values]) => [
      name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      ...summaryMetrics(values, names),
    ]),
  ];
}

/** Writes a duration: `45 s`, `3.5 min`, `2.1 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** Draws a share of 1 as a bar of at most `width` characters. */
export function bar(share: number, width: number): string {
  return "█".repeat(Math.round(Math.max(0, Math.min(1, share)) * width));
}
