import { describe, expect, test } from "vitest";
import { loadGolden } from "../golden/load.ts";
import {
  type Activation,
  activate,
  activationBackward,
  activationForward,
  slopeAt,
  slopeOfValue,
} from "./activation.ts";
import { expectClose, GOLDEN, ROUNDING } from "./compare.ts";
import { expectGradient } from "./finite-difference.ts";
import { forSeeds } from "./random.ts";
import { dot } from "./tensor.ts";

const ALL: Activation[] = ["tanh", "relu", "sigmoid", "identity", "gelu"];

test("the fixture has every activation", () => {
  expect(loadGolden("activation.json").cases.map(({ name }) => name)).toEqual(ALL);
});

describe("activations", () => {
  for (const { name, rows } of loadGolden("activation.json").cases) {
    test(`${name}: values and slopes equal PyTorch from −40 to 40, 0 included`, () => {
      const y = rows.map(([x]) => activate(name, x));
      const slopes = rows.map(([x]) => slopeAt(name, x));
      expectClose(
        name,
        ["row"],
        y,
        rows.map(([, value]) => value),
        GOLDEN,
      );
      expectClose(
        `${name}'`,
        ["row"],
        slopes,
        rows.map(([, , slope]) => slope),
        GOLDEN,
      );
    });
  }

  for (const kind of ALL) {
    test(`${kind}: gradients equal central differences`, () => {
      forSeeds(100, (random) => {
        const [rows, width] = [random.integer(1, 4), random.integer(1, 6)];
        const x = random.matrix(rows, width, 4);
        const dY = random.matrix(rows, width);
        const loss = (): number => activationForward(kind, x).reduce((sum, row, r) => sum + dot(row, dY[r]), 0);
        expectGradient("x", loss, x, activationBackward(kind, x, dY));
      });
    });
  }

  test("the slope follows from the value for all but gelu, which is why a cell need not keep its sums", () => {
    forSeeds(100, (random) => {
      const kind = random.choose(["tanh", "relu", "sigmoid", "identity"] as const);
      const x = random.unit() * 8 - 4;
      expectClose(kind, [], slopeOfValue(kind, activate(kind, x)), slopeAt(kind, x), ROUNDING);
    });
  });
});
