#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

// What has been compiled once is loaded the next time, from where only the package's owner writes: a third less to start.
enableCompileCache(fileURLToPath(new URL("../node_modules/.cache/rollcall", import.meta.url)));
const { run } = await import("./cli/run.ts");
await run();
