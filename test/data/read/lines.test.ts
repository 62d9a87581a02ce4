import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readBlocks } from "../../../src/data/read/lines.ts";
import { openSource } from "../../../src/data/read/source.ts";

async function blocksOf(bytes: Buffer, chunkBytes: number) {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, at) =>
    bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes),
  );
  const source = await openSource("-", { stdin: Readable.from(chunks) });
  const blocks = [];
  for await (const block of readBlocks(source)) blocks.push(block);
  return blocks;
}

test("blocks are whole lines, numbered from 1, and together they are the source without its byte order mark", async () => {
  // Longer than the 64 KiB head, so that chunks of every size reach the cutter.
  const text = `${"é,🦆\r\n".repeat(20_000)}last`;
  for (const mark of ["", "\uFEFF"]) {
    for (const chunkBytes of [977, 65_536, 10_000_000]) {
      const blocks = await blocksOf(Buffer.from(mark + text), chunkBytes);
      expect(Buffer.concat(blocks.map(({ bytes }) => bytes)).toString() === text).toBe(true);
      let line = 1;
      for (const block of blocks) {
        expect(block.firstLine).toBe(line);
        expect(block.notUtf8).toEqual([]);
        line += block.bytes.toString().split("\n").length - 1;
      }
      expect(blocks.slice(0, -1).every(({ bytes }) => bytes[bytes.length - 1] === 10)).toBe(true);
    }
  }
});

test("lines that are not UTF-8 are named, and only those", async () => {
  const good = Buffer.from("grün,🦆\n");
  const bad = Buffer.from("grün\n", "latin1");
  const half = Buffer.from("🦆").subarray(0, 2);
  const lines = [...Array.from({ length: 20_000 }, (_, at) => (at % 5000 === 4 ? bad : good)), half];
  for (const chunkBytes of [1009, 10_000_000]) {
    const blocks = await blocksOf(Buffer.concat(lines), chunkBytes);
    expect(blocks.flatMap(({ notUtf8 }) => notUtf8)).toEqual([5, 5005, 10_005, 15_005, 20_001]);
  }
});
