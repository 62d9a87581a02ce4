import type { Command } from "commander";
import { load } from "../api/model.ts";
import { wholeNumber } from "./options.ts";
import { formatTable, print, printableId, printJson } from "./output.ts";

interface Flags {
  item: string;
  k?: number;
  json?: boolean;
}

/** Adds `attune similar`. */
export function addSimilar(program: Command): void {
  program
    .command("similar")
    .description("list the items most like an item")
    .argument("<model>", "model file")
    .requiredOption("--item <id>", "item id")
    .option("-k <n>", "how many items (default: 10)", wholeNumber)
    .option("--json", "print one JSON object")
    .action(runSimilar);
}

async function runSimilar(path: string, { item, k, json }: Flags): Promise<void> {
  const items = (await load(path)).similar(item, { k });
  if (json) {
    printJson({ items });
    return;
  }
  const rows = items.map(({ id, score }, index) => [`${index + 1}. ${printableId(id)}`, score.toFixed(4)]);
  if (rows.length > 0) for (const line of formatTable(rows)) print(line);
}
