import { expect, test } from "vitest";
import { Intake } from "../../../src/data/read/intake.ts";
import { errorOf } from "../support.ts";

function intakeOf(times: string[], timeFormat?: "s" | "ms" | "iso"): Intake {
  const intake = new Intake("log.csv", timeFormat);
  times.forEach((time, at) => {
    intake.add("u", `i${at}`, time, at + 2);
  });
  intake.finish();
  return intake;
}

test("rows that wait for the time format are kept in order, at and around 1,000", () => {
  for (const length of [1, 999, 1000, 1001, 3003]) {
    const times = Array.from({ length }, (_, at) => String(1_764_000_000_000 + at * 1000));
    const intake = intakeOf(times);
    expect(intake.guesses).toEqual([
      `time: milliseconds since 1970 (guessed from the first ${Math.min(length, 1000).toLocaleString("en-US")} values; --time-format overrides)`,
    ]);
    const log = intake.build();
    expect([log.length, log.time[0], log.time[length - 1]]).toEqual([
      length,
      1_764_000_000,
      1_764_000_000 + length - 1,
    ]);
    expect(log.items.idOf(length - 1)).toBe(`i${length - 1}`);
  }
});

test("a given time format is not guessed", () => {
  const intake = intakeOf(["5", "2026-11-24"], "ms");
  expect(intake.guesses).toEqual([]);
  expect(intake.bad.causes).toEqual([{ cause: "unreadable time", count: 1, lines: [3] }]);
  expect([...intake.build().time]).toEqual([0.005]);
});

test("times of no known format stop the run with an example and its line", async () => {
  const error = await errorOf(() => intakeOf(["", "12/1/2010 8:26", "12/1/2010 8:28"]));
  expect(error.code).toBe("DATA_TIME_FORMAT");
  expect(error.message).toContain('log.csv: line 3: got the time "12/1/2010 8:26", expected seconds or milliseconds');
});

test("numbers are positions and need no format", () => {
  const intake = new Intake("log.csv", undefined);
  intake.add("u", "a", 7, 1);
  intake.finish();
  expect([intake.timed, [...intake.build().time]]).toEqual([false, [7]]);
});
