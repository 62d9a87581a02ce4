// Tokens of the small JSON dialect of a header: flat objects, arrays of numbers, strings. It reads what it is asked for and
// refuses everything else where it stands; it has no notion of "any value", so depth and recursion do not exist.

import { ModelError } from "../errors.ts";
import { checkText } from "./tensor.ts";
import { digits, GET_A_FRESH_COPY, quote } from "./wording.ts";

const STRING_START = '"';
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const VALUE_START = /["{[0-9tfn-]/;

const notJson = (subject: string, position: number, got: string, expected: string) =>
  new ModelError(
    "MODEL_HEADER_SYNTAX",
    `${subject}: header has ${got} at character ${digits(position)}, expected ${expected}. ${GET_A_FRESH_COPY}`,
  );
const trailing = (subject: string, position: number, got: string) =>
  new ModelError(
    "MODEL_HEADER_TRAILING",
    `${subject}: header goes on with ${quote(got)} at character ${digits(position)} after its closing brace, expected only spaces. ${GET_A_FRESH_COPY}`,
  );
const wrongType = (code: string, subject: string, what: string, expected: string, got: string) =>
  new ModelError(code, `${subject}: ${what} starts with ${quote(got)}, expected ${expected}. ${GET_A_FRESH_COPY}`);

/** Reads tokens of one header from front to back. Every method that takes `what` names it in its error. */
export class TokenReader {
  private position = 0;

  /**
   * Starts at the first character.
   * @param text the decoded header
   * @param subject file name for messages
   */
  constructor(
    private readonly text: string,
    private readonly subject: string,
  ) {}

  /**
   * Reads `{ key: value, … }`.
   * @param code code of the error if another JSON type stands here
   * @param readValue reads the value of a key; white space before it is already skipped
   * @throws ModelError `code`, `MODEL_HEADER_SYNTAX`
   */
  object(code: string, what: string, readValue: (key: string) => void): void {
    this.demand("{", code, what, "an object");
    this.position++;
    if (this.accept("}")) return;
    do {
      this.skipSpace();
      if (this.peek() !== STRING_START) throw this.unexpected("a string in double quotes");
      const key = this.stringToken();
      if (!this.accept(":")) throw this.unexpected("a colon");
      this.skipSpace();
      readValue(key);
    } while (this.accept(","));
    if (!this.accept("}")) throw this.unexpected("a comma or }");
  }

  /**
   * Reads `[ number, … ]`.
   * @param take receives each number as it is written, and may refuse it
   * @throws ModelError `code`, `MODEL_HEADER_SYNTAX`
   */
  numbers(code: string, what: string, take: (token: string) => void): void {
    this.demand("[", code, what, "an array");
    this.position++;
    if (this.accept("]")) return;
    do {
      this.skipSpace();
      NUMBER.lastIndex = this.position;
      const token = NUMBER.exec(this.text)?.[0];
      if (token === undefined) throw this.notThis(code, `an element of ${what}`, "a number");
      this.position += token.length;
      take(token);
    } while (this.accept(","));
    if (!this.accept("]")) throw this.unexpected("a comma or ]");
  }

  /**
   * Reads a string.
   * @throws ModelError `code`, `MODEL_HEADER_SYNTAX`, `MODEL_HEADER_SURROGATE`
   */
  string(code: string, what: string): string {
    this.demand(STRING_START, code, what, "a string");
    return this.stringToken();
  }

  /**
   * Checks that nothing but padding follows.
   * @throws ModelError `MODEL_HEADER_TRAILING`
   */
  end(): void {
    while (this.peek() === " ") this.position++;
    if (this.position < this.text.length) throw trailing(this.subject, this.position, this.peek());
  }

  /** Finds the end of a string; JSON.parse then decodes its escapes and refuses bare control characters. */
  private stringToken(): string {
    const start = this.position;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== STRING_START) end += this.text[end] === "\\" ? 2 : 1;
    if (end >= this.text.length) throw notJson(this.subject, start, "a string without end", "a closing quote");
    this.position = end + 1;
    let value: string;
    try {
      value = JSON.parse(this.text.slice(start, this.position));
    } catch {
      throw notJson(this.subject, start, "a string with a bad escape or a control character", "a JSON string");
    }
    checkText(this.subject, value);
    return value;
  }

  private demand(start: string, code: string, what: string, expected: string): void {
    if (this.peek() !== start) throw this.notThis(code, what, expected);
  }

  /** Tells a value of another JSON type, which has the caller's code, from what is no JSON at all. */
  private notThis(code: string, what: string, expected: string): ModelError {
    const next = this.peek();
    return VALUE_START.test(next) ? wrongType(code, this.subject, what, expected, next) : this.unexpected(expected);
  }

  private unexpected(expected: string): ModelError {
    const next = this.peek();
    return notJson(this.subject, this.position, next === "" ? "its end" : quote(next), expected);
  }

  private accept(mark: string): boolean {
    this.skipSpace();
    if (this.peek() !== mark) return false;
    this.position++;
    return true;
  }

  private skipSpace(): void {
    let next = this.peek();
    while (next === " " || next === "\n" || next === "\r" || next === "\t") {
      this.position++;
      next = this.peek();
    }
  }

  /** The next character, or nothing at the end. */
  private peek(): string {
    return this.text.charAt(this.position);
  }
}
