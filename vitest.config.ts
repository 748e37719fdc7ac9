import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Tests wait for servers and stores much of the time: as many files at once as there are cores, and two on one.
    maxWorkers: Math.max(2, availableParallelism()),
    setupFiles: ["./test/support/seed.ts", "./test/support/nothing-personal.ts"],
    reporters: ["default", "./test/support/summary-reporter.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
