// Rows for heads from JSONL, a line a row: {"history":["a","b"],"candidate":"c","label":1}, or
// {"features":[[0.5,1],[2,3]],"label":1}. Blank lines are skipped.

import { type BadRowCause, BadRows, parseMaxBadRows } from "../bad-rows.ts";
import { type ClickRow, clickRowFault } from "../clicks.ts";
import { readBlocks } from "./lines.ts";
import type { ReadOptions } from "./options.ts";
import { openSource } from "./source.ts";

/** Reads click rows from JSONL. @throws DataError as `readJsonRows` does */
export function readClickRows(path: string, options: ReadOptions = {}): AsyncGenerator<ClickRow> {
  return readJsonRows<ClickRow>(path, options, clickRowFault, "no click row");
}

/**
 * Reads rows of any kind from a file, gzip or not, or `-` for standard input. Bad rows are counted to the end before they are judged.
 * @throws DataError as `readLog` does; `DATA_BAD_ROWS` for more bad rows than `maxBadRows` allows
 */
export async function* readJsonRows<Row>(
  path: string,
  options: ReadOptions,
  faultOf: (row: unknown) => string | undefined,
  cause: BadRowCause,
): AsyncGenerator<Row> {
  const limit = parseMaxBadRows(options.maxBadRows ?? "0");
  const source = await openSource(path, options);
  const bad = new BadRows();
  let rows = 0;
  try {
    for await (const { bytes, firstLine, notUtf8 } of readBlocks(source)) {
      const unreadable = new Set(notUtf8);
      for (const [at, text] of bytes.toString("utf8").split("\n").entries()) {
        if (text.trim() === "") continue;
        rows++;
        const line = firstLine + at;
        const row = parse(text);
        if (unreadable.has(line)) bad.add("not UTF-8", line);
        else if (faultOf(row)) bad.add(cause, line);
        else yield row as Row;
      }
    }
  } finally {
    await source.close();
  }
  bad.check(path === "-" ? "standard input" : path, rows, limit);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
