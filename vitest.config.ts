import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import LongestFirst from "./test/support/longest-first.ts";

/** Tests of single parts that leave nothing behind: these files share processes, which saves a start for each. */
const parts = ["test/{config,credentials,rpc,telemetry,users}/**/*.test.ts", "test/store/{fifo,lane,lanes}.test.ts"];

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "parts", include: parts, isolate: false } },
      { extends: true, test: { name: "system", include: ["test/**/*.test.ts"], exclude: parts } },
    ],
    pool: "forks",
    // Tests wait for servers and stores much of the time: as many files at once as there are cores, and two on one.
    maxWorkers: Math.max(2, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    setupFiles: ["./test/support/seed.ts", "./test/support/nothing-personal.ts"],
    reporters: ["default", "./test/support/summary-reporter.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
