import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { type GoldenFiles, loadGolden } from "../golden/load.ts";

const folder = new URL("../golden/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json")) as (keyof GoldenFiles)[];

test("every fixture names a snippet beside it, which names the fixture", () => {
  expect(names.length).toBe(18);
  for (const name of names) {
    const { snippet, cases } = loadGolden(name);
    const path = new URL(snippet, folder);
    expect(existsSync(path), `${name} names ${snippet}`).toBe(true);
    expect(readFileSync(path, "utf8"), `${snippet} describes ${name}`).toContain(name);
    expect(cases.length, name).toBeGreaterThan(0);
  }
});

test("all fixtures together stay under 1 MB", () => {
  const sizes = names.map((name) => statSync(new URL(name, folder)).size);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_000_000);
});

test("what goes in is a multiple of 1/128, so that f32 kernels and f64 twins start from the same numbers", () => {
  const leaves = (value: unknown): number[] =>
    typeof value === "number" ? [value] : Object.values(value as object).flatMap(leaves);
  const offGrid: string[] = [];
  let checked = 0;
  const check = (place: string, value: unknown): void => {
    for (const number of leaves(value)) {
      checked++;
      if (!Number.isInteger(number * 128)) offGrid.push(`${place}: ${number}`);
    }
  };
  for (const { parameters, x, weights, dH, runs } of [
    ...loadGolden("gru.json").cases,
    ...loadGolden("lstm.json").cases,
  ]) {
    check("recurrent", { parameters, x, weights, dH });
    for (const run of runs) check("recurrent run", run.h0);
  }
  for (const { c0, dCLast } of loadGolden("lstm.json").cases.flatMap(({ runs }) => runs)) check("lstm", { c0, dCLast });
  for (const { learned, sequences } of loadGolden("attention.json").cases) {
    check("attention", [learned, ...sequences.map(({ x, dWeights }) => ({ x, dWeights }))]);
  }
  for (const { h, e } of loadGolden("cross_entropy.json").cases) check("cross-entropy", { h, e });
  for (const { x, gamma, beta, dY } of loadGolden("norm.json").cases) check("norm", { x, gamma, beta, dY });
  for (const { initial, steps } of loadGolden("adam.json").cases) {
    check("adam", [initial, steps.map(({ gradients }) => gradients)]);
  }
  for (const { parameters, x, weights, dH, runs } of [
    ...loadGolden("gru_activation.json").cases,
    ...loadGolden("lstm_activation.json").cases,
  ]) {
    check("activation", { parameters, x, weights, dH, h0: runs.map(({ h0 }) => h0) });
  }
  for (const { c0, dCLast } of loadGolden("lstm_activation.json").cases[0].runs) check("lstm", { c0, dCLast });
  for (const { sigma, parameters, learned, x, dWeights } of loadGolden("attention_scores.json").cases) {
    check("attention scores", [sigma ?? 1, parameters, learned, x, dWeights]);
  }
  for (const { parameters, learned, scores, x, dH } of loadGolden("attentive_cells.json").cases) {
    check("attentive cells", [parameters, learned, scores, x, dH]);
  }
  for (const { parameters, x, dY } of [
    ...loadGolden("self_attention.json").cases,
    ...loadGolden("feed_forward.json").cases,
  ]) {
    check("self-attention and feed-forward", [parameters, x, dY]);
  }
  for (const { parameters, x, weights, dY } of loadGolden("blocks.json").cases) {
    check("blocks", [parameters, x, weights ?? [], dY]);
  }
  for (const { rows } of loadGolden("activation.json").cases) {
    check(
      "activation",
      rows.map(([x]) => x),
    );
  }
  for (const { name, initial } of [...loadGolden("training.json").cases, ...loadGolden("training-blocks.json").cases]) {
    check(name, initial);
  }
  expect(offGrid).toEqual([]);
  expect(checked).toBeGreaterThan(10_000);
});
