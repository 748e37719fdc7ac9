#!/usr/bin/env node
/**
 * Runs the sources where they are, in a clone; a package has them built, because Node runs no TypeScript in node_modules. It
 * has to be understood by every Node that may try, so as to say which one is needed.
 */
import { existsSync } from "node:fs";

const source = new URL("../src/main.ts", import.meta.url);
const isClone = existsSync(source);
/** Of the package, what serves and what opens a store need more than the client does. */
const needed = isClone || ["serve", "backup", "verify"].includes(process.argv[2]) ? "24.18.1" : "22.12.0";
const found = process.versions.node;

if (found.localeCompare(needed, "en", { numeric: true }) >= 0) {
  await import(isClone ? source : new URL("../dist/main.js", import.meta.url));
} else {
  const remedy = isClone ? "npx rollcall takes the one that npm ci installs" : "https://nodejs.org has it";
  console.error(`rollcall: Node ${needed} or later is needed, and this is ${found} (${process.execPath}): ${remedy}`);
  process.exitCode = 1;
}
