import { beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../../src/api/model.ts";
import { train } from "../../src/api/train.ts";
import { QUICK, shopRows } from "../api/shop.ts";

let model: Model;
beforeAll(async () => {
  model = await train(shopRows(), { ...QUICK, epochs: 3 });
});
const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id);
const history = ["i1", "i2", "i3"];

describe("a request", () => {
  test("with a deny list gives the usual list without those items", () => {
    const all = model.recommend(history, { k: 100 });
    const deny = idsOf(all.slice(0, 3));
    expect(model.recommend(history, { k: 100, deny })).toEqual(all.slice(3));
    expect(model.recommend(history, { k: 100, deny: new Set([...deny, "i1", "who?"]) })).toEqual(all.slice(3));
  });

  test("with an allow list gives the usual list of those items alone, without seen ones", () => {
    const allow = ["i4", "i9", "i2", "who?", "i20"];
    const all = model.recommend(history, { k: 100 });
    expect(model.recommend(history, { allow })).toEqual(all.filter(({ id }) => allow.includes(id)));
    expect(idsOf(model.recommend(history, { allow, includeSeen: true }))).toContain("i2");
    expect(model.recommend(history, { allow: [] })).toEqual([]);
  });

  test("with candidates ranks exactly those, seen or not", () => {
    const candidates = ["i2", "i4", "i7", "i7"];
    const all = model.recommend(history, { k: 100, includeSeen: true });
    expect(model.recommend(history, { candidates })).toEqual(all.filter(({ id }) => candidates.includes(id)));
    expect(idsOf(model.recommend(history, { candidates, deny: ["i4"] })).sort()).toEqual(["i2", "i7"]);
  });

  test("without a known history keeps to its lists too", () => {
    const answer = model.answer(["who?"], { k: 2, allow: ["i5", "i6", "i7"], deny: ["i6"] });
    expect(answer.popular).toBe(true);
    expect(idsOf(answer.items).sort()).toEqual(["i5", "i7"]);
  });

  test("refuses unknown options, lists that are none, and two kinds of lists at once", () => {
    const refuse = (options: object, code: string) =>
      expect(() => model.recommend(history, options)).toThrow(expect.objectContaining({ code, exitCode: 2 }));
    refuse({ K: 3 }, "OPTION_UNKNOWN");
    refuse({ deny: "i1" }, "IDS_INVALID");
    refuse({ allow: [1] }, "IDS_INVALID");
    refuse({ candidates: 5 }, "IDS_INVALID");
    refuse({ allow: [], candidates: [] }, "IDS_INVALID");
    expect(() => model.recommendBatch("ab" as never)).toThrow(expect.objectContaining({ code: "HISTORY_INVALID" }));
  });
});

describe("similar items", () => {
  test("are those with the largest cosine, by brute force", () => {
    const { network, items } = model.internals;
    const width = network.config.embedding;
    const { value, size } = network.parameters.get("embedding.weight");
    const table = Array.from(network.engine.memory.f32(value, size));
    const row = (id: string) => table.slice(items.indexOf(id) * width, (items.indexOf(id) + 1) * width);
    const cosine = (a: number[], b: number[]) => {
      const dot = (x: number[], y: number[]) => x.reduce((sum, value, d) => sum + value * y[d], 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    const want = [...items]
      .filter((id) => id !== "i3")
      .map((id) => ({ id, score: cosine(row("i3"), row(id)) }))
      .sort((a, b) => b.score - a.score);
    const got = model.similar("i3", { k: 100 });
    expect(idsOf(got)).toEqual(idsOf(want));
    got.forEach(({ score }, i) => {
      expect(score).toBeCloseTo(want[i].score, 12);
    });
    expect(model.similar("i3", { k: 2 })).toEqual(got.slice(0, 2));
  });

  test("of an unknown item are refused", () => {
    expect(() => model.similar("who?")).toThrow(expect.objectContaining({ code: "ITEM_UNKNOWN", exitCode: 2 }));
  });
});
