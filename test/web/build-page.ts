import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../clients/run-command.ts";
import { systemTrust } from "../support/system-trust.ts";

const root = join(import.meta.dirname, "..", "..");
const source = join(root, "clients", "web");
/** Where it is built; what it needs of others stays there for the next time. */
const folder = join(root, ".tools", "web");
const timeoutMs = 3 * 60_000;

/** What is not the page's own, but may have been made beside it. */
const made = new Set(["node_modules", "dist"].map((name) => join(source, name)));

/**
 * Builds the page with the package as it is now, as the page's README says.
 *
 * @returns the folder with the static files
 */
export async function buildPage(): Promise<string> {
  const npm = (args: readonly string[], at: string) =>
    runCommand({ program: "npm", args: ["--loglevel=error", ...args] }, { folder: at, timeoutMs, env: systemTrust });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (name !== "node_modules") rmSync(join(folder, name), { recursive: true });
  }
  // npm would take the package for the one that it is to install, by its version.
  rmSync(join(folder, "node_modules", "rollcall"), { recursive: true, force: true });
  cpSync(source, folder, { recursive: true, filter: (path) => !made.has(path) && !path.endsWith(".tgz") });
  await npm(["pack", "--pack-destination", folder], root);
  await npm(["install", "--prefer-offline", "--ignore-scripts"], folder);
  await npm(["run", "build"], folder);
  return join(folder, "dist");
}
