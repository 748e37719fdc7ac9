import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.ts";
import { inFull } from "./test/support/repeats.ts";

/** Tests mostly wait for servers and stores, so more of them than cores may run; a full run has servers fail under load and deadlines to keep. */
const spare = inFull ? 0 : 2;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Files leave nothing behind, so they share processes and the modules that those have loaded.
    isolate: false,
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
