import { describe, expect, test } from "vitest";
import { PANEL_COLUMNS, panelFloats } from "../../src/model/layers/linear.ts";
import { loadGolden } from "../golden/load.ts";
import { expectClose } from "../reference/compare.ts";
import { crossEntropyBackward, crossEntropyForward } from "../reference/cross-entropy.ts";
import { logSumExp } from "../reference/math.ts";
import { forSeeds } from "../reference/random.ts";
import { fromFlat, type Matrix, zeros } from "../reference/tensor.ts";
import { expectDifferences, expectNear, floats, reads, run, SIZES, updates, weigh, writes } from "./harness.ts";

interface Scored {
  rows: number;
  items: number;
  /** f32[rows, V] */
  scores: number[];
  targets: number[];
  scale: number;
  /** Rows a thread has at once; all if left out. */
  blockRows?: number;
}

/** What a row has behind it: (item, the step that brought it first) by rising item, and its own step. */
interface Seen {
  list: [item: number, step: number][];
  step: number;
}

interface Products {
  /** f32[rows, D] */
  y: number[];
  /** f32[V, D] */
  table: number[];
  targets: number[];
  scale: number;
  width: number;
  blockRows?: number;
  /** Of each row; all items count if left out. */
  seen?: Seen[];
}

/** Rows of sums beside the D-wide ones: assembly/kernel/loss.ts. */
const SUMS = 7;

function crossEntropy({ y, table, targets, scale, width, blockRows, seen }: Products, quick = false) {
  const [rows, items] = [targets.length, table.length / width];
  const most = blockRows ?? Math.max(1, rows);
  const blocks = Math.ceil(rows / most);
  const columns = panelFloats(most, 1);
  const buffers = {
    y: reads.f32(y),
    table: reads.f32(table),
    targets: reads.i32(targets),
    lists: reads.i32((seen ?? []).flatMap(({ list }) => list.flat())),
    seen: updates.i32(zeros(seen ? 4 * rows : 0)),
    tablePanels: writes.f32(panelFloats(width, items)),
    scores: writes.f32(blocks * items * columns),
    yPanels: writes.f32(blocks * panelFloats(width, 1) * columns),
    sums: writes.f32(blocks * SUMS * columns),
    losses: writes.f32(rows),
    dY: writes.f32(rows * width),
    dTable: updates.f32(zeros(items * width)),
  };
  return run(
    buffers,
    ({ kernels: k, at, views, each }) => {
      let listAt = at.lists;
      for (const [r, { list, step }] of (seen ?? []).entries()) {
        views.seen.set([listAt, listAt + 8 * list.length, step, targets[r]], 4 * r);
        listAt += 8 * list.length;
      }
      each(Math.ceil(width / PANEL_COLUMNS), 1, (b, end) =>
        k.packF32(b, end, width, items, at.table, width, 1, at.tablePanels),
      );
      const block = [rows, most, items, width] as const;
      each(blocks, 1, (b, end) =>
        k.crossEntropyF32(
          b,
          end,
          ...block,
          at.y,
          at.table,
          at.tablePanels,
          at.targets,
          seen ? at.seen : 0,
          scale,
          at.scores,
          at.yPanels,
          at.sums,
          at.losses,
          at.dY,
        ),
      );
      each(items, 4, (b, end) => k.crossEntropyTableF32(b, end, ...block, at.scores, at.yPanels, at.dTable));
      // Addresses are another module's elsewhere.
      views.seen.fill(0);
    },
    quick,
  );
}

/** Losses and dS of scores as they are given: with D = rows, Y the identity and E the scores transposed, dE is dS transposed. */
function ofScores({ rows, items, scores, targets, scale, blockRows }: Scored, quick = false) {
  const y = Array.from({ length: rows * rows }, (_, i) => (Math.floor(i / rows) === i % rows ? 1 : 0));
  const table = transpose(scores, rows, items);
  const out = crossEntropy({ y, table, targets, scale, width: rows, blockRows }, quick);
  return { losses: out.losses, dS: transpose(out.dTable, items, rows) };
}

function transpose(flat: ArrayLike<number>, rows: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, i) => flat[(i % rows) * columns + Math.floor(i / rows)]);
}

/** Losses and dS in f64: loss = log Σ e^s − s_target. */
function twinOf({ rows, items, scores, targets, scale }: Scored): { losses: number[]; dS: Matrix } {
  const losses: number[] = [];
  const dS: Matrix = [];
  for (let r = 0; r < rows; r++) {
    const row = scores.slice(r * items, (r + 1) * items);
    const logSum = logSumExp(row);
    losses.push(logSum - row[targets[r]]);
    dS.push(row.map((score, j) => scale * (Math.exp(score - logSum) - (j === targets[r] ? 1 : 0))));
  }
  return { losses, dS };
}

/** Σ e^{s − largest} is an f32 sum from 1 up: a small loss is off by its rounding, whatever its size. */
const LOSS = { absolute: 3e-7, relative: 3e-7 };

describe("cross-entropy equals torch.nn.functional.cross_entropy, scores and both gradient products included", () => {
  for (const { h, e, targets, scale, losses, dH, dE } of loadGolden("cross_entropy.json").cases) {
    const [rows, items, width] = [h.length, e.length, e[0].length];
    test(`${rows} rows of ${items} items, D=${width}, scale ${scale ?? "1/rows"}`, () => {
      for (const blockRows of [1, 3, 8, rows]) {
        const [y, table] = [h.flat(), e.flat()];
        const out = crossEntropy({ y, table, targets, scale: scale ?? 1 / rows, width, blockRows });
        expectNear("losses", ["r"], [...out.losses], losses);
        expectNear("dH", ["r", "d"], fromFlat(out.dY, rows, width), dH);
        expectNear("dE", ["v", "d"], fromFlat(out.dTable, items, width), dE);
      }
    });
  }
});

test("losses and both gradients equal the f64 twin, D = 1 … 15, in blocks of any size, added to what the table's gradient was", () => {
  forSeeds(2, (random) => {
    for (const width of SIZES.slice(1)) {
      for (const [rows, items] of [
        [0, 3],
        [1, 1],
        [5, 5],
        [15, 15],
        [9, 80],
        [20, 203],
      ]) {
        const [y, table] = [floats(random, rows * width, 1), floats(random, items * width, 1)];
        const targets = Array.from({ length: rows }, () => random.integer(0, items - 1));
        const scale = Math.fround(random.choose([1, 1 / 7, 1 / 512]));
        const out = crossEntropy({ y, table, targets, scale, width, blockRows: random.integer(1, rows + 3) });
        const [h, e] = [fromFlat(y, rows, width), fromFlat(table, items, width)];
        const want =
          rows > 0
            ? crossEntropyBackward(h, e, targets, scale)
            : { dH: [], dE: fromFlat(zeros(items * width), items, width) };
        const at = `rows ${rows}, V=${items}, D=${width}`;
        expectClose(`losses, ${at}`, ["r"], [...out.losses], crossEntropyForward(h, e, targets), LOSS);
        expectNear(`dY, ${at}`, ["r", "d"], fromFlat(out.dY, rows, width), want.dH);
        expectNear(`dE, ${at}`, ["v", "d"], fromFlat(out.dTable, items, width), want.dE);
      }
    }
  });
});

test("with seen items left out, losses and gradients equal the f64 twin without them, and those of seen items are 0", () => {
  forSeeds(4, (random) => {
    for (const [rows, items, width] of [
      [1, 2, 3],
      [5, 15, 4],
      [9, 80, 5],
      [20, 203, 15],
    ]) {
      const [y, table] = [floats(random, rows * width, 1), floats(random, items * width, 1)];
      const targets = Array.from({ length: rows }, () => random.integer(0, items - 1));
      const scale = Math.fround(random.choose([1, 1 / 7]));
      const most = random.choose([0, 3, items]);
      const seen = targets.map((): Seen => {
        const held = new Set(Array.from({ length: most }, () => random.integer(0, items - 1)));
        const list = [...held].sort((a, b) => a - b).map((item): [number, number] => [item, random.integer(0, 9)]);
        return { list, step: random.integer(0, 9) };
      });
      const out = crossEntropy({ y, table, targets, scale, width, seen, blockRows: random.integer(1, rows + 3) });
      const [h, e] = [fromFlat(y, rows, width), fromFlat(table, items, width)];
      const dE = fromFlat(zeros(items * width), items, width);
      for (let r = 0; r < rows; r++) {
        const { list, step } = seen[r];
        const hidden = new Set(
          list.filter(([item, first]) => first <= step && item !== targets[r]).map(([item]) => item),
        );
        const left = e.map((_, item) => item).filter((item) => !hidden.has(item));
        const [own, target] = [left.map((item) => e[item]), [left.indexOf(targets[r])]];
        const want = crossEntropyBackward([h[r]], own, target, scale);
        left.forEach((item, index) => {
          want.dE[index].forEach((value, d) => {
            dE[item][d] += value;
          });
        });
        const at = `row ${r} of ${rows}, V=${items}, D=${width}, ${hidden.size} seen`;
        expectClose(`loss, ${at}`, [], out.losses[r], crossEntropyForward([h[r]], own, target)[0], LOSS);
        expectNear(`dY, ${at}`, ["d"], [...out.dY.subarray(r * width, (r + 1) * width)], want.dH[0]);
      }
      expectNear(`dE, V=${items}, D=${width}`, ["v", "d"], fromFlat(out.dTable, items, width), dE);
    }
  });
});

test("a seen item of any score costs nothing, and a row that has seen all but its target costs 0", () => {
  const list: Seen["list"] = [
    [0, 0],
    [1, 2],
    [2, 1],
  ];
  const given = { y: [1], table: [1e30, 1e30, 1e30, -7], targets: [3], scale: 1, width: 1 };
  const { losses, dY, dTable } = crossEntropy({ ...given, seen: [{ list, step: 2 }] });
  expect([losses[0], dY[0], ...dTable]).toEqual([0, 0, 0, 0, 0, 0]);
  // The second item comes later than step 1.
  expect(crossEntropy({ ...given, table: [1e30, -7, 1e30, -7], seen: [{ list, step: 1 }] }).losses[0]).toBeCloseTo(
    Math.log(2),
    6,
  );
});

test("losses and dS equal the f64 twin for V=1, 2, 3, 4, 5, 15, 1349 and 0…15 rows", () => {
  forSeeds(2, (random) => {
    for (const rows of SIZES.slice(1)) {
      for (const items of [1, 2, 3, 4, 5, 15, ...(rows === 5 ? [1349] : [])]) {
        const scored: Scored = {
          rows,
          items,
          scores: floats(random, rows * items, random.choose([1, 10])),
          targets: Array.from({ length: rows }, () => random.integer(0, items - 1)),
          scale: Math.fround(random.choose([1, 1 / 7, 1 / 512])),
          blockRows: random.integer(1, rows),
        };
        const { losses, dS } = ofScores(scored);
        const want = twinOf(scored);
        const at = `rows ${rows}, V=${items}`;
        expectClose(`losses, ${at}`, ["r"], [...losses], want.losses, LOSS);
        expectNear(`dS, ${at}`, ["r", "v"], fromFlat(dS, rows, items), want.dS);
        for (const row of fromFlat(dS, rows, items)) {
          const sum = row.reduce((total, value) => total + value, 0);
          expect(Math.abs(sum), `Σ dS, ${at}`).toBeLessThan(1e-6 * scored.scale);
        }
      }
    }
  });
});

describe("extreme scores", () => {
  const of = (scores: number[], target: number): { loss: number; dS: number[] } => {
    const out = ofScores({ rows: 1, items: scores.length, scores, targets: [target], scale: 1 });
    return { loss: out.losses[0], dS: out.dS };
  };

  test("of ±80, ±1e4 and ±1e30 equal the twin, and none is NaN", () => {
    forSeeds(60, (random) => {
      const items = random.integer(1, 20);
      const bound = random.choose([80, 1e4, 1e30]);
      const level = random.choose([0, 80, -80, 1e4, -1e4]);
      const scored: Scored = {
        rows: 3,
        items,
        scores: floats(random, 3 * items, bound).map((value) => Math.fround(value + level)),
        targets: [0, random.integer(0, items - 1), items - 1],
        scale: 1,
      };
      const out = ofScores(scored);
      const want = twinOf(scored);
      // The relative scale of each row is its own: a loss of 1e4 must not hide one of 1.
      for (let r = 0; r < 3; r++) {
        expectClose("loss", [], out.losses[r], want.losses[r], LOSS);
        expectNear(`dS[r=${r}]`, ["v"], out.dS.slice(r * items, (r + 1) * items), want.dS[r]);
      }
    });
  });

  test("a certain target costs 0 and has no gradient; an impossible one costs the distance and has −1", () => {
    expect(of([1e4, 0, 0, 0, 0], 0)).toEqual({ loss: 0, dS: [0, 0, 0, 0, 0] });
    expect(of([0, 0, 0, 0, 1e4], 0)).toEqual({ loss: 1e4, dS: [-1, 0, 0, 0, 1] });
  });

  test("equal scores at any level cost log V", () => {
    for (const level of [0, 80, -80, 1e4, -1e4]) {
      for (const items of [1, 2, 3, 15]) {
        const { loss, dS } = of(new Array(items).fill(level), items - 1);
        expect(loss).toBeCloseTo(Math.log(items), 6);
        for (const value of dS.slice(0, -1)) expect(value).toBeCloseTo(1 / items, 6);
      }
    }
  });

  test("one item costs nothing", () => expect(of([-3], 0)).toEqual({ loss: 0, dS: [0] }));
});

test("a row has the same bits whatever rows stand around it, and however they are cut into blocks", () => {
  forSeeds(10, (random) => {
    const [rows, items, width] = [random.integer(2, 20), random.integer(1, 90), random.integer(1, 17)];
    const [y, table] = [floats(random, rows * width, 2), floats(random, items * width, 2)];
    const targets = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const common = { table, width, scale: 0.25 };
    const whole = crossEntropy({ ...common, y, targets });
    const cut = crossEntropy({ ...common, y, targets, blockRows: random.integer(1, rows) });
    for (const name of ["losses", "dY", "dTable"] as const) expect([...cut[name]], name).toEqual([...whole[name]]);
    const r = random.integer(0, rows - 1);
    const alone = crossEntropy({ ...common, y: y.slice(r * width, (r + 1) * width), targets: [targets[r]] });
    expect(alone.losses[0]).toBe(whole.losses[r]);
    expect([...alone.dY]).toEqual([...whole.dY.subarray(r * width, (r + 1) * width)]);
  });
});

test("dS equals differences of the losses", () => {
  forSeeds(6, (random) => {
    const [rows, items] = [random.integer(1, 3), random.integer(1, 9)];
    const scored: Scored = {
      rows,
      items,
      scores: floats(random, rows * items, 2),
      targets: Array.from({ length: rows }, () => random.integer(0, items - 1)),
      scale: 0.5,
    };
    const { dS } = ofScores(scored);
    const half = new Array<number>(rows).fill(0.5);
    expectDifferences("scores", () => weigh(ofScores(scored, true).losses, half), scored.scores, dS);
  });
});

test("dY and dE equal differences of the losses", () => {
  forSeeds(4, (random) => {
    const [rows, items, width] = [random.integer(1, 3), random.integer(2, 9), random.integer(1, 5)];
    const [y, table] = [floats(random, rows * width, 1), floats(random, items * width, 1)];
    const targets = Array.from({ length: rows }, () => random.integer(0, items - 1));
    const given = { y, table, targets, width, scale: 0.5 };
    const { dY, dTable } = crossEntropy(given);
    const half = new Array<number>(rows).fill(0.5);
    const loss = () => weigh(crossEntropy(given, true).losses, half);
    expectDifferences("y", loss, y, dY);
    expectDifferences("table", loss, table, dTable);
  });
});
