// Saves a file so that a crash, a full disk or a failing device leaves either the old content or the new one, never a part.
// Temporary sibling → write all → fsync → rename → fsync of the folder. Node only: the one file of this folder that imports
// `node:`. A killed process can leave its temporary file behind; it is named `.attune-….tmp` and harmless.

import { randomBytes } from "node:crypto";
import * as nodeFileSystem from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { OutputError } from "../errors.ts";
import { digits } from "./wording.ts";

/** An open file, as in `node:fs/promises`. */
export interface WritableFile {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The part of `node:fs/promises` that saving needs. Tests pass one that fails on purpose. */
export interface FileSystem {
  realpath(path: string): Promise<string>;
  stat(path: string): Promise<{ mode: number; isFile(): boolean; isDirectory(): boolean }>;
  open(path: string, flags: string, mode?: number): Promise<WritableFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

const WRITE_BYTES = 16 * 1024 * 1024;
const NEW_FILE_MODE = 0o666;
/** What folders answer that cannot be flushed (network and FUSE file systems); there is nothing to be done about it. */
const NO_FOLDER_SYNC = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

const noSpace = (path: string, bytes: number, cause: string) =>
  new OutputError(
    "OUTPUT_NO_SPACE",
    `${path}: no space left for ${digits(bytes)} bytes (${cause}), expected room for the whole file. Free space or choose another folder.`,
  );
const noPermission = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_PERMISSION",
    `${path}: writing is not permitted (${cause}), expected a folder that this user may write to. Change its permissions or choose another.`,
  );
const readOnly = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_READ_ONLY",
    `${path}: the file system is read-only (${cause}), expected a writable one. Choose another folder.`,
  );
const notFound = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_NOT_FOUND",
    `${path}: folder ${dirname(path)} does not exist or is not a folder (${cause}), expected an existing one. Create it or correct the path.`,
  );
const isDirectory = (path: string) =>
  new OutputError(
    "OUTPUT_IS_DIRECTORY",
    `${path}: names a folder, expected a file. Add a name such as model.safetensors.`,
  );
const notRegular = (path: string) =>
  new OutputError(
    "OUTPUT_NOT_REGULAR",
    `${path}: is a device, pipe or socket, expected a regular file, which can be replaced as a whole. Choose another path.`,
  );
const nameTooLong = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_NAME_TOO_LONG",
    `${path}: name has ${digits(basename(path).length)} characters (${cause}), expected fewer: the file system allows no more. Choose a shorter name.`,
  );
const notDurable = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_NOT_DURABLE",
    `${path}: the new file is in place, but its folder could not be flushed (${cause}), expected it to survive a power failure. Check the disk, then save again.`,
  );
const failed = (path: string, cause: string) =>
  new OutputError(
    "OUTPUT_FAILED",
    `${path}: could not be written (${cause}), expected a working file system. Check the disk or choose another folder.`,
  );
const withLeftover = (error: OutputError, temporary: string) =>
  new OutputError(error.code, `${error.message} The temporary file ${temporary} could not be removed: delete it.`);

/**
 * Replaces or creates a file as a whole. Symbolic links are followed; an existing file keeps its permissions
 * as far as the umask allows, so a private file does not become readable for others.
 * @param path file to write; its folder exists
 * @param bytes the whole content
 * @param fs file system to use; Node's by default
 * @throws OutputError `OUTPUT_NO_SPACE`, `OUTPUT_PERMISSION`, `OUTPUT_READ_ONLY`, `OUTPUT_NOT_FOUND`,
 * `OUTPUT_IS_DIRECTORY`, `OUTPUT_NOT_REGULAR`, `OUTPUT_NAME_TOO_LONG`, `OUTPUT_FAILED`: the old content is untouched;
 * `OUTPUT_NOT_DURABLE`: the new content is in place
 * @example await writeFileAtomic("shop.safetensors", encodeTensorFile(file));
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, fs: FileSystem = nodeFileSystem): Promise<void> {
  const { target, mode } = await findTarget(path, bytes.length, fs);
  const folder = dirname(target);
  const temporary = join(folder, `.attune-${randomBytes(8).toString("hex")}.tmp`);
  let created = false;
  try {
    const file = await fs.open(temporary, "wx", mode);
    created = true;
    await closeAfter(file, async () => {
      await writeAll(file, bytes);
      await file.sync();
    });
    await fs.rename(temporary, target);
  } catch (cause) {
    const removed = await remove(temporary, fs);
    const error = explain(path, bytes.length, cause);
    throw removed || !created ? error : causedBy(withLeftover(error, temporary), cause);
  }
  try {
    await syncFolder(folder, fs);
  } catch (cause) {
    throw causedBy(notDurable(path, codeOf(cause)), cause);
  }
}

/** Follows links, so that a link keeps pointing to the file; refuses what a rename would destroy (`/dev/null`, folders). */
async function findTarget(path: string, size: number, fs: FileSystem): Promise<{ target: string; mode: number }> {
  if (path.endsWith("/") || path.endsWith(sep)) throw isDirectory(path);
  let target: string;
  let found: Awaited<ReturnType<FileSystem["stat"]>>;
  try {
    target = await fs.realpath(path);
    found = await fs.stat(target);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return { target: path, mode: NEW_FILE_MODE };
    throw explain(path, size, cause);
  }
  if (found.isDirectory()) throw isDirectory(path);
  if (!found.isFile()) throw notRegular(path);
  return { target, mode: found.mode & 0o777 };
}

async function writeAll(file: WritableFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const length = Math.min(bytes.length - written, WRITE_BYTES);
    const { bytesWritten } = await file.write(bytes, written, length, written);
    if (bytesWritten <= 0) throw new Error("a write took no bytes");
    written += bytesWritten;
  }
}

/** Runs `work` and closes the file in any case; the first failure is the one reported. */
async function closeAfter(file: WritableFile, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    await file.close().catch(() => {});
    throw cause;
  }
  await file.close();
}

async function syncFolder(folder: string, fs: FileSystem): Promise<void> {
  if (process.platform === "win32") return; // Windows opens no folders; NTFS journals the rename.
  const handle = await fs.open(folder, "r");
  await closeAfter(handle, async () => {
    await handle.sync().catch((cause) => {
      if (!NO_FOLDER_SYNC.has(codeOf(cause))) throw cause;
    });
  });
}

/** Removes the temporary file. Also tried when opening it failed, since a network file system can create it and still fail. */
async function remove(temporary: string, fs: FileSystem): Promise<boolean> {
  try {
    await fs.unlink(temporary);
    return true;
  } catch (cause) {
    return codeOf(cause) === "ENOENT";
  }
}

function explain(path: string, size: number, cause: unknown): OutputError {
  const code = codeOf(cause);
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return causedBy(noSpace(path, size, code), cause);
    case "EACCES":
    case "EPERM":
      return causedBy(noPermission(path, code), cause);
    case "EROFS":
      return causedBy(readOnly(path, code), cause);
    case "ENOENT":
    case "ENOTDIR":
      return causedBy(notFound(path, code), cause);
    case "EISDIR":
      return causedBy(isDirectory(path), cause);
    case "ENAMETOOLONG":
      return causedBy(nameTooLong(path, code), cause);
    default:
      return causedBy(failed(path, code), cause);
  }
}

function causedBy(error: OutputError, cause: unknown): OutputError {
  error.cause = cause;
  return error;
}

function codeOf(cause: unknown): string {
  const { code, message } = cause as { code?: string; message: string };
  return code ?? message;
}
