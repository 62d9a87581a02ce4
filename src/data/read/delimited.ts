// Comma-separated values and their kin. Blocks without a quote are split directly; from the first quote on, csv-parse reads.

import { CsvError, parse } from "csv-parse";
import { DataError } from "../../errors.ts";
import { parseDecimal } from "../time.ts";
import { quote } from "../words.ts";
import { parseColumns, parseDelimiter, requireRating } from "./columns.ts";
import type { Format } from "./format.ts";
import type { Intake } from "./intake.ts";
import { type Layout, layOut } from "./layout.ts";
import { type Block, readBlocks } from "./lines.ts";
import type { FormatName, ReadOptions } from "./options.ts";
import { detectDelimiter, looksLikeSpacedTable, sampleRecords } from "./sniff.ts";
import { LONGEST_LINE_BYTES, type Source } from "./source.ts";

const openQuote = (subject: string, line: number) =>
  new DataError(
    "DATA_QUOTE_OPEN",
    `${subject}: line ${line}: got a quoted field without its closing quote, expected one. Close or double the quote.`,
  );

/** The format `csv`: fields separated by one delimiter, told from the first lines; quoted as in RFC 4180. */
export const csv: Format = delimited("csv", [".csv"], ",");

/** The format `tsv`: as `csv`, with tabs. */
export const tsv: Format = delimited("tsv", [".tsv", ".tab"], "\t");

const DELIMITER_NAMES: ReadonlyMap<string, string> = new Map([
  ["\t", "tab-separated"],
  [",", "comma-separated"],
  [" ", "space-separated"],
]);

function delimited(name: FormatName, extensions: string[], usual: string): Format {
  return {
    name,
    extensions,

    sniff(head) {
      const delimiter = detectDelimiter(head);
      if (name === "tsv") return delimiter === "\t";
      return delimiter !== undefined || looksLikeSpacedTable(head);
    },

    check(options) {
      if (options.columns !== undefined) parseColumns(options.columns);
      if (options.delimiter !== undefined) parseDelimiter(options.delimiter);
    },

    async read(source, options, intake) {
      const head = source.headText();
      const delimiter = chooseDelimiter(head, options, name === "tsv" ? usual : undefined) ?? usual;
      // The head is not blank: only a quote that stays open leaves no record in it.
      if (sampleRecords(head, delimiter).length === 0) throw openQuote(source.subject, 1);
      const layout = layOut(head, delimiter, options, source.subject);
      intake.guesses.push(...describe(delimiter, layout, options), ...layout.guesses);
      if (options.ratings) requireRating(source.subject, layout);
      const rows = new RowReader(layout, intake, options.ratings === true);
      await readRecords(source, delimiter, (fields, line, isUtf8) => rows.read(fields, line, isUtf8));
    },
  };
}

function chooseDelimiter(head: string, options: ReadOptions, fixed: string | undefined): string | undefined {
  if (options.delimiter !== undefined) return parseDelimiter(options.delimiter);
  return fixed ?? detectDelimiter(head) ?? (looksLikeSpacedTable(head) ? " " : undefined);
}

function describe(delimiter: string, { header }: Layout, options: ReadOptions): string[] {
  if (options.delimiter !== undefined && options.header !== undefined) return [];
  const separated = DELIMITER_NAMES.get(delimiter) ?? `separated by ${quote(delimiter)}`;
  return [
    `format: ${separated}, ${header ? "with" : "without"} a header line ` +
      "(guessed from the first lines; --delimiter and --no-header override)",
  ];
}

/** Turns records into events, by the layout of the columns. */
class RowReader {
  private header: boolean;

  constructor(
    private readonly layout: Layout,
    private readonly intake: Intake,
    private readonly rated: boolean,
  ) {
    this.header = layout.header;
  }

  read(fields: string[], line: number, isUtf8: boolean): void {
    if (this.header) {
      this.header = false;
      return;
    }
    const { intake, layout } = this;
    intake.rows++;
    if (!isUtf8) intake.reject("not UTF-8", line);
    else if (fields.length < layout.width) intake.reject("missing field", line);
    // A delimiter at the end of a line makes an empty field, which is harmless.
    else if (fields.length > layout.width && fields.slice(layout.width).some((field) => field !== "")) {
      intake.reject("extra field", line);
    } else {
      // Without a time column the position in the file is the time.
      const time = layout.time < 0 ? intake.rows : fields[layout.time];
      const rating = this.rated ? parseDecimal(fields[layout.rating]) : undefined;
      intake.add(fields[layout.user], fields[layout.item], time, line, rating);
    }
  }
}

const QUOTE = 0x22;

type OnRecord = (fields: string[], line: number, isUtf8: boolean) => void;

// csv-parse reads some 10 MB a second, splitting is several times as fast, and most logs hold no quote at all.
async function readRecords(source: Source, delimiter: string, onRecord: OnRecord): Promise<void> {
  let quoted: QuotedRecords | undefined;
  for await (const block of readBlocks(source)) {
    if (quoted === undefined && block.bytes.includes(QUOTE)) {
      quoted = new QuotedRecords(source.subject, delimiter, block.firstLine, onRecord);
    }
    if (quoted === undefined) splitBlock(block, delimiter, onRecord);
    else await quoted.write(block);
  }
  await quoted?.end();
}

function splitBlock({ bytes, firstLine, notUtf8 }: Block, delimiter: string, onRecord: OnRecord): void {
  const bad = new Set(notUtf8);
  const lines = bytes.toString("utf8").split("\n");
  for (let at = 0; at < lines.length; at++) {
    let line = lines[at];
    if (line.endsWith("\r")) line = line.slice(0, -1);
    if (line !== "") onRecord(line.split(delimiter), firstLine + at, bad.size === 0 || !bad.has(firstLine + at));
  }
}

/** Records that may hold quotes, through csv-parse. */
class QuotedRecords {
  private readonly parser;
  // Lines that are not UTF-8, in blocks that csv-parse has not wholly given back yet.
  private notUtf8: number[] = [];
  private notUtf8Taken = 0;

  /** @param line number of the line that the next record starts on, from 1 */
  constructor(
    private readonly subject: string,
    delimiter: string,
    private line: number,
    private readonly onRecord: OnRecord,
  ) {
    this.parser = parse({
      delimiter,
      record_delimiter: ["\r\n", "\n"],
      relax_column_count: true,
      relax_quotes: true,
      max_record_size: LONGEST_LINE_BYTES,
      on_record: (fields: string[]) => {
        this.take(fields);
        return null; // handed on already: nothing for the parser to queue
      },
    });
    // An error reaches the caller through the callback of write or end; unheard, the event would end the process.
    this.parser.on("error", () => {});
    this.parser.resume();
  }

  write(block: Block): Promise<void> {
    // Not push(...): a block may hold more bad lines than a call may have arguments.
    this.notUtf8 = this.notUtf8.slice(this.notUtf8Taken).concat(block.notUtf8);
    this.notUtf8Taken = 0;
    return this.settled((callback) => this.parser.write(block.bytes, callback));
  }

  end(): Promise<void> {
    return this.settled((callback) => {
      this.parser.once("end", () => callback());
      this.parser.once("error", callback);
      this.parser.end();
    });
  }

  private settled(run: (callback: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      run((error) => {
        if (!error) resolve();
        else reject(error instanceof CsvError ? openQuote(this.subject, this.line) : error);
      });
    });
  }

  private take(fields: string[]): void {
    const first = this.line;
    // csv-parse counts lines otherwise where a quoted field holds CRLF: count the line ends here.
    let next = first + 1;
    for (const field of fields) {
      for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) next++;
    }
    this.line = next;
    let isUtf8 = true;
    while (this.notUtf8Taken < this.notUtf8.length && this.notUtf8[this.notUtf8Taken] < next) {
      this.notUtf8Taken++;
      isUtf8 = false;
    }
    if (fields.length > 1 || fields[0] !== "") this.onRecord(fields, first, isUtf8);
  }
}
