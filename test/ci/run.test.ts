/** .ci/run, with programs that only say what they are asked for in place of those that it runs. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const script = new URL("../../.ci/run", import.meta.url).pathname;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "rollcall-ci-"));
  for (const folder of [".ci", "scripts", "bin"]) mkdirSync(join(directory, folder));
  cpSync(script, join(directory, ".ci", "run"));
  const program = (path: string, lines: string) =>
    writeFileSync(join(directory, path), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  // What is to fail is in a variable; of npm, `npm test` ends as the tests do.
  const fails = `case "$0 $*" in *"\${FAILS:-nothing}"*) exit 3;; esac`;
  program("bin/npm", `[ "$*" = test ] && echo "5 passed, \${FAILED:-0} failed" && exit "\${FAILED:-0}"\n${fails}`);
  program("bin/git", fails);
  program("bin/node", fails);
  program("scripts/ensure-languages.sh", fails);
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(variables: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, PATH: `${join(directory, "bin")}:${process.env["PATH"]}`, ...variables };
  return spawnSync(join(directory, ".ci", "run"), { env, encoding: "utf8" });
}

test("says how long each part took, at its end and in a table, and ends with the summary of the tests", () => {
  const { status, stdout } = run();
  const parts = Array.from(stdout.matchAll(/^== (.+) ==$/gm), ([, part]) => part).slice(0, -1);
  expect(parts[0]).toBe("install");
  expect(parts.at(-1)).toBe("tests");
  for (const part of parts) expect(stdout).toMatch(new RegExp(`^-- ${part}: \\d+ s$`, "m"));
  const [, table = ""] = stdout.split("== times ==\n");
  const lines = table.trimEnd().split("\n");
  expect(lines.map((line) => line.replace(/^ *\d+ s {2}/, ""))).toEqual([...parts, "", "5 passed, 0 failed"]);
  expect(status).toBe(0);
});

test("fails where a test fails, and ends with the summary all the same", () => {
  const { status, stdout } = run({ FAILED: "2" });
  expect(stdout).toMatch(/\n5 passed, 2 failed\n$/);
  expect(status).toBe(2);
});

test.each([
  "npm ci",
  "npm run check",
  "git diff",
  "node scripts/check-breaking.ts",
  "ensure-languages.sh",
  "test:clients",
  "test:hostile",
])("ends where %s fails", (command) => {
  const { status, stdout } = run({ FAILS: command });
  expect(status).toBe(3);
  expect(stdout).not.toContain("passed");
});
