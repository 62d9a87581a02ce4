// A demo of attune on a log whose best possible score is known.
//
//   npm run demo          another shop: npm run demo -- 2
//
// It draws a log from an invented shop (shop.ts, generate.ts), trains attentive-gru on it, which shows best what attention does (the
// default, attune, is as good here, but can get by without: its weights stay near equal), and compares it with two baselines
// and with an oracle that knows how the log was made (oracle.ts). All answer the same questions: the last item of every visitor
// is held out for the table, and the one before chose the epoch and the settings below.

import { rankMetrics } from "../../src/evaluate/metrics.ts";
// In a project of your own: from "attune".
import { compare, train } from "../../src/index.ts";
import { drawVisits, rowsOf, type Visit } from "./generate.ts";
import { expectedMetrics, Oracle, rankItems } from "./oracle.ts";
import { progressLine } from "./progress.ts";
import { EVERYDAY, openShop } from "./shop.ts";
import { bar, beside, count, percent, table } from "./text.ts";

const K = 10;
const VISITORS = 3000;
const SETTINGS = { embedding: 32, hidden: 32, dropout: 0.1, learningRate: 0.005, batch: 64, patience: 3 };
/** Visitors whose attention is averaged. */
const ATTENTION_VISITORS = 500;
/** Length of the two histories that are shown: the first two of this length are taken, whatever comes of them. */
const SHOWN_ITEMS = 11;

const seed = Number(process.argv[2] ?? 1);
if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
  console.error(`seed: got "${process.argv[2]}", expected a whole number from 0 to 4294967295. Try: npm run demo -- 2`);
  process.exit(2);
}
const print = (...lines: string[]) => console.log(lines.join("\n"));

const shop = openShop(seed);
const visits = drawVisits(shop, { users: VISITORS, shortest: 8, longest: 36, seed });
const rows = [...rowsOf(shop, visits)];
printLog();

const progress = progressLine();
const model = await train(rows, {
  model: "attentive-gru",
  ...SETTINGS,
  seed,
  refit: false,
  onProgress: progress.show,
});
progress.clear();
const baselines = await compare(rows, { models: ["popular", "markov"] });
const oracle = new Oracle(shop);
const predictions = visits.map(({ items }) => oracle.predict(items.slice(0, -1)));
printTable();
printAttention();
for (const visit of visits.filter(({ items }) => items.length === SHOWN_ITEMS + 1).slice(0, 2)) printVisitor(visit);
model.dispose();
print(
  "With your own CSV:",
  "  npx attune train events.csv -o model.safetensors",
  "Which file will you touch next? In any git repository:",
  "  git -c core.quotePath=false log --reverse --no-merges --diff-filter=d --name-only --format='%x09%at%x09%aN %as' |",
  `    awk -F'\\t' -v OFS='\\t' '{ gsub(/"/, "") } /^\\t/ { time = $2; who = $3; next } NF { print who, $0, time }' |`,
  "    npx attune train - --format tsv --no-header --columns user=1,item=2,time=3 --set seen=include -o git.safetensors",
);

/** Prints what kind of log this is. */
function printLog(): void {
  const { names, followers, category } = shop;
  const second = followers[0][0].item;
  const chain = [0, second, followers[second][0].item].map((item) => names[item]).join(" → ");
  const everyday = visits.flatMap(({ items }) => items).filter((item) => category[item] === EVERYDAY).length;
  print(
    `A made-up shop: ${count(visits.length)} visitors, ${count(names.length)} items, ${count(rows.length)} events. ` +
      "What a visitor is after drifts,",
    `some items call for others (${chain}), and ${percent(everyday / rows.length)} are everyday items that tell nothing.`,
    "",
  );
}

/** Prints everybody's metrics on the held-out last items, and how far each is on the way from `popular` to the oracle. */
function printTable(): void {
  const rankings = predictions.map(rankItems);
  const ranks = rankings.map((ranking, index) => ranking.indexOf(visits[index].items.at(-1)!) + 1);
  const best = rankMetrics(ranks, [K], Math.log2);
  const measured = [
    ...baselines.map(({ model: name, test }) => ({ name, test })),
    { name: model.config.preset, test: model.report.test!.metrics },
    { name: "oracle", test: best },
  ];
  const worst = measured[0].test;
  const metrics = [`hr@${K}`, `ndcg@${K}`];
  const closed = (value: number, metric: string) => percent((value - worst[metric]) / (best[metric] - worst[metric]));
  const lines = measured.map(({ name, test }) => [
    name,
    ...metrics.map((metric) => test[metric].toFixed(3)),
    ...metrics.map((metric) => closed(test[metric], metric)),
  ]);
  const expected = rankings.map((ranking, index) => expectedMetrics(ranking, predictions[index], K));
  const mean = (metric: "hr" | "ndcg") => expected.reduce((sum, one) => sum + one[metric], 0) / expected.length;
  const hitRate = best[`hr@${K}`];
  const error = Math.sqrt((hitRate * (1 - hitRate)) / visits.length);
  const { epochs, bestEpoch, seconds, parameters } = model.report;
  print(
    `What comes next? Each visitor's last item, ranked among all ${count(model.itemCount)} items but those seen before:`,
    "",
    ...table([["", `HR@${K}`, `NDCG@${K}`, "gap closed: HR", "NDCG"], ...lines]).map((line) => `  ${line}`),
    "",
    `HR@${K}: how often it is among the ${K} listed. NDCG@${K}: the same, counting more the higher it stands.`,
    `${model.config.preset}: ${count(parameters)} parameters, best epoch ${bestEpoch} of ${epochs} (by validation), ` +
      `${seconds.toFixed(0)} s of training.`,
    "oracle: knows the rules of the shop, but of a visitor only the history: the best possible on average.",
    `By its own probabilities it expects ${mean("hr").toFixed(3)} and ${mean("ndcg").toFixed(3)}; ` +
      `chance moves HR by ± ${error.toFixed(3)}.`,
    "",
  );
}

/** Prints how much attention each kind of item gets, on average over many histories. */
function printAttention(): void {
  const kinds = ["items that call for another", "everyday", "others"];
  const sums = kinds.map(() => ({ weight: 0, items: 0 }));
  for (const visit of visits.slice(0, ATTENTION_VISITORS)) {
    const explanation = model.answer(historyOf(visit), { k: 1 }).explanation!;
    for (const [step, { weight }] of explanation.entries()) {
      const item = visit.items[step];
      const kind = shop.followers[item].length > 0 ? 0 : shop.category[item] === EVERYDAY ? 1 : 2;
      sums[kind].weight += weight * explanation.length;
      sums[kind].items++;
    }
  }
  const parts = sums.map(({ weight, items }, kind) => `${kinds[kind]} ${(weight / items).toFixed(2)}`);
  print(`Attention it learned to pay (1 = an equal share): ${parts.join(", ")}.`, "");
}

/** Prints a history with the attention on it, beside what the model recommends. */
function printVisitor(visit: Visit): void {
  const answer = model.answer(historyOf(visit), { k: K });
  const explanation = answer.explanation!;
  const strongest = Math.max(...explanation.map(({ weight }) => weight));
  const history = explanation.map(({ id, weight }, step) => {
    const kind = shop.categories[shop.category[visit.items[step]]] ?? "everyday";
    return `${id.padEnd(17)} ${kind.padEnd(9)} ${bar(weight / strongest, 12).padEnd(12)} ${percent(weight).padStart(4)}`;
  });
  const likely = rankItems(predictions[visits.indexOf(visit)])
    .slice(0, K)
    .map((item) => shop.names[item]);
  const next = shop.names[visit.items.at(-1)!];
  const recommended = answer.items.map(({ id }, place) => {
    const mark = likely.includes(id) ? "✓" : " ";
    return `${String(place + 1).padStart(2)} ${mark} ${id}${id === next ? "  ← came next" : ""}`;
  });
  if (!answer.items.some(({ id }) => id === next)) recommended.push(`     came next: ${next}`);
  print(
    ...beside(
      [`${`${visit.user} looked at`.padEnd(28)}attention`, ...history],
      ["recommended (✓ = in the oracle's ten, too)", ...recommended],
    ),
    "",
  );
}

/** Returns all items of a visit but the last, by name. */
function historyOf({ items }: Visit): string[] {
  return items.slice(0, -1).map((item) => shop.names[item]);
}
