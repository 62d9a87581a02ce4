// Sequences of numbers, with or without item ids beside them, and one label each.

import { DataError } from "../errors.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";
import { quote } from "./words.ts";

const badRow = (row: number, why: string) =>
  new DataError(
    "SEQUENCE_ROW",
    `sequence ${row}: ${why}, expected { features: number[][] of equally many finite numbers a step, label: number } and, ` +
      "in all rows or none, items: string[] of as many steps. Correct or drop it.",
  );
const noRows = () =>
  new DataError("DATA_NO_ROWS", "sequences: got none, expected at least one. Check the source of the data.");

/** One sequence: T steps of n numbers each, oldest first, perhaps with an item id a step. */
export interface SequenceRow {
  features: readonly (readonly number[])[];
  /** 0 or 1 for the task click, any finite number for the task rating. */
  label: number;
  items?: readonly string[];
}

/** Sequences as models see them: numbers alone, which another thread can be sent. */
export type SequenceNumbers = Omit<Sequences, "items"> & { readonly items: { readonly size: number } };

/** Sequences with ids as numbers. */
export interface Sequences {
  /** Empty where the rows have no items. */
  readonly items: Ids;
  /** n, numbers a step. */
  readonly count: number;
  /** f32[T, n] of each row. */
  readonly features: Float32Array[];
  /** Item indices of each row, i32[T]; zeros without items. */
  readonly steps: Int32Array[];
  /** f32[rows] */
  readonly labels: Float32Array;
}

/** Says what is wrong with a row on its own, or nothing. */
export function sequenceRowFault(row: unknown): string | undefined {
  if (typeof row !== "object" || row === null) return `got ${quote(row)}`;
  const { features, label, items } = row as Partial<SequenceRow>;
  if (!Array.isArray(features) || features.length === 0) return `got features ${quote(features)}`;
  const width = Array.isArray(features[0]) ? features[0].length : 0;
  const fits = (step: unknown) => Array.isArray(step) && step.length === width && step.every(Number.isFinite);
  if (width === 0 || !features.every(fits)) return "got features that are no table of finite numbers";
  if (!Number.isFinite(label)) return `got label ${quote(label)}`;
  if (items === undefined) return undefined;
  const named = Array.isArray(items) && items.every((id) => typeof id === "string" && id !== "");
  return named && items.length === features.length ? undefined : `got items ${quote(items)}`;
}

/**
 * Reads sequences, in the order given. All rows have the same n, and all have items or none.
 * @param binary whether labels are 0 or 1
 * @throws DataError `SEQUENCE_ROW`, `DATA_NO_ROWS`
 */
export async function sequencesFromRows(
  rows: Iterable<SequenceRow> | AsyncIterable<SequenceRow>,
  binary: boolean,
): Promise<Sequences> {
  const items = new Vocabulary();
  const features: Float32Array[] = [];
  const steps: Int32Array[] = [];
  const labels: number[] = [];
  let first: SequenceRow | undefined;
  for await (const row of rows) {
    const fault = sequenceRowFault(row);
    if (fault) throw badRow(labels.length, fault);
    first ??= row;
    const width = first.features[0].length;
    if (row.features[0].length !== width) throw badRow(labels.length, `got ${row.features[0].length} numbers a step`);
    if ((row.items === undefined) !== (first.items === undefined)) {
      throw badRow(labels.length, `got ${row.items ? "items" : "no items"}, unlike row 0`);
    }
    if (binary && row.label !== 0 && row.label !== 1) throw badRow(labels.length, `got label ${row.label}, not 0 or 1`);
    features.push(Float32Array.from(row.features.flat()));
    steps.push(row.items ? Int32Array.from(row.items, (id) => items.add(id)) : new Int32Array(row.features.length));
    labels.push(row.label);
  }
  if (!first) throw noRows();
  return { items, count: first.features[0].length, features, steps, labels: Float32Array.from(labels) };
}
