import { expect, test } from "vitest";
import { exponent } from "../../bench/growth-training.ts";
import { measure, spreadOf } from "../../bench/measure.ts";
import { flopsPerPosition, openTrainer, type Trainer } from "../../bench/steps.ts";
import { openTeam, type Work } from "../../bench/team.ts";

const EFFORT = { rounds: 2, ms: 1 };

test("a work that seems faster than the machine's peak fails the run, and one that does not has its share", async () => {
  const team = await openTeam(1);
  const work = (flops: number): Work => ({
    name: "a kernel",
    units: 1,
    unit: "calls/s",
    scale: 1,
    flops,
    run: () => team.peak.run(),
  });
  const { figures, peak } = await measure(team, [work(team.peak.units / 4)], EFFORT);
  expect(figures[0].ofPeak!.median).toBeGreaterThan(0);
  expect(peak.median).toBeGreaterThan(0);
  await expect(measure(team, [work(team.peak.units * 1000)], EFFORT)).rejects.toThrow(
    /a kernel seems to run at \d+\.\d+ of what the machine can do/,
  );
});

test("helpers of a team take part in the peak", async () => {
  const team = await openTeam(2);
  const { threads, figures } = await measure(team, [{ ...team.peak, flops: team.peak.units / 100 }], EFFORT);
  await team.close();
  expect(threads).toBe(2);
  expect(figures[0].speed.least).toBeGreaterThan(0);
});

test("the operations of gru4rec are 6·(V·D + 3·H·(D + H)) a position", async () => {
  const { engine } = await openTeam(1);
  const [items, width, hidden] = [50, 16, 24];
  const { network } = openTrainer(engine, "gru4rec", items, { embedding: width, hidden });
  // Where H is not D, a projection of H to D comes before the scores.
  const projection = hidden * width;
  expect(flopsPerPosition(network.parameters.list, items)).toBe(
    6 * (items * width + 3 * hidden * (width + hidden) + projection),
  );
});

test("an exponent is that of the power law behind the points", () => {
  expect(exponent([10, 100, 1000].map((size) => [size, 7 * size ** 1.5]))).toBeCloseTo(1.5, 10);
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  expect(spreadOf([4, 1, 2, 3]).median).toBe(2.5);
});

test("trainers that share an engine train as if each had it alone", async () => {
  const own = { embedding: 16, hidden: 16 };
  const examples = [{ history: Int32Array.of(1, 2, 3), next: Int32Array.of(2, 3, 4), lossFrom: 0 }];
  const lossesOf = (trainers: readonly Trainer[]) =>
    Array.from({ length: 4 }, () => trainers.map((trainer) => trainer.step(examples).loss));
  const alone = [];
  for (const items of [50, 90]) alone.push(openTrainer((await openTeam(1)).engine, "gru4rec", items, own));
  const { engine } = await openTeam(1);
  const together = [50, 90].map((items) => openTrainer(engine, "gru4rec", items, own));
  expect(lossesOf(together)).toEqual(lossesOf(alone));
});
