import { expect, test } from "vitest";
import { scanNotice } from "../../src/cli/search/scan-notice.ts";

test.each([
  [{ all: 1_000_000, lookedAt: 10_000, ms: 40 }, "reading all 1000000 users, which may take 4 s"],
  [{ all: 100_000, lookedAt: 5_000, ms: 50 }, "reading all 100000 users, which may take 1 s"],
  // Less than half a second is left.
  [{ all: 20_000, lookedAt: 10_000, ms: 40 }, "reading all 20000 users"],
  [{ all: 5, lookedAt: 5, ms: 5_000 }, "reading all 5 users"],
  // Some came in between.
  [{ all: 5, lookedAt: 7, ms: 5_000 }, "reading all 5 users"],
  [{ all: 0, lookedAt: 0, ms: 5 }, "reading all 0 users"],
])("%j: %s", (scan, expected) => {
  expect(scanNotice(scan)).toBe(expected);
});
