// One history a line: `user item item …`, separated by white space, oldest first. Times are positions.

import { type Format, refuseOptions } from "./format.ts";
import { readBlocks } from "./lines.ts";
import { detectDelimiter, looksLikeSpacedTable } from "./sniff.ts";

/** The format `sequences`. */
export const sequences: Format = {
  name: "sequences",
  extensions: [],
  sniffedAs: "sequences, a line is user item item …",

  sniff(head) {
    const lines = head.split(/\r?\n/).filter((line) => line.trim() !== "");
    return (
      detectDelimiter(head) === undefined &&
      !looksLikeSpacedTable(head) &&
      lines.some((line) => line.trim().split(/\s+/).length > 1)
    );
  },

  check(options) {
    const refused = ["columns", "delimiter", "header", "timeFormat"] as const;
    refuseOptions("sequences", options, refused, 'its lines are "user item item …"');
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
