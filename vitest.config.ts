import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.ts";
import { inFull } from "./test/support/repeats.ts";

/** Tests wait for servers and stores much of the time, but in full, where servers fail under load, they have deadlines to keep. */
const spare = inFull ? 0 : 1;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Files leave nothing behind, and share processes: that saves a start, and loading all the modules, for each.
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
