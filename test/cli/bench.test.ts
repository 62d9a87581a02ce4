import { expect, test } from "vitest";
import { attune } from "./command.ts";

test("bench measures a suite, prints one JSON object, and says of what machine", async () => {
  const { code, stdout } = await attune(["bench", "--suites", "rank", "--threads", "1", "--json"]);
  expect(code).toBe(0);
  const { machine, full, suites } = JSON.parse(stdout);
  expect(machine).toMatchObject({ runtime: `Node ${process.version}`, cores: expect.any(Number) });
  expect(full).toBe(false);
  expect(suites.map(({ name }: { name: string }) => name)).toEqual(["rank"]);
  const [{ threads, peak, figures }] = suites[0].runs;
  expect(threads).toBe(1);
  expect(peak.median).toBeGreaterThan(0);
  for (const { speed, ms } of figures) {
    expect(speed.least).toBeGreaterThan(0);
    expect(ms.least).toBeLessThanOrEqual(ms.median);
    expect(ms.median).toBeLessThanOrEqual(ms.most);
  }
});

test.each([
  [["--suites", "kernels"], /--suites: got "kernels", did you mean "kernel"/],
  [["--threads", "0"], /threads: got 0, expected a whole number from 1 to 32/],
  [["--ful"], /unknown option '--ful'/],
])("bench %j is wrong usage", async (flags, message) => {
  const { code, stdout, stderr } = await attune(["bench", ...flags]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
});
