import { expect, test } from "vitest";
import { buildHistories } from "../../src/data/histories.ts";
import { LogBuilder } from "../../src/data/log.ts";
import { splitHistories } from "../../src/data/split.ts";
import { resolveConfig } from "../../src/model/config.ts";
import { adaptConfig } from "../../src/train/adapt.ts";

function batchFor(users: number, events: number, batch = 0): number {
  const log = new LogBuilder();
  for (let user = 0; user < users; user++) {
    for (let time = 0; time < events; time++) log.add(`u${user}`, `i${time % 50}`, time);
  }
  const { histories } = buildHistories(log.build(), {});
  return adaptConfig(resolveConfig({ batch }), splitHistories(histories, "leave-one-out")).batch;
}

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
