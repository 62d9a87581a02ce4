// Tables of studies as Markdown, and their places in documents: between a marker that names the table and the end marker.
//
//     <!-- table ml-100k -->  a study with all there is to say of it
//     <!-- brief ml-100k -->  its test metrics alone, from the least to the best
//     <!-- end -->

import { formatSpread } from "../../src/cli/output.ts";
import { formatCount } from "../../src/data/words.ts";
import { UsageError } from "../../src/errors.ts";
import { buildName, type Run, type RunRecord } from "./runs.ts";
import type { Settings, Study } from "./studies.ts";

const unknownTable = (file: string, name: string, known: Iterable<string>) =>
  new UsageError(
    "RESULTS_TABLE",
    `${file}: got a marker for table ${name}, expected one of ${[...known].join(", ")}. Correct the marker.`,
  );
const unclosed = (file: string, marker: string) =>
  new UsageError(
    "RESULTS_MARKER",
    `${file}: got ${marker} without <!-- end -->, expected one before the next marker. Add it.`,
  );

/** A study's runs, each with its record where there is one. */
export interface StudyResults {
  study: Study;
  runs: readonly { run: Run; record: RunRecord | undefined }[];
}

/** Writes what a marker stands for. */
export type Shape = "table" | "brief";

const LABELS: Readonly<Record<string, string>> = { hr: "HR", ndcg: "NDCG", mrr: "MRR", recall: "Recall" };

/** Writes a study's results in a shape, a line each. Models without a record are left out; what is missing is named below. */
export function formatStudy({ study, runs }: StudyResults, shape: Shape): string[] {
  const rows = study.models
    .map((model) => runs.flatMap(({ run, record }) => (record && run.model === model ? [record] : [])))
    .filter((records) => records.length > 0);
  if (rows.length === 0) return [];
  return shape === "table" ? fullTable(study, rows, missingRuns(runs)) : briefTable(study, rows);
}

/** Names the runs without a record; a model without any by its name alone. */
export function missingRuns(runs: StudyResults["runs"]): string[] {
  const measured = new Set(runs.filter(({ record }) => record).map(({ run }) => run.model));
  const names = runs.flatMap(({ run, record }) => {
    if (record) return [];
    return measured.has(run.model) ? runName(run) : run.model;
  });
  return [...new Set(names)];
}

/** Names a run inside its study: `gru4rec seed 2`. */
export function runName({ model, seed }: Pick<Run, "model" | "seed">): string {
  return seed === null ? model : `${model} seed ${seed}`;
}

/** Writes a metric's name as people do: `HR@10`. */
export function metricLabel(name: string): string {
  const [metric, k] = name.split("@");
  return `${LABELS[metric] ?? metric}@${k}`;
}

function fullTable(study: Study, rows: readonly RunRecord[][], missing: readonly string[]): string[] {
  const { columns, settings, own = {} } = study;
  const { data } = rows[0][0];
  const seeds = Math.max(...rows.map((records) => records.filter(({ seed }) => seed !== null).length));
  const counts = `${formatCount(data.users)} users, ${formatCount(data.items)} items, ${formatCount(data.interactions)} interactions`;
  const apart = Object.entries(own).filter(([model]) => rows.some(([{ model: name }]) => name === model));
  return [
    ...`${[counts, ...data.split].join(";\n")}.`.split("\n"),
    [
      `Settings: ${settingsText(settings)}`,
      ...apart.map(([model, more]) => `of \`${model}\` also ${settingsText(more)}`),
      "the rest as by default.",
    ].join("; "),
    ...(seeds > 1
      ? [
          `Of trained models: mean of seeds 1 to ${seeds} ± standard deviation${study.once ? ", or, without a deviation, seed 1 alone, as a run takes long" : ""}.`,
        ]
      : []),
    "",
    ...markdown(
      ["model", "validation NDCG@10", ...columns.map(metricLabel), "parameters"],
      rows.map((records) => [
        `\`${records[0].model}\``,
        formatSpread(records.map(({ validation }) => validation["ndcg@10"])),
        ...columns.map((name) => formatSpread(records.map(({ test }) => test[name]))),
        formatCount(records[0].parameters),
      ]),
    ),
    "",
    ...(missing.length > 0 ? [`Not measured yet: ${missing.join(", ")}.`] : []),
    `${buildsText(rows.flat())} \`npm run results -- --data ${study.name}\` makes this table.`,
  ];
}

function briefTable({ columns }: Study, rows: readonly RunRecord[][]): string[] {
  const mean = (records: readonly RunRecord[], name: string) =>
    records.reduce((sum, { test }) => sum + test[name], 0) / records.length;
  const last = columns[columns.length - 1];
  return markdown(
    ["", ...columns.map((name) => `test ${metricLabel(name)}`)],
    [...rows]
      .sort((a, b) => mean(a, last) - mean(b, last))
      .map((records) => [`\`${records[0].model}\``, ...columns.map((name) => formatSpread([mean(records, name)]))]),
  );
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`.replace("|  |", "| |");
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)];
}

function settingsText(settings: Settings): string {
  return `\`${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ")}\``;
}

/** Says which code made the records, one by one where it was not the same. */
function buildsText(records: readonly RunRecord[]): string {
  const builds = new Map<string, string[]>();
  for (const record of records) {
    const name = buildName(record.build);
    builds.set(name, [...(builds.get(name) ?? []), runName(record)]);
  }
  if (builds.size === 1) return `Build ${[...builds.keys()][0]}.`;
  const bySize = [...builds].sort(([, a], [, b]) => a.length - b.length);
  const made = bySize.map(([name, of], i) => `${name} made ${i < builds.size - 1 ? of.join(", ") : "the others"}`);
  return `Builds differ: ${made.join("; ")}.`;
}

/**
 * Puts tables into a document. A table without lines, such as one without runs, leaves its place as it is.
 * @param file name of the document, for errors
 * @param tables lines of each table by study and shape
 * @throws UsageError `RESULTS_TABLE` for a marker of an unknown table, `RESULTS_MARKER` for one without its end
 */
export function fillMarkers(
  file: string,
  text: string,
  tables: ReadonlyMap<string, (shape: Shape) => readonly string[]>,
): string {
  return text.replace(
    /(<!-- (table|brief) (\S+) -->\n)([\s\S]*?)(<!-- end -->|<!-- (?:table|brief) |$(?![\s\S]))/g,
    (whole, marker: string, shape: Shape, name: string, _before, end: string) => {
      if (end !== "<!-- end -->") throw unclosed(file, marker.trim());
      const table = tables.get(name);
      if (!table) throw unknownTable(file, name, tables.keys());
      const lines = table(shape);
      return lines.length === 0 ? whole : `${marker}\n${lines.join("\n")}\n\n${end}`;
    },
  );
}
