import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const FOLDER = new URL("../../src/data/", import.meta.url);

test("src/data runs anywhere: only src/data/read imports anything but its own project, and nothing outside imports it", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(8);
  for (const name of files) {
    const imports = [...readFileSync(new URL(name, FOLDER), "utf8").matchAll(/from "([^"]+)"/g)].map(
      ([, from]) => from,
    );
    expect([name, imports.filter((from) => !/^\.\.?\/[a-z-]+\.ts$/.test(from))]).toEqual([name, []]);
  }
});
