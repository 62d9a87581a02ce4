// Preloaded into the command (node --import): kills the process, as kill -9 does, before one file-system call of one save; a write
// is half done first. Which one is in the address of this file:
//   kill-at.mjs?file=checkpoint-&save=3&call=5     the 5th call of the 3rd save of a file whose path has "checkpoint-" in it
// With call=0 nothing is killed; the calls of that save are written down in the file named by `list`.

import { writeFileSync } from "node:fs";
import fileSystem from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const asked = new URL(import.meta.url).searchParams;
const [file, list] = [asked.get("file"), asked.get("list")];
const [save, call] = [Number(asked.get("save")), Number(asked.get("call"))];
const calls = [];
let saves = 0;
let inSave = false;

/** Runs an operation, or dies before it; what `half` does of it happens. */
async function run(name, path, operation, half) {
  // A save begins where it looks for the file.
  if (name === "realpath") inSave = String(path).includes(file) && ++saves === save;
  if (!inSave) return operation();
  calls.push(name);
  if (list) writeFileSync(list, JSON.stringify(calls));
  if (calls.length === call) {
    await half?.();
    process.kill(process.pid, "SIGKILL");
  }
  return operation();
}

if (isMainThread) {
  for (const name of ["realpath", "stat", "rename", "unlink", "readdir"]) {
    const original = fileSystem[name];
    fileSystem[name] = (path, ...rest) => run(name, path, () => original(path, ...rest));
  }
  const { open } = fileSystem;
  fileSystem.open = (path, ...rest) =>
    run("open", path, async () => {
      const handle = await open(path, ...rest);
      return {
        write: (bytes, offset, length, position) =>
          run(
            "write",
            path,
            () => handle.write(bytes, offset, length, position),
            () => handle.write(bytes, offset, length >> 1, position),
          ),
        sync: () => run("sync", path, () => handle.sync()),
        close: () => run("close", path, () => handle.close()),
      };
    });
  syncBuiltinESMExports();
}
