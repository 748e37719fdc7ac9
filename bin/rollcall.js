#!/usr/bin/env node
/** Runs the sources where they are, in a clone; a package has them built, because Node runs no TypeScript in node_modules. */
import { existsSync } from "node:fs";

const source = new URL("../src/main.ts", import.meta.url);
await import(existsSync(source) ? source : new URL("../dist/main.js", import.meta.url));
