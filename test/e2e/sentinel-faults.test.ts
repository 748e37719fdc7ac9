import { expect, test } from "vitest";
import { faultScenarios, testLoad } from "../support/fault-scenarios.ts";

const seed = 1;
const { sentinelKilled, sentinelTakenOver } = faultScenarios;

test.each([
  [sentinelKilled, 1],
  [sentinelTakenOver, 1],
])("$name: nothing acknowledged is lost or out of order", { timeout: 60_000 }, async (scenario, times) => {
  const report = await scenario.run(times, seed, testLoad);
  expect(report).toMatchObject({ lost: 0, outOfOrder: 0, misjudged: 0 });
});
