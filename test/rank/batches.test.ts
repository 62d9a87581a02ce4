import { expect, test } from "vitest";
import { cutBatches } from "../../src/rank/batches.ts";
import { forSeeds } from "../reference/random.ts";

test("batches cover all requests in order, and none is larger than its bounds unless it is one long history", () => {
  forSeeds(20, (random) => {
    const steps = Array.from({ length: random.integer(0, 900) }, () => random.choose([0, 1, 50, 500, 40_000]));
    let next = 0;
    for (const { first, count } of cutBatches(steps.length, (index) => steps[index])) {
      expect(first).toBe(next);
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(256);
      const sum = steps.slice(first, first + count).reduce((total, length) => total + length, 0);
      if (count > 1) expect(sum).toBeLessThanOrEqual(32_768);
      next += count;
    }
    expect(next).toBe(steps.length);
  });
});
