// Lists of item ids in files: --allow, --deny, --candidates.

import { readFile } from "node:fs/promises";
import { DataError } from "../errors.ts";
import type { Restrictions } from "../rank/restrictions.ts";

const unreadable = (path: string, why: string) =>
  new DataError("LIST_UNREADABLE", `${path}: cannot be read (${why}), expected a file of item ids. Check the path.`);
const notIds = (path: string) =>
  new DataError("LIST_INVALID", `${path}: expected one id a line, or a JSON array of strings. Correct the file.`);

/** Options that name such files. */
export interface ListFlags {
  allow?: string;
  deny?: string;
  candidates?: string;
}

/** Reads the files that were named. @throws DataError `LIST_UNREADABLE`, `LIST_INVALID` */
export async function readLists({ allow, deny, candidates }: ListFlags): Promise<Restrictions> {
  return { allow: await readIds(allow), deny: await readIds(deny), candidates: await readIds(candidates) };
}

async function readIds(path: string | undefined): Promise<string[] | undefined> {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? notIds(path) : unreadable(path, code ?? String(error));
  }
  if (!text.trimStart().startsWith("[")) return text.split(/\r?\n/).filter((line) => line !== "");
  let ids: unknown;
  try {
    ids = JSON.parse(text);
  } catch {
    throw notIds(path);
  }
  if (!Array.isArray(ids) || ids.some((id) => typeof id !== "string")) throw notIds(path);
  return ids;
}
