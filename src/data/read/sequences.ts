// One history a line: `user item item …`, separated by white space, oldest first. Times are positions.

import { UsageError } from "../../errors.ts";
import type { Format, ReadOptions } from "./format.ts";
import { readBlocks } from "./lines.ts";
import { detectDelimiter, looksLikeSpacedTable } from "./sniff.ts";

const unusableOption = (flag: string) =>
  new UsageError(
    "FORMAT_OPTION",
    `${flag}: got a value for the format sequences, expected none, as its lines are "user item item …". ` +
      `Leave ${flag} out, or choose another --format.`,
  );

const OPTIONS = [
  ["columns", "--columns"],
  ["delimiter", "--delimiter"],
  ["header", "--no-header"],
  ["timeFormat", "--time-format"],
] as const;

/** The format `sequences`. */
export const sequences: Format = {
  name: "sequences",
  extensions: [],

  sniff(head) {
    const lines = head.split(/\r?\n/).filter((line) => line.trim() !== "");
    return (
      detectDelimiter(head) === undefined &&
      !looksLikeSpacedTable(head) &&
      lines.some((line) => line.trim().split(/\s+/).length > 1)
    );
  },

  check(options: ReadOptions) {
    for (const [option, flag] of OPTIONS) {
      if (options[option] !== undefined) throw unusableOption(flag);
    }
  },

  async read(source, _options, intake) {
    // The position counts on through the whole source, so that a user on several lines keeps their order.
    let position = 0;
    for await (const { bytes, firstLine, notUtf8 } of readBlocks(source)) {
      const bad = new Set(notUtf8);
      const lines = bytes.toString("utf8").split("\n");
      for (let at = 0; at < lines.length; at++) {
        const line = lines[at].trim();
        if (line === "") continue;
        intake.rows++;
        if (bad.has(firstLine + at)) {
          intake.reject("not UTF-8", firstLine + at);
          continue;
        }
        const [user, ...items] = line.split(/\s+/);
        if (items.length === 0) intake.reject("missing field", firstLine + at);
        for (const item of items) intake.add(user, item, position++, firstLine + at);
      }
    }
  },
};
