// Reads vitest's JSON report and judges the run: every test must have run and passed. Closes with one plain line.
//   node scripts/judge-tests.mjs build/test-results.json

import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const files = report.testResults;
const tests = files.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
const passed = tests.filter((test) => test.status === "passed");
const failed = tests.filter((test) => test.status === "failed");
const others = tests.filter((test) => test.status !== "passed" && test.status !== "failed");
const brokenFiles = files.filter(
  (file) => file.status !== "passed" && file.assertionResults.every((t) => t.status === "passed"),
);
for (const test of [...failed, ...others]) console.log(`${test.status}: ${test.file}: ${test.fullName}`);
for (const file of brokenFiles) console.log(`file did not run: ${file.name}: ${file.message}`);
console.log(`${passed.length} passed, ${failed.length + brokenFiles.length} failed, ${others.length} skipped`);
if (passed.length === 0 || failed.length + others.length + brokenFiles.length > 0) process.exit(1);
