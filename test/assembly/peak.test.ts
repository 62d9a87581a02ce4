import { test } from "vitest";
import { forSeeds } from "../reference/random.ts";
import { fromFlat } from "../reference/tensor.ts";
import { expectNear, floats, reads, run, SIZES, writes } from "./harness.ts";

const VECTORS = 512;

test("a place of the peak is all of its products, whatever the share, for 0, 1, 3, 4, 5, 15 places", () => {
  forSeeds(2, (random) => {
    for (const places of SIZES) {
      const rounds = random.integer(1, 3);
      const x = floats(random, 4 * VECTORS);
      const s = floats(random, 4);
      const buffers = { x: reads.f32(x), s: reads.f32(s), y: writes.f32(4 * places) };
      const { y } = run(buffers, ({ kernels, at, each }) =>
        each(places, 1, (begin, end) => kernels.multiplyAddF32(begin, end, rounds, at.x, at.s, at.y)),
      );
      const scale = s.reduce((sum, value) => sum + value, 0);
      const sums = [0, 0, 0, 0];
      for (const [i, value] of x.entries()) sums[i % 4] += rounds * scale * value;
      const want = Array.from({ length: places }, () => sums);
      expectNear("y", ["place", "lane"], fromFlat(y, places, 4), want);
    }
  });
});
