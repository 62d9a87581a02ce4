import { expect, test } from "vitest";
import { CELL_AXES, orderByCells } from "../../src/rank/cells.ts";
import { forSeeds, type Random } from "../reference/random.ts";

const rowsOf = (random: Random, count: number, stride: number) =>
  Float32Array.from({ length: count * stride }, () => random.unit() - 0.5);

test("an order by cells is a permutation, for any rows: few, equal, infinite, NaN", () => {
  forSeeds(40, (random) => {
    const count = random.choose([0, 1, 3, 8, 9, 15, 64, 257]);
    const stride = random.choose([1, 5, 8, 64]);
    const rows = rowsOf(random, count, stride);
    const odd = random.choose([undefined, 0, Number.NaN, Number.POSITIVE_INFINITY]);
    if (odd !== undefined) for (let i = 0; i < rows.length; i++) if (random.unit() < 0.5) rows[i] = odd;
    const order = orderByCells(rows, count, stride, random.choose([1, 4, 8]));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, row) => row));
  });
});

test("rows that fit into one cell keep their order", () => {
  forSeeds(5, (random) => expect([...orderByCells(rowsOf(random, 8, 3), 8, 3, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]));
});

test("eight rows around each of eight far points end up in a cell each; what lies beyond the first axes does not count", () => {
  forSeeds(10, (random) => {
    const stride = CELL_AXES + 2;
    const corners = Array.from({ length: 64 }, (_, row) => row >> 3);
    for (let i = 63; i > 0; i--) {
      const j = random.integer(0, i);
      [corners[i], corners[j]] = [corners[j], corners[i]];
    }
    const rows = rowsOf(random, 64, stride);
    for (const [row, corner] of corners.entries()) {
      for (let axis = 0; axis < 3; axis++) rows[row * stride + axis] += 10 * ((corner >> axis) & 1);
      rows[row * stride + CELL_AXES] *= 1e6;
    }
    const order = orderByCells(rows, 64, stride, 8);
    for (let cell = 0; cell < 64; cell += 8) {
      expect(new Set([...order.subarray(cell, cell + 8)].map((row) => corners[row])).size).toBe(1);
    }
  });
});
