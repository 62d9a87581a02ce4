// What a caller can say about a log to be read.

import type { Readable } from "node:stream";
import type { TimeFormat } from "../time.ts";

/** Names of the input formats. */
export type FormatName = "csv" | "tsv" | "jsonl" | "sequences";

/** How to read a log; what is left out is told from the data and reported. */
export interface ReadOptions {
  /** Input format; default: by file extension, or else by the first lines. */
  format?: FormatName;
  /** `user=…,item=…[,time=…][,rating=…]`, each a column name or a number from 1; without time, file order counts. */
  columns?: string;
  /** Whether the first line names the columns. */
  header?: boolean;
  /** What separates the fields: one or more characters, also written `\t` or `tab`. */
  delimiter?: string;
  /** How times are written: seconds, milliseconds or ISO 8601. */
  timeFormat?: TimeFormat;
  /** Bad rows that are let pass: `N` rows or `P%` of the rows; default 0. */
  maxBadRows?: string;
  /** Whether every row must have a rating; one that is missing or no finite number makes a bad row. Default false. */
  ratings?: boolean;
  /** What the source `-` reads; default: the standard input of the process. */
  stdin?: Readable;
  /** Called as the source is read: bytes so far, as stored (compressed), and of how many, where that is known. */
  onProgress?: (bytesRead: number, totalBytes: number | undefined) => void;
}
