import type { Command } from "commander";
import { load } from "../api/model.ts";
import { formatCount } from "../data/words.ts";
import { UsageError } from "../errors.ts";
import type { Answer } from "../rank/recommender.ts";
import { type ListFlags, readLists } from "./lists.ts";
import { wholeNumber } from "./options.ts";
import { bar, formatTable, log, print, printableId, printJson } from "./output.ts";

const BAR_WIDTH = 40;
/** Unknown ids that are named; --json has all. */
const MOST_UNKNOWN = 20;

const badHistory = (why: string) =>
  new UsageError(
    "HISTORY_INVALID",
    `--history: ${why}, expected ids separated by commas, or a JSON array of strings for ids with commas in them.`,
  );

const nothingAsked = () =>
  new UsageError("HISTORY_MISSING", "recommend: got neither --history nor --user, expected one. Say whom it is for.");

interface Flags extends ListFlags {
  history?: string;
  user?: string;
  k?: number;
  explain?: boolean;
  includeSeen?: boolean;
  json?: boolean;
}

/** Adds `attune recommend`. */
export function addRecommend(program: Command): void {
  program
    .command("recommend")
    .description("list what should come next after a history")
    .argument("<model>", "model file")
    .option("--history <ids>", "item ids, oldest first: a,b,c or a JSON array")
    .option("--user <id>", "whose history it is, for a model with interest=user")
    .option("-k <n>", "how many items (default: 10)", wholeNumber)
    .option("--explain", "show the attention on each item of the history")
    .option("--include-seen", "list items of the history too")
    .option("--allow <file>", "list only these items: a line an id, or a JSON array")
    .option("--deny <file>", "list none of these items")
    .option("--candidates <file>", "rank exactly these items, seen or not (but none that rivals=others leaves out)")
    .option("--json", "print one JSON object")
    .action(runRecommend);
}

async function runRecommend(path: string, flags: Flags): Promise<void> {
  if (flags.history === undefined && flags.user === undefined) throw nothingAsked();
  const history = parseHistory(flags.history ?? "");
  const model = await load(path);
  const lists = await readLists(flags);
  const { k, includeSeen, user } = flags;
  const answer = model.answer(history, { k, includeSeen, user, ...lists });
  if (answer.unknown.length > 0) log(`unknown items, skipped: ${formatUnknown(answer.unknown)}`);
  warn(answer, flags);
  const hasSeen = !answer.popular && answer.items.some(({ id }) => history.includes(id));
  if (hasSeen && model.config.rivals === "unseen") {
    log(
      "warning: this model never compared seen items (rivals=unseen), so their scores mean little; train it with --set seen=include",
    );
  }
  if (flags.explain && !answer.explanation && !answer.popular) {
    log(`${model.config.preset} has no attention to explain with; train attune, attentive-gru or attentive-lstm`);
  }
  if (flags.json) {
    const { items, unknown } = answer;
    printJson({ items, explanation: flags.explain ? answer.explanation : null, unknown });
    return;
  }
  printAnswer(answer, flags.explain ?? false);
}

/** Says what the answer had to do without. */
function warn({ popular, userKnown }: Answer, { history, user = "" }: Flags): void {
  if (userKnown === false) {
    const instead = popular ? "" : ", so the mean of the history is the interest";
    log(`warning: the model does not know the user "${printableId(user)}"${instead}`);
  }
  if (!popular) return;
  // An interest directs attention; what the recurrence runs on are items, and a model keeps nobody's.
  if (history === undefined) {
    log("warning: a model stores no histories, so these are the most popular items; --history gives the user's own");
  } else log("warning: nothing in this history is known, so these are the most popular items");
}

function printAnswer({ items, explanation }: Answer, explain: boolean): void {
  const rows = items.map(({ id, score }, index) => [`${index + 1}. ${printableId(id)}`, score.toFixed(4)]);
  if (rows.length > 0) for (const line of formatTable(rows)) print(line);
  if (!explain || !explanation) return;
  print("");
  print("attention on the history, oldest first:");
  const most = Math.max(...explanation.map(({ weight }) => weight));
  const bars = explanation.map(({ id, weight }) => [
    printableId(id),
    `${(100 * weight).toFixed(1)} %`,
    bar(weight / most, BAR_WIDTH).padEnd(BAR_WIDTH),
  ]);
  for (const line of formatTable(bars)) print(line);
}

/** Names ids in quotes: it shows which is empty, and which begins with a space. */
function formatUnknown(ids: readonly string[]): string {
  const named = ids.slice(0, MOST_UNKNOWN).map((id) => `"${printableId(id)}"`);
  const more = ids.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${formatCount(more)} more` : ""}`;
}

/** Reads `a,b,c`, or a JSON array when it begins like one. */
function parseHistory(text: string): string[] {
  if (!text.trimStart().startsWith("[")) return text === "" ? [] : text.split(",");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badHistory(`not JSON (${(error as Error).message})`);
  }
  if (!Array.isArray(value) || value.some((id) => typeof id !== "string"))
    throw badHistory("a JSON value of another kind");
  return value;
}
