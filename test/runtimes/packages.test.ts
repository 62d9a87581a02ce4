// The runtimes' packages stay in this folder: in the root, one called node would stand before the real one in every npm script.

import { expect, test } from "vitest";
import rootLock from "../../package-lock.json" with { type: "json" };
import manifest from "./package.json" with { type: "json" };
import lock from "./package-lock.json" with { type: "json" };

/** What the tests use of an entry of a lock file. */
interface Locked {
  version?: string;
  bin?: Record<string, string>;
  hasInstallScript?: boolean;
  resolved?: string;
}

const entries = ({ packages }: { packages: object }) => Object.entries(packages as Record<string, Locked>);

test("no package of the root has a command called node", () => {
  for (const [path, { bin = {} }] of entries(rootLock)) expect(Object.keys(bin), path).not.toContain("node");
});

test("versions are exact, those of the lock file, and of Node 26", () => {
  for (const [name, version] of Object.entries(manifest.optionalDependencies)) {
    expect(version, name).toMatch(/^26\.\d+\.\d+$/);
    expect(entries(lock).find(([path]) => path === `node_modules/${name}`)?.[1].version, name).toBe(version);
  }
});

test("lock files name no registry", () => {
  for (const [path, { resolved }] of [...entries(rootLock), ...entries(lock)]) expect(resolved, path).toBeUndefined();
});

test("nothing needs a script of its own to be installed", () => {
  for (const [path, { hasInstallScript }] of entries(lock)) expect(hasInstallScript, path).toBeUndefined();
});
