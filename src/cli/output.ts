// How results are written: JSON as one object, or text for people.

import type { Metrics } from "../evaluate/metrics.ts";

/** Writes a line of results. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one JSON object, the only thing on stdout. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Writes a line for people on stderr. */
export function log(line: string): void {
  process.stderr.write(`${line}\n`);
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

/** Writes ids so that one stays one line and cannot steer the terminal: control characters as escapes. */
export function printable(id: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
  return id.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) =>
    JSON.stringify(c)
      .slice(1, -1)
      .replace(/^[^\\]$/, escapeUnit),
  );
}

function escapeUnit(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Writes a metric as people read it: `.1234`. */
export function formatMetric(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(4).replace(/^0/, "");
}

/** Picks the metrics that summaries show. */
export function summaryMetrics(metrics: Metrics | undefined): string[] {
  return ["hr@10", "ndcg@10", "mrr@10"].map((name) => formatMetric(metrics?.[name]));
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
