// The article's worked example of attention: a history of five items, the user's interest, inner products, a softmax, and the
// weighted items that go into an LSTM.
//   node scripts/run.mjs examples/article/attention.ts
//
// Two things had to be mended. The article takes the inner product of a number (an item's value) and a vector of three (the
// interest), which is undefined: here an item of value v is the vector v·d, with d = (1, 1, 1)/√3, so that <v·d, u> = v·<d, u> is
// the number that was meant. And the five weights it goes on to use sum to 1.64, which no softmax gives: these sum to 1.
// The values below are this example's own, of the same kind: five numbers and a vector of three.

import { resolveConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { createTrainingEngine } from "../../src/wasm/node.ts";

const VALUES = [0.1, 0.4, 0.2, 0.8, 0.5];
const INTEREST = [0.6, 0.3, 0.9];
const DIRECTION = INTEREST.map(() => 1 / Math.sqrt(INTEREST.length));

// 1. By hand: x_i = v_i·d, z_i = <x_i, u>, w = softmax(z).
const items = VALUES.map((value) => DIRECTION.map((d) => value * d));
const scores = items.map((x) => x.reduce((sum, value, d) => sum + value * INTEREST[d], 0));
const exponentials = scores.map((z) => Math.exp(z));
const total = exponentials.reduce((sum, e) => sum + e, 0);
const weights = exponentials.map((e) => e / total);

// 2. The same by the package: one LSTM behind dot-product attention over the whole history, with our numbers as its weights.
const engine = await createTrainingEngine();
const config = resolveConfig({
  embedding: 3,
  hidden: 3,
  cell: "lstm",
  interest: "learned",
  score: "dot",
  normalize: "sequence",
  scale: "none",
});
const network = new Network(engine, config, VALUES.length, true);
network.initialize(engine);
const write = (name: string, numbers: readonly number[]) => {
  const { value, size } = network.parameters.get(name);
  engine.memory.f32(value, size).set(numbers);
};
write("embedding.weight", items.flat());
write("attention.interest", INTEREST);
network.prepare();
const encoded = network.encode([[0, 1, 2, 3, 4]]);
const [byPackage] = encoded.weights;
const output = engine.memory.f32(encoded.y, config.hidden);

// 3. What goes into the LSTM, step by step.
const fixed = (numbers: Iterable<number>, digits = 4) => Array.from(numbers, (x) => x.toFixed(digits)).join(" ");
console.log(`interest u = (${fixed(INTEREST, 1)}), an item of value v is v·(${fixed(DIRECTION)})`);
console.log("");
console.log("item  value  score <x,u>  exp     weight  by the package  weighted vector x·w");
for (const [i, value] of VALUES.entries()) {
  const input = items[i].map((x) => x * weights[i]);
  console.log(
    `${i + 1}     ${value.toFixed(1)}    ${scores[i].toFixed(4)}       ${exponentials[i].toFixed(4)}  ${weights[i].toFixed(4)}  ` +
      `${byPackage[i].toFixed(4)}          (${fixed(input)})`,
  );
}
console.log("");
console.log(`the weights sum to ${weights.reduce((sum, weight) => sum + weight, 0).toFixed(4)}`);
console.log(`the LSTM's output after the fifth item: (${fixed(output)})`);
const largest = Math.max(...weights.map((weight, i) => Math.abs(weight - byPackage[i])));
if (!(largest < 1e-6)) throw new Error(`weights by hand and by the package differ by ${largest}`);
