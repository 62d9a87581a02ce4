import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import * as nodeFileSystem from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OutputError } from "../../src/errors.ts";
import { type FileSystem, writeFileAtomic } from "../../src/format/atomic-write.ts";

const OLD = new Uint8Array(90).fill(1);
const NEW = Uint8Array.from({ length: 100 }, (_, i) => i);
let folder = "";
let path = "";

beforeEach(async () => {
  folder = await nodeFileSystem.mkdtemp(join(tmpdir(), "attune-atomic-"));
  path = join(folder, "shop.safetensors");
});
afterEach(() => nodeFileSystem.rm(folder, { recursive: true }));

const read = (file: string) => nodeFileSystem.readFile(file).then((bytes) => new Uint8Array(bytes));
const list = () => nodeFileSystem.readdir(folder);

/** Saves and gives the OutputError, or undefined when saving went well. */
async function save(fs?: FileSystem, target = path): Promise<OutputError | undefined> {
  try {
    await writeFileAtomic(target, NEW, fs);
    return undefined;
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    expect(error.message).toMatch(
      /^[^\n]+, expected [^\n]+\.$|The temporary file [^\n]+ could not be removed: delete it\.$/,
    );
    return error;
  }
}

interface Faults {
  /** Tells whether operation number `count` (from 1), called `name`, fails. */
  fails(count: number, name: string): boolean;
  error: string;
  /** The operation takes effect and fails nevertheless, as on a network file system. */
  late?: boolean;
  /** Most bytes one write takes. */
  writeBytes?: number;
}

/** Node's file system with faults; `calls` lists the operations in order. */
function faultyFileSystem({ fails, error, late = false, writeBytes = 40 }: Faults): FileSystem & { calls: string[] } {
  const calls: string[] = [];
  async function run<Result>(name: string, operation: () => Promise<Result>): Promise<Result> {
    calls.push(name);
    if (!fails(calls.length, name)) return operation();
    if (late)
      await operation().then((result) => (name === "open" ? (result as FileHandle).close() : undefined), ignore);
    throw Object.assign(new Error(`${error}: injected`), { code: error });
  }
  return {
    calls,
    realpath: (file) => run("realpath", () => nodeFileSystem.realpath(file)),
    stat: (file) => run("stat", () => nodeFileSystem.stat(file)),
    rename: (from, to) => run("rename", () => nodeFileSystem.rename(from, to)),
    unlink: (file) => run("unlink", () => nodeFileSystem.unlink(file)),
    open: async (file, flags, mode) => {
      const handle = await run("open", () => nodeFileSystem.open(file, flags, mode));
      return {
        write: (bytes, offset, length, position) =>
          run("write", () => handle.write(bytes, offset, Math.min(length, writeBytes), position)),
        sync: () => run("sync", () => handle.sync()),
        close: async () => {
          // The descriptor is gone even when close reports an error, as on Linux.
          await handle.close();
          await run("close", async () => {});
        },
      };
    },
  };
}

const ignore = () => {};
const healthy = () => faultyFileSystem({ fails: () => false, error: "" });

test("a new file is written whole and alone in its folder", async () => {
  expect(await save()).toBeUndefined();
  expect(await read(path)).toEqual(NEW);
  expect(await list()).toEqual(["shop.safetensors"]);
});

test("an old file is replaced, an empty one can be written", async () => {
  await nodeFileSystem.writeFile(path, OLD);
  expect(await save()).toBeUndefined();
  expect(await read(path)).toEqual(NEW);
  await writeFileAtomic(path, new Uint8Array(0));
  expect(await read(path)).toEqual(new Uint8Array(0));
});

test("40 MiB, more than one write, arrive unchanged", async () => {
  const large = new Uint8Array(40 * 2 ** 20 + 3).map((_, i) => (i * 31) & 0xff);
  await writeFileAtomic(path, large);
  expect(Buffer.compare(await nodeFileSystem.readFile(path), large)).toBe(0);
});

test("the order is: write all, sync the file, close, rename, sync the folder", async () => {
  const fs = healthy();
  expect(await save(fs)).toBeUndefined();
  const folderSync = process.platform === "win32" ? [] : ["open", "sync", "close"];
  expect(fs.calls).toEqual(["realpath", "open", "write", "write", "write", "sync", "close", "rename", ...folderSync]);
});

test("writes that take one byte at a time end in the whole file; a write that takes nothing is an error", async () => {
  expect(await save(faultyFileSystem({ fails: () => false, error: "", writeBytes: 1 }))).toBeUndefined();
  expect(await read(path)).toEqual(NEW);
  const error = await save(faultyFileSystem({ fails: () => false, error: "", writeBytes: 0 }));
  expect(error?.code).toBe("OUTPUT_FAILED");
  expect(error?.message).toContain("a write took no bytes");
  expect(await read(path)).toEqual(NEW);
});

test("20 saves at once leave one whole file and nothing else", async () => {
  await Promise.all(Array.from({ length: 20 }, (_, i) => writeFileAtomic(path, new Uint8Array(5000).fill(i))));
  const bytes = await read(path);
  expect(bytes).toEqual(new Uint8Array(5000).fill(bytes[0]));
  expect(await list()).toEqual(["shop.safetensors"]);
});

const onUnix = test.skipIf(process.platform === "win32");

onUnix("a link keeps pointing to the file, which is replaced, and a private file stays private", async () => {
  await nodeFileSystem.writeFile(path, OLD, { mode: 0o600 });
  const link = join(folder, "latest");
  await nodeFileSystem.symlink("shop.safetensors", link);
  expect(await save(undefined, link)).toBeUndefined();
  expect(await nodeFileSystem.readlink(link)).toBe("shop.safetensors");
  expect(await read(path)).toEqual(NEW);
  expect((await nodeFileSystem.stat(path)).mode & 0o777).toBe(0o600);
});

onUnix("what is no regular file, here a socket, is refused and stays what it is", async () => {
  // A socket of our own, never a real device: were the check broken, this test would replace its target.
  const server = createServer().listen(path);
  await once(server, "listening");
  try {
    expect((await save())?.code).toBe("OUTPUT_NOT_REGULAR");
    expect((await nodeFileSystem.stat(path)).isSocket()).toBe(true);
  } finally {
    server.close();
  }
});

onUnix("a name that is too long is refused by name", async () => {
  expect((await save(undefined, join(folder, "x".repeat(300))))?.code).toBe("OUTPUT_NAME_TOO_LONG");
  expect(await list()).toEqual([]);
});

test("a missing folder, a file as folder, a folder as file and a trailing slash are told apart from other failures", async () => {
  await nodeFileSystem.writeFile(path, OLD);
  expect((await save(undefined, join(folder, "no", "shop.safetensors")))?.code).toBe("OUTPUT_NOT_FOUND");
  expect((await save(undefined, join(path, "shop.safetensors")))?.code).toBe("OUTPUT_NOT_FOUND");
  expect((await save(undefined, folder))?.code).toBe("OUTPUT_IS_DIRECTORY");
  expect((await save(undefined, `${join(folder, "no")}/`))?.code).toBe("OUTPUT_IS_DIRECTORY");
  expect(await read(path)).toEqual(OLD);
  expect(await list()).toEqual(["shop.safetensors"]);
});

test.each([
  ["ENOSPC", "OUTPUT_NO_SPACE"],
  ["EDQUOT", "OUTPUT_NO_SPACE"],
  ["EACCES", "OUTPUT_PERMISSION"],
  ["EPERM", "OUTPUT_PERMISSION"],
  ["EROFS", "OUTPUT_READ_ONLY"],
  ["ENOENT", "OUTPUT_NOT_FOUND"],
  ["ENOTDIR", "OUTPUT_NOT_FOUND"],
  ["EISDIR", "OUTPUT_IS_DIRECTORY"],
  ["ENAMETOOLONG", "OUTPUT_NAME_TOO_LONG"],
  ["EIO", "OUTPUT_FAILED"],
])("%s from rename is %s, with the cause kept", async (error, code) => {
  await nodeFileSystem.writeFile(path, OLD);
  const found = await save(faultyFileSystem({ fails: (_, name) => name === "rename", error }));
  expect(found?.code).toBe(code);
  expect(found?.cause).toMatchObject({ code: error });
  expect(found?.exitCode).toBe(1);
  expect(await read(path)).toEqual(OLD);
  expect(await list()).toEqual(["shop.safetensors"]);
});

onUnix(
  "a folder that cannot be flushed at all (EINVAL) is accepted, a failing flush is reported with the new file in place",
  async () => {
    const folderSync = (error: string) => {
      let syncs = 0;
      return faultyFileSystem({ fails: (_, name) => name === "sync" && ++syncs === 2, error });
    };
    expect(await save(folderSync("EINVAL"))).toBeUndefined();
    expect((await save(folderSync("EIO")))?.code).toBe("OUTPUT_NOT_DURABLE");
    expect(await read(path)).toEqual(NEW);
  },
);

test("a temporary file that cannot be removed is named in the message", async () => {
  const error = await save(
    faultyFileSystem({ fails: (_, name) => name === "sync" || name === "unlink", error: "EIO" }),
  );
  const [temporary] = await list();
  expect(temporary).toMatch(/^\.attune-[0-9a-f]{16}\.tmp$/);
  expect(error?.code).toBe("OUTPUT_FAILED");
  expect(error?.message).toContain(join(folder, temporary));
  expect(error?.cause).toMatchObject({ code: "EIO" });
});

// The loop of SQLite's I/O tests: fail the first operation, then the second, … until saving runs through; once failing once,
// once failing for ever; on an old file and on none; before and after the operation takes effect.
for (const error of ["EIO", "ENOSPC", "EACCES"]) {
  for (const duration of ["once", "for ever"]) {
    for (const old of [true, false]) {
      for (const late of [false, true]) {
        const title = `${error} ${duration}${late ? " after its effect" : ""}, ${old ? "old file" : "no file"}`;
        test(`fault loop: ${title}: old or new content, no temporary file, and the next save works`, async () => {
          let k = 0;
          for (let done = false; !done; ) {
            k++;
            await nodeFileSystem.rm(path, { force: true });
            if (old) await nodeFileSystem.writeFile(path, OLD);
            const fails = (count: number, name: string) =>
              duration === "once" ? count === k : count >= k && name !== "unlink";
            const fs = faultyFileSystem({ fails, error, late });
            const found = await save(fs);
            const label = `k=${k} (${fs.calls[k - 1]})`;
            done = fs.calls.length < k;
            expect(found === undefined, label).toBe(done);
            expect(found?.message ?? "", label).not.toContain("temporary file");

            const names = await list();
            const content = names.includes("shop.safetensors") ? await read(path) : undefined;
            const isNew = content !== undefined && Buffer.compare(content, NEW) === 0;
            const renamed = fs.calls.includes("rename") && (late || fs.calls.indexOf("rename") + 1 < k);
            expect(isNew, label).toBe(done || renamed);
            if (!isNew) expect(content, label).toEqual(old ? OLD : undefined);
            expect(names, label).toEqual(content === undefined ? [] : ["shop.safetensors"]);

            expect(await save(), label).toBeUndefined();
            expect(await read(path), label).toEqual(NEW);
          }
          expect(k - 1, "operations that failed").toBe(healthyCount(old));
        });
      }
    }
  }
}

/** Operations of an undisturbed save: realpath, stat of an old file, open, 3 writes, sync, close, rename, and the folder. */
const healthyCount = (old: boolean) => (old ? 9 : 8) + (process.platform === "win32" ? 0 : 3);

test("fault loop, every operation failing for ever with unlink: old content, and a leftover is named", async () => {
  for (let k = 1; k <= healthyCount(true); k++) {
    await nodeFileSystem.writeFile(path, OLD);
    const fs = faultyFileSystem({ fails: (count) => count >= k, error: "EIO" });
    const found = await save(fs);
    expect(found, `k=${k}`).toBeDefined();
    const whole = await read(path);
    expect([OLD.length, NEW.length], `k=${k}`).toContain(whole.length);
    expect(whole, `k=${k}`).toEqual(whole.length === OLD.length ? OLD : NEW);
    for (const name of await list()) {
      if (name === "shop.safetensors") continue;
      expect(found?.message, `k=${k}`).toContain(name);
      await nodeFileSystem.unlink(join(dirname(path), name));
    }
  }
});
