// What the data tests share: temporary files, logs from lists, errors as values.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll } from "vitest";
import type { EventLog } from "../../src/data/log.ts";
import { LogBuilder } from "../../src/data/log.ts";
import { type ReadOptions, readLog } from "../../src/data/read/index.ts";
import type { AttuneError } from "../../src/errors.ts";

/** Makes a folder under the system's temporary one, removed after the file's tests. Returns a function that writes a file in it. */
export function temporaryFiles(): (name: string, content: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), "attune-data-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
}

/** Reads text or bytes as standard input, in chunks of a size. */
export function readText(content: string | Uint8Array, options: ReadOptions = {}, chunkBytes = 65_536) {
  const bytes = Buffer.from(content);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, at) =>
    bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes),
  );
  return readLog("-", { ...options, stdin: Readable.from(chunks) });
}

/** The events of a log as [user, item, time], in file order. */
export function eventsOf(log: EventLog): [user: string, item: string, time: number][] {
  return Array.from({ length: log.length }, (_, event) => [
    log.users.idOf(log.user[event]),
    log.items.idOf(log.item[event]),
    log.time[event],
  ]);
}

/** A log from [user, item, time] events; without a time, the place in the list. */
export function logOf(events: readonly (readonly [user: string, item: string, time?: number])[]): EventLog {
  const builder = new LogBuilder();
  events.forEach(([user, item, time], place) => {
    builder.add(user, item, time ?? place);
  });
  return builder.build();
}

/** The error that a call throws or a promise rejects with; fails where there is none. */
export async function errorOf(run: Promise<unknown> | (() => unknown)): Promise<AttuneError> {
  try {
    await (typeof run === "function" ? run() : run);
  } catch (error) {
    return error as AttuneError;
  }
  throw new Error("expected an error, got none");
}

/** Ids that break naive code: prototype names, line ends, quotes, lone surrogates aside everything odd. */
export const HOSTILE_IDS = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "line\nend",
  "carriage\r\nreturn",
  'quote"inside',
  "comma,semicolon;tab\tbar|",
  "::",
  "🦆",
  "e\u0301 is not \u00e9",
  "\u00e9",
  " ",
  "0",
  "-1",
  "NaN",
  "\u202eright to left",
  "\ufffd",
];
