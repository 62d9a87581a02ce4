// Click rows from JSONL: a line is {"history":["a","b"],"candidate":"c","label":1}. Blank lines are skipped.

import { BadRows, parseMaxBadRows } from "../bad-rows.ts";
import { type ClickRow, clickRowFault } from "../clicks.ts";
import type { ReadOptions } from "./format.ts";
import { readBlocks } from "./lines.ts";
import { openSource } from "./source.ts";

/**
 * Reads click rows from a file, gzip or not, or `-` for standard input. Bad rows are counted to the end before they are judged.
 * @throws DataError as `readLog` does; `DATA_BAD_ROWS` for more bad rows than `maxBadRows` allows
 */
export async function* readClickRows(path: string, options: ReadOptions = {}): AsyncGenerator<ClickRow> {
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
        else if (clickRowFault(row)) bad.add("no click row", line);
        else yield row as ClickRow;
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
