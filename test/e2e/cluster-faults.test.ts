import { expect, test } from "vitest";
import { faultScenarios, testLoad } from "../support/fault-scenarios.ts";
import { repeats } from "../support/repeats.ts";

const bound = 60_000;
const seed = 1;
const { killedWaiting, killed, stopped, emptied, restarted, resharded, takenOver, cut, full } = faultScenarios;

test.each([
  [killedWaiting, repeats(3)],
  [stopped, 1],
  [restarted, 1],
  [resharded, 1],
  [takenOver, repeats(2)],
  [cut, 1],
  [full, 1],
])("$name: nothing acknowledged is lost or out of order", { timeout: bound }, async (scenario, times) => {
  const report = await scenario.run(times, seed, testLoad);
  expect(report).toMatchObject({ lost: 0, outOfOrder: 0, misjudged: 0 });
});

test(`${killed.name}: nothing is out of order`, { timeout: bound }, async () => {
  expect(await killed.run(1, seed, testLoad)).toMatchObject({ outOfOrder: 0, misjudged: 0 });
});

// Its replica takes over the emptiness: docs/durability.md says how to keep that from happening.
test(`${emptied.name}: its users are lost`, { timeout: bound }, async () => {
  const report = await emptied.run(1, seed, {});
  expect(report.lost).toBeGreaterThan(0);
});
