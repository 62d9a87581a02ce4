import { expect, test } from "vitest";
import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { findPreset } from "../../src/model/presets/index.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";

const ITEMS = 23;
const HISTORIES = [[3], [1, 2, 22, 0], [5, 5, 5], Array.from({ length: 9 }, (_, t) => (t * 7) % ITEMS)].map((items) =>
  Int32Array.from(items),
);

const CASES: [string, object, boolean][] = [
  ["gru4rec", {}, true],
  ["lstm", {}, true],
  ["attentive-gru", {}, true],
  ["attentive-lstm", { normalize: "sequence", hidden: 6 }, true],
  ["attune", { norm: "post", residual: "add", inputNorm: "none", feedForward: 2, layers: 2 }, true],
  ["attune", { norm: "pre", inputNorm: "none" }, false],
  ["gru4rec", { inputNorm: "layer" }, false],
  ["gru4rec", { embeddingScale: "width" }, false],
  ["gru4rec", { positions: "learned" }, false],
  ["sasrec", {}, false],
];

test.each(CASES)(
  "%s %j encodes with the same bits once its first product is looked up, and after its weights changed",
  async (preset, settings, looksUp) => {
    const engine = await createTrainingEngine();
    const config = resolveConfig(
      { ...findPreset(preset).settings, embedding: 8, hidden: 8, window: 4 },
      { preset, ...settings },
    );
    const network = new Network(engine, config, ITEMS, false);
    network.initialize(engine);
    const encode = () => {
      network.releaseStep();
      const { y } = network.encode(HISTORIES);
      return [...engine.memory.f32(y, HISTORIES.length * network.outputWidth)];
    };
    let lookUps = 0;
    const call = engine.each;
    engine.each = (kernel, axis, grain, ...rest) => {
      const [, , , , , inputRows] = rest as readonly number[];
      if ((kernel === "gruForwardF32" || kernel === "lstmForwardF32") && inputRows !== 0) lookUps++;
      call(kernel, axis, grain, ...rest);
    };
    for (let round = 0; round < 2; round++) {
      const { value, size } = network.parameters.get("embedding.weight");
      const table = engine.memory.f32(value, size);
      table.forEach((number, i) => {
        table[i] = number * 2 + round;
      });
      network.prepare();
      lookUps = 0;
      const plain = encode();
      network.releaseStep();
      network.expectSteps(ITEMS - 1);
      expect(encode()).toEqual(plain);
      expect(lookUps, "lookups before they pay").toBe(0);
      network.releaseStep();
      network.expectSteps(1);
      expect(encode()).toEqual(plain);
      expect(lookUps > 0, "looks products up").toBe(looksUp);
    }
  },
);

test("a model that trains looks nothing up", async () => {
  const engine = await createTrainingEngine();
  const network = new Network(engine, resolveConfig({}, { preset: "gru4rec" }), ITEMS, true);
  network.initialize(engine);
  network.releaseStep();
  const mark = engine.memory.mark();
  network.expectSteps(1000);
  expect(engine.memory.mark()).toBe(mark);
});
