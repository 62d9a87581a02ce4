// The article's network: 1,000 sequences of 10 steps of 5 random features → LSTM(50, relu) → Dense(1, sigmoid), binary
// cross-entropy, Adam, batches of 32, 200 epochs, predictions printed.
//   node scripts/run.mjs examples/article/network.ts [epochs]
//
// What was mended. The article imports a layer that does not exist: it is left out. Its labels are 0–9 under a binary
// cross-entropy, which takes 0 and 1: here they are 0 or 1. What differs besides: this package projects the features to D = 5
// numbers before the LSTM, which changes nothing of what the network can express; and gradients longer than 5 are clipped, because
// ReLU lets the state of an LSTM grow without bound.
//
// Features and labels are random and independent: the loss falls below ln 2 = .693 only by learning the rows by heart.

import { trainSequences } from "../../src/api/sequences.ts";
import { Random } from "../shop/random.ts";

const ROWS = 1000;
const STEPS = 10;
const FEATURES = 5;
const SHOWN = 10;

const epochs = Number(process.argv[2] ?? 200);
const random = new Random(1);
const rows = Array.from({ length: ROWS }, () => ({
  features: Array.from({ length: STEPS }, () => Array.from({ length: FEATURES }, () => random.unit())),
  label: random.unit() < 0.5 ? 0 : 1,
}));

const model = await trainSequences(rows, {
  model: "lstm",
  activation: "relu",
  embedding: FEATURES,
  hidden: 50,
  dropout: 0,
  learningRate: 0.001,
  batch: 32,
  epochs,
  split: "none",
  onProgress({ epoch, closed, loss }) {
    if (closed && (epoch % 20 === 0 || epoch === 1 || epoch === epochs)) {
      console.log(`epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}`);
    }
  },
});

const predictions = model.predict(rows);
const right = rows.filter(({ label }, row) => predictions[row] > 0.5 === label > 0).length;
console.log("");
console.log(`${model.report!.parameters} parameters, ${right} of ${ROWS} training rows told right`);
console.log("");
console.log("row  label  prediction");
for (let row = 0; row < SHOWN; row++) {
  console.log(`${String(row).padEnd(4)} ${rows[row].label}      ${predictions[row].toFixed(4)}`);
}
