import { expect, test } from "vitest";
import { buildHistories } from "../../src/data/histories.ts";
import { LogBuilder } from "../../src/data/log.ts";
import { splitHistories } from "../../src/data/split.ts";
import { type ModelConfig, resolveConfig } from "../../src/model/config.ts";
import { adaptConfig } from "../../src/train/adapt.ts";

function adapted(users: number, events: number, settings: { batch?: number; dropout?: number }) {
  const log = new LogBuilder();
  for (let user = 0; user < users; user++) {
    for (let time = 0; time < events; time++) log.add(`u${user}`, `i${time % 50}`, time);
  }
  const { histories } = buildHistories(log.build(), {});
  return adaptConfig(resolveConfig(settings), splitHistories(histories, "leave-one-out"), histories.items.size);
}

const batchFor = (users: number, events: number, batch = 0) => adapted(users, events, { batch }).batch;

test("an open batch holds about 1,536 training interactions", () => {
  expect(batchFor(1000, 102)).toBe(15); // 100 of each user train
  expect(batchFor(10_000, 12)).toBe(153);
});

test("an open batch leaves at least 32 steps in an epoch, down to one user a step", () => {
  expect(batchFor(320, 12)).toBe(10);
  expect(batchFor(5, 12)).toBe(1);
});

test("a batch that was asked for stays", () => {
  expect(batchFor(1000, 102, 77)).toBe(77);
});

test("an open dropout is .3 for long histories and .5 for short ones, and a given one stays", () => {
  // 40 and 39 of each user train.
  expect(adapted(10, 42, { dropout: -1 }).dropout).toBe(0.3);
  expect(adapted(10, 41, { dropout: -1 }).dropout).toBe(0.5);
  expect(adapted(10, 41, { dropout: 0 }).dropout).toBe(0);
  expect(() => resolveConfig({ dropout: -0.5 })).toThrow(expect.objectContaining({ code: "SETTING_VALUE" }));
});

test("open rivals are the unseen items where histories are long and lists leave seen ones out; given ones stay", () => {
  const rivalsOf = (settings: Partial<ModelConfig>, length = 40) =>
    adaptConfig(resolveConfig(settings), { trainLength: Uint32Array.of(length, length) }, 10).rivals;
  expect(rivalsOf({ rivals: "auto" })).toBe("unseen");
  expect(rivalsOf({ rivals: "auto" }, 39)).toBe("all");
  expect(rivalsOf({ rivals: "unseen" }, 39)).toBe("unseen");
  expect(rivalsOf({ rivals: "auto", task: "rating" })).toBe("all");
  expect(rivalsOf({ rivals: "all" })).toBe("all");
  expect(rivalsOf({})).toBe("all");
});

test("open rivals leave out the newest item where lists may have seen items and fewer than 2 % of the steps repeat one", () => {
  const rivalsOf = (repeats: number, settings: Partial<ModelConfig> = {}) => {
    const log = new LogBuilder();
    // 101 events train, so that 100 steps do.
    for (let time = 0; time < 103; time++) log.add("u", `i${time < repeats ? 0 : time}`, time);
    const { histories } = buildHistories(log.build(), {});
    const config = resolveConfig({ rivals: "auto", seen: "include" }, settings);
    return adaptConfig(config, splitHistories(histories, "leave-one-out"), histories.items.size).rivals;
  };
  expect(rivalsOf(0)).toBe("others");
  expect(rivalsOf(2)).toBe("others"); // one step
  expect(rivalsOf(3)).toBe("all"); // two steps
  expect(rivalsOf(0, { rivals: "all" })).toBe("all");
  expect(rivalsOf(0, { task: "rating" })).toBe("all");
  expect(rivalsOf(0, { targets: "future" })).toBe("all");
});

test("an open loss is full for up to 20,000 items and sampled for more; a given one stays, and heads have no other than their own", () => {
  const lossOf = (items: number, settings: Partial<ModelConfig>) =>
    adaptConfig(resolveConfig(settings), { trainLength: Uint32Array.of(5, 5) }, items).loss;
  expect(lossOf(20_000, {})).toBe("full");
  expect(lossOf(20_001, {})).toBe("sampled");
  expect(lossOf(10, { loss: "sampled" })).toBe("sampled");
  expect(lossOf(1_000_000, { loss: "full" })).toBe("full");
  expect(lossOf(1_000_000, { task: "rating" })).toBe("full");
});
