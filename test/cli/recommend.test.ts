import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { failureOf, jsonOf, makeFolder, succeed } from "./command.ts";
import { makeEvents, TINY, toTable } from "./logs.ts";

const folder = makeFolder();
const log = join(folder, "log.csv");
const attentive = join(folder, "attentive.safetensors");
const plain = join(folder, "plain.safetensors");
const personal = join(folder, "personal.safetensors");
const commas = join(folder, "commas.safetensors");
const unseen = join(folder, "unseen.safetensors");
const ITEMS = 20;

beforeAll(async () => {
  const events = makeEvents({ items: ITEMS });
  writeFileSync(log, toTable(events));
  const withCommas = join(folder, "commas.csv");
  writeFileSync(withCommas, toTable(events.map((event) => ({ ...event, item: `${event.item},large` }))));
  const train = (data: string, ...more: string[]) => succeed(["train", data, ...TINY, "--epochs", "20", ...more]);
  await Promise.all([
    train(log, "-o", attentive),
    train(log, "-o", plain, "--model", "gru4rec"),
    succeed(["train", log, ...TINY, "interest=user", "--epochs", "3", "-o", personal]),
    train(withCommas, "-o", commas),
    succeed(["train", log, ...TINY, "rivals=unseen", "--epochs", "3", "-o", unseen]),
  ]);
});

interface Listed {
  id: string;
  score: number;
}

const ask = (model: string, history: string, ...more: string[]) =>
  jsonOf(["recommend", model, "--history", history, ...more]);
const idsOf = ({ items }: { items: Listed[] }) => items.map(({ id }) => id);

describe("recommend --json", () => {
  test("has the shape of the contract: ten unseen items, best first", async () => {
    const answer = await ask(attentive, "i3,i4,i5");
    expect(Object.keys(answer)).toEqual(["items", "explanation", "unknown"]);
    expect(answer).toMatchObject({ explanation: null, unknown: [] });
    expect(answer.items).toHaveLength(10);
    for (const item of answer.items) expect(Object.keys(item)).toEqual(["id", "score"]);
    const scores = answer.items.map(({ score }: Listed) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set([...idsOf(answer), "i3", "i4", "i5"]).size).toBe(13);
  });

  test("finds the successor that the log is made of", async () => {
    expect(idsOf(await ask(attentive, "i3,i4,i5", "-k", "1"))).toEqual(["i6"]);
    expect(idsOf(await ask(plain, "i17,i18", "-k", "1"))).toEqual(["i19"]);
  });

  test("--explain gives each known item of the history its share of 1", async () => {
    const { explanation, unknown } = await ask(attentive, "i3,nope,i4,i3", "--explain");
    expect(explanation.map(({ id }: Listed) => id)).toEqual(["i3", "i4", "i3"]);
    const weights = explanation.map(({ weight }: { weight: number }) => weight);
    expect(Math.abs(weights.reduce((sum: number, weight: number) => sum + weight, 0) - 1)).toBeLessThan(1e-12);
    for (const weight of weights) expect(weight).toBeGreaterThan(0);
    expect(unknown).toEqual(["nope"]);
  });

  test("--explain of a model without attention is null, with a hint on stderr", async () => {
    const { stdout, stderr } = await succeed(["recommend", plain, "--history", "i3", "--explain", "--json"]);
    expect(JSON.parse(stdout).explanation).toBeNull();
    expect(stderr).toBe("gru4rec has no attention to explain with; train attune, attentive-gru or attentive-lstm\n");
  });

  test("-k beyond the catalogue lists every item that is allowed", async () => {
    expect((await ask(attentive, "i3,i4", "-k", "1000000")).items).toHaveLength(ITEMS - 2);
    expect((await ask(attentive, "i3,i4", "-k", "1000000", "--include-seen")).items).toHaveLength(ITEMS);
  });

  test("--include-seen changes which items are listed, not their scores", async () => {
    const all = await ask(attentive, "i3,i4", "-k", "20", "--include-seen");
    const unseen = await ask(attentive, "i3,i4", "-k", "20");
    expect(unseen.items).toEqual(all.items.filter(({ id }: Listed) => id !== "i3" && id !== "i4"));
  });

  test("--include-seen of a model that never compared seen items warns", async () => {
    const ofUnseen = ["recommend", unseen, "--history", "i3,i4", "--json"];
    expect((await succeed(ofUnseen)).stderr).toBe("");
    expect((await succeed([...ofUnseen, "--include-seen"])).stderr).toMatch(
      /^warning: .*rivals=unseen.*seen=include\n$/,
    );
    expect((await succeed(["recommend", attentive, "--history", "i3", "--json", "--include-seen"])).stderr).toBe("");
  });

  test("a history in which everything is seen leaves nothing to list", async () => {
    const every = Array.from({ length: ITEMS }, (_, item) => `i${item}`).join(",");
    expect((await ask(attentive, every)).items).toEqual([]);
  });

  test("of one model has the same text every time", async () => {
    const [first, second] = await Promise.all([ask(attentive, "i1,i9"), ask(attentive, "i1,i9")]);
    expect(first).toEqual(second);
  });
});

describe("--user", () => {
  test("gives a known user the answer of their own interest", async () => {
    const [first, second] = await Promise.all(["u1", "u2"].map((id) => ask(personal, "i3,i4", "--user", id)));
    expect(Object.keys(first)).toEqual(["items", "explanation", "unknown"]);
    expect(first.items).not.toEqual(second.items);
  });

  test("whom the model does not know gets a warning, and the answer of nobody in particular", async () => {
    const args = ["recommend", personal, "--history", "i3,i4", "--json"];
    const { stdout, stderr } = await succeed([...args, "--user", "never"]);
    expect(stderr).toBe(
      'warning: the model does not know the user "never", so the mean of the history is the interest\n',
    );
    expect(stdout).toBe((await succeed(args)).stdout);
  });

  test("without a history gets the popular items, and a warning that says why", async () => {
    const { stdout, stderr } = await succeed(["recommend", personal, "--user", "u1", "--json", "-k", "20"]);
    expect(JSON.parse(stdout)).toMatchObject({ items: popularItems(), explanation: null, unknown: [] });
    expect(stderr).toBe(
      "warning: a model stores no histories, so these are the most popular items; --history gives the user's own\n",
    );
  });

  test("is refused by a model that knows no users", async () => {
    const line = await failureOf(["recommend", attentive, "--history", "i3", "--user", "u1"], 2);
    expect(line).toMatch(/^attune: user: the model knows no users \(interest=learned\)/);
  });
});

describe("a history", () => {
  test("is a comma list, or a JSON array for ids with commas", async () => {
    const first = await ask(attentive, "i3,i4,i5");
    expect(await ask(attentive, '["i3","i4","i5"]')).toEqual(first);
    expect(await ask(attentive, ' [ "i3", "i4",\n"i5"]')).toEqual(first);
    const answer = await ask(commas, '["i3,large","i4,large"]', "-k", "1");
    expect(answer).toMatchObject({ items: [{ id: "i5,large" }], unknown: [] });
    expect((await ask(commas, "i3,large")).unknown).toEqual(["i3", "large"]);
  });

  test("is taken as it is: spaces belong to ids", async () => {
    const { stdout, stderr } = await succeed(["recommend", attentive, "--history", "i3, i4,", "--json"]);
    expect(JSON.parse(stdout).unknown).toEqual([" i4", ""]);
    expect(stderr).toBe('unknown items, skipped: " i4", ""\n');
  });

  test("may begin with a dash", async () => {
    expect((await ask(attentive, "-x,i3")).unknown).toEqual(["-x"]);
  });

  test("keeps the unknown ids in order, and answers from the known ones", async () => {
    const { unknown, items } = await ask(attentive, "b,i3,a,i4,b");
    expect(unknown).toEqual(["b", "a", "b"]);
    expect(items).toEqual((await ask(attentive, "i3,i4")).items);
  });

  test("with many unknown ids names the first twenty", async () => {
    const many = Array.from({ length: 1025 }, (_, index) => `no-${index}`).join(",");
    const { stdout, stderr } = await succeed(["recommend", attentive, "--history", `i3,${many}`, "--json"]);
    expect(JSON.parse(stdout).unknown).toHaveLength(1025);
    expect(stderr).toMatch(/^unknown items, skipped: "no-0", .*"no-19" and 1,005 more\n$/);
  });

  test.each([
    ["empty", "", []],
    ["an empty array", "[]", []],
    ["all unknown", "no,never", ["no", "never"]],
  ])("that is %s gets the popular items, and a warning", async (_, history, unknown) => {
    const { stdout, stderr } = await succeed(["recommend", attentive, "--history", history, "--json", "-k", "20"]);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ explanation: null, unknown });
    expect(answer.items).toEqual(popularItems());
    expect(stderr).toContain("warning: nothing in this history is known, so these are the most popular items\n");
  });

  test.each(["[1]", "[null]", '["i3"', '[["i3"]]'])(
    "of JSON that is no list of ids is refused: %s",
    async (history) => {
      const line = await failureOf(["recommend", attentive, "--history", history], 2);
      expect(line).toMatch(/^attune: --history: .*expected ids separated by commas, or a JSON array/);
    },
  );
});

describe("the text", () => {
  test("is a numbered list", async () => {
    const { stdout, stderr } = await succeed(["recommend", attentive, "--history", "i3,i4", "-k", "3"]);
    expect(stdout).toMatch(/^1\. i\d+ +-?\d+\.\d{4}\n2\. i\d+ +-?\d+\.\d{4}\n3\. i\d+ +-?\d+\.\d{4}\n$/);
    expect(stderr).toBe("");
  });

  test("of --explain draws the attention as bars, the largest full", async () => {
    const { stdout } = await succeed(["recommend", attentive, "--history", "i3,i4,i9", "-k", "1", "--explain"]);
    const [, blank, title, ...bars] = stdout.trimEnd().split("\n");
    expect([blank, title]).toEqual(["", "attention on the history, oldest first:"]);
    expect(bars).toHaveLength(3);
    for (const [index, id] of ["i3", "i4", "i9"].entries()) {
      expect(bars[index]).toMatch(new RegExp(`^${id} +\\d+\\.\\d %  █*$`));
    }
    expect(Math.max(...bars.map((line) => line.split("█").length - 1))).toBe(40);
  });
});

/** All items by number of events, then by first appearance; refitted models have counted every event. */
function popularItems(): Listed[] {
  const events = makeEvents({ items: ITEMS });
  const counts = new Map<string, number>();
  // Items are numbered user by user, as the histories list them.
  for (const { item } of events) counts.set(item, (counts.get(item) ?? 0) + 1);
  return Array.from(counts, ([id, count]) => ({ id, score: count / events.length })).sort((a, b) => b.score - a.score);
}
