import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.ts";
import { inFull } from "./test/support/repeats.ts";

/** Tests mostly wait for servers and stores, so more of them than cores may run; a full run has servers fail under load and deadlines to keep. */
const spare = inFull ? 0 : 4;

/** Node compiles modules once for all workers and runs. Test files get a new name in each run, so the folder starts anew when it is large. */
const compileCache = fileURLToPath(new URL("node_modules/.cache/vitest", import.meta.url));
const maxCompiledFiles = 10_000;
mkdirSync(compileCache, { recursive: true });
if (readdirSync(compileCache, { recursive: true }).length > maxCompiledFiles) rmSync(compileCache, { recursive: true });
process.env["NODE_COMPILE_CACHE"] ??= compileCache;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Files leave nothing behind, so they share processes and the modules that those have loaded.
    isolate: false,
    // Node loads the sources as it does for users. Vite's module runner makes each use of an import a function call.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    unstubEnvs: true,
    restoreMocks: true,
    maxWorkers: Math.max(2, availableParallelism() + spare),
    sequence: { sequencer: LongestFirst },
    setupFiles: ["./test/support/seed.ts", "./test/support/nothing-personal.ts"],
    reporters: ["default", "./test/support/summary-reporter.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
