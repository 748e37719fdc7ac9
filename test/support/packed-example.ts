/** clients/typescript on the package that `npm pack` makes, as its users have it. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemTrust } from "./system-trust.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");
const example = join("clients", "typescript");
/** What a clone may have there that was not committed. */
const made = new Set(["node_modules", "dist"].map((name) => join(root, example, name)));
const timeoutMs = 5 * 60_000;

/**
 * Packs the package into the folder, copies the example beside it as in a clone, installs what it needs and builds it.
 *
 * @returns where the example is
 */
export async function buildPackedExample(folder: string): Promise<string> {
  const project = join(folder, example);
  rmSync(project, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  cpSync(join(root, example), project, { recursive: true, filter: (path) => !made.has(path) });
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: root, timeout: timeoutMs });
  const quickly = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  const env = { ...process.env, ...systemTrust };
  await run("npm", ["install", ...quickly], { cwd: project, timeout: timeoutMs, env });
  await run("npm", ["run", "--silent", "build"], { cwd: project, timeout: timeoutMs });
  return project;
}
