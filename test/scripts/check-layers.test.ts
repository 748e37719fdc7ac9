/** scripts/check-layers.ts, on folders in which imports break the rules. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const script = new URL("../../scripts/check-layers.ts", import.meta.url).pathname;

/** @param files the text of each, by its path */
function check(files?: Readonly<Record<string, string>>) {
  if (files === undefined) return run();
  const root = mkdtempSync(join(tmpdir(), "rollcall-layers-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return run(root);
}

function run(...args: readonly string[]) {
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  return { status, faults: stderr.trimEnd() };
}

test("src keeps to its layers", () => {
  expect(check()).toEqual({ status: 0, faults: "" });
});

test("an import downwards is allowed", () => {
  const files = {
    "cli/a.ts": 'import { b } from "../server/b.ts";\nimport "./c/d.ts";\n',
    "rpc/guard/a.ts": 'import {\n  type b,\n} from "../../users/struct/b.ts";\nimport { c } from "../c.ts";\n',
    "config/a.ts": 'import { limits } from "../users/limits.ts";\nimport { readFileSync } from "node:fs";\n',
  };
  expect(check(files)).toEqual({ status: 0, faults: "" });
});

test.each([
  ["rpc/a.ts", 'import { b } from "../transport/b.ts";', "rpc/a.ts imports transport/b.ts"],
  ["rpc/guard/a.ts", 'import type { b } from "../../server/b.ts";', "rpc/guard/a.ts imports server/b.ts"],
  ["store/redis/a.ts", 'import {\n  b,\n  c,\n} from "../../rpc/b.ts";', "store/redis/a.ts imports rpc/b.ts"],
  ["server/a.ts", 'const b = await import("../cli/b.ts");', "server/a.ts imports cli/b.ts"],
  ["config/a.ts", 'export { b } from "../users/errors.ts";', "config/a.ts imports users/errors.ts"],
  ["telemetry/a.ts", 'import "../users/limits.ts";', "telemetry/a.ts imports users/limits.ts"],
  ["client/a.ts", 'import { b } from "../users/registry.ts";', "client/a.ts imports users/registry.ts"],
  ["users/a.ts", 'import { Code } from "@connectrpc/connect";', "users/a.ts imports @connectrpc/connect"],
  ["users/struct/a.ts", 'import { Redis } from "ioredis";', "users/struct/a.ts imports ioredis"],
  ["users/a.ts", 'import { DatabaseSync } from "node:sqlite";', "users/a.ts imports node:sqlite"],
  ["new/a.ts", 'import { b } from "../users/b.ts";', "new/a.ts imports users/b.ts"],
])("%s: %s is refused", (path, text, fault) => {
  expect(check({ [path]: `${text}\n` })).toEqual({ status: 1, faults: `${fault}, which its layer may not` });
});

test("folders that import one another in a circle are refused, each circle once", () => {
  const { status, faults } = check({
    "store/a/one.ts": 'import { two } from "../b/two.ts";\n',
    "store/b/three.ts": 'import { four } from "../c/four.ts";\n',
    "store/c/four.ts": 'import { five } from "../a/five.ts";\n',
  });
  expect(faults).toBe(
    "folders in a circle: store/a → store/b → store/c → store/a: store/a/one.ts imports store/b/two.ts; " +
      "store/b/three.ts imports store/c/four.ts; store/c/four.ts imports store/a/five.ts",
  );
  expect(status).toBe(1);
});
