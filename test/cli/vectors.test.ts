import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { failureOf, jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const write = (name: string, content: string) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const WIDTH = 8;
const numbers = (seed: number) =>
  Array.from({ length: WIDTH }, (_, d) => Math.round(4 * ((seed * 7 + d * 3) % 5) - 8) / 4);

const log = write("log.csv", toTable(makeEvents()));
const interests = write(
  "interests.csv",
  `id,${numbers(0).map((_, d) => `v${d}`)}\n${[1, 2, 3].map((user) => `u${user},${numbers(user)}`).join("\n")}\nguest,${numbers(4)}\n`,
);
const items = write(
  "items.jsonl",
  Array.from({ length: 15 }, (_, item) => `${JSON.stringify({ id: `i${item}`, vector: numbers(item) })}\n`).join(""),
);
const trainWith = (...more: string[]) => ["train", log, "--epochs", "2", ...more];

describe("train with vectors", () => {
  test("says what they are for, keeps their digests, and serves users by them", async () => {
    const model = join(folder, "both.safetensors");
    const args = ["--interest-vectors", interests, "--item-vectors", items, "--set", "itemTuning=frozen", "-o", model];
    const { stderr } = await succeed(trainWith(...args));
    expect(stderr).toContain("\nuser vectors: for 3 of 60 users, and 1 that are not in the log\n");
    expect(stderr).toContain("\nitem vectors: for 15 of 20 items\n");
    expect(stderr).toMatch(
      /settings: .*embedding=8 hidden=8 .*interest=user interestDigest=[0-9a-f]{64} itemDigest=[0-9a-f]{64} itemTuning=frozen /,
    );
    const { config } = await jsonOf(["inspect", model]);
    expect(config).toMatchObject({ interest: "user", itemTuning: "frozen", embedding: WIDTH });
    const ask = (user: string) => jsonOf(["recommend", model, "--history", "i1,i2", "--user", user]);
    const [first, guest, other] = await Promise.all(["u1", "guest", "u9"].map(ask));
    expect(first.items).not.toEqual(other.items);
    expect(guest.items).not.toEqual(other.items);
    expect(other.items).toEqual((await jsonOf(["recommend", model, "--history", "i1,i2"])).items);
    expect(await jsonOf(["evaluate", model, log])).toMatchObject({ users: 60 });
  });

  test("that are bad ends with the line, and before the log is read", async () => {
    const bad = write("bad.csv", `i1,${numbers(1)}\ni2,1,2\n`);
    const line = await failureOf(["train", join(folder, "no-log.csv"), "--item-vectors", bad], 3);
    expect(line).toMatch(/^attune: .*bad\.csv: line 2: got 2 numbers, expected 8 as in the first\. /);
    const missing = ["--interest-vectors", join(folder, "none.csv")];
    expect(await failureOf(trainWith(...missing), 3)).toMatch(
      /none\.csv: got no such file, expected a file of vectors/,
    );
    const foreign = write("foreign.csv", `elsewhere,${numbers(1)}\n`);
    expect(await failureOf(trainWith("--item-vectors", foreign), 3)).toMatch(
      /got 1 ids, none of which the log has as item/,
    );
  });

  test("of another width than embedding, or with another interest, is wrong usage", async () => {
    expect(await failureOf(trainWith("--item-vectors", items, "--set", "embedding=16"), 2)).toMatch(
      /itemVectors: got 8 numbers a vector, expected embedding=16\. /,
    );
    expect(await failureOf(trainWith(...TINY, "interest=mean", "--interest-vectors", interests), 2)).toMatch(
      /supplied interests and interest=mean do not go together/,
    );
    expect(await failureOf(trainWith("--set", "itemTuning=frozen"), 2)).toMatch(/Give --item-vectors\./);
  });
});
