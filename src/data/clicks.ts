// Rows of (history, candidate, label) for the click task: who was shown what after which history, and whether they took it.

import { DataError } from "../errors.ts";
import { type Ids, Vocabulary } from "./vocabulary.ts";
import { quote } from "./words.ts";

const badRows = (got: unknown) =>
  new DataError(
    "CLICK_ROWS",
    `rows: got ${quote(got)}, expected an iterable or async iterable of { history, candidate, label }. Pass an array or a generator.`,
  );
const badRow = (row: number, why: string) =>
  new DataError(
    "CLICK_ROW",
    `row ${row}: ${why}, expected { history: string[], candidate: string, label: 0 or 1 }. Correct or drop the row.`,
  );
const noRows = () =>
  new DataError("DATA_NO_ROWS", "rows: got none, expected at least one click row. Check the source of the data.");

/** One candidate shown after a history, oldest first; `label` 1 means that it was taken. */
export interface ClickRow {
  history: readonly string[];
  candidate: string;
  label: 0 | 1;
}

/** Click rows as models and metrics see them: numbers alone, which another thread can be sent. */
export type ClickNumbers = Omit<Clicks, "items"> & { readonly items: { readonly size: number } };

/** Click rows with ids as numbers. Row r's history is `history[offsets[r]] … history[offsets[r + 1] - 1]`. */
export interface Clicks {
  readonly items: Ids;
  /** u32[rows + 1] */
  readonly offsets: Uint32Array;
  /** Item indices, i32; those of unknown ids are left out. */
  readonly history: Int32Array;
  /** i32[rows]; −1 is an item outside the vocabulary. */
  readonly candidate: Int32Array;
  /** 0 or 1, u8[rows]. */
  readonly label: Uint8Array;
}

/** Says what is wrong with a click row, or nothing. */
export function clickRowFault(row: unknown): string | undefined {
  if (typeof row !== "object" || row === null) return `got ${quote(row)}`;
  const { history, candidate, label } = row as Partial<ClickRow>;
  if (!Array.isArray(history) || history.some((id) => typeof id !== "string" || id === ""))
    return `got history ${quote(history)}`;
  if (typeof candidate !== "string" || candidate === "") return `got candidate ${quote(candidate)}`;
  if (label !== 0 && label !== 1) return `got label ${quote(label)}`;
  return undefined;
}

/**
 * Reads click rows, in the order given.
 * @param known vocabulary to number items by; without it every id is learned, in order of appearance
 * @throws DataError `CLICK_ROWS`, `CLICK_ROW`, `DATA_NO_ROWS`
 */
export async function clicksFromRows(rows: Iterable<ClickRow> | AsyncIterable<ClickRow>, known?: Ids): Promise<Clicks> {
  const usable = typeof rows === "object" && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows);
  if (!usable) throw badRows(rows);
  const learned = new Vocabulary();
  const items = known ?? learned;
  const number = (id: string) => (known ? known.indexOf(id) : learned.add(id));
  const offsets: number[] = [0];
  const history: number[] = [];
  const candidate: number[] = [];
  const label: number[] = [];
  for await (const row of rows) {
    const fault = clickRowFault(row);
    if (fault) throw badRow(label.length, fault);
    for (const id of row.history) {
      const item = number(id);
      if (item >= 0) history.push(item);
    }
    offsets.push(history.length);
    candidate.push(number(row.candidate));
    label.push(row.label);
  }
  if (label.length === 0) throw noRows();
  return {
    items,
    offsets: Uint32Array.from(offsets),
    history: Int32Array.from(history),
    candidate: Int32Array.from(candidate),
    label: Uint8Array.from(label),
  };
}
