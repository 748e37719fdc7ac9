/** Faults befall a cluster while servers of both versions write to it, and while a feature is switched on and off. */
import { expect, test } from "vitest";
import { faultScenarios, testLoad } from "../support/fault-scenarios.ts";

const bound = 60_000;
const seed = 1;
const { resharded, takenOver } = faultScenarios;
const nothingLost = { lost: 0, outOfOrder: 0, misjudged: 0 };

test.each([
  { scenario: resharded, switching: false },
  { scenario: takenOver, switching: true },
])(
  "beside the version before, $scenario.name (switching: $switching): nothing is lost or out of order",
  { timeout: bound },
  async ({ scenario, switching }) => {
    const report = await scenario.run(1, seed, { ...testLoad, besideOld: true, switching });
    expect(report).toMatchObject(nothingLost);
  },
);

test(`${resharded.name}, while the configuration changes: no call fails, and no seal breaks`, {
  timeout: bound,
}, async () => {
  const report = await resharded.run(1, seed, { ...testLoad, switching: true });
  expect(report).toMatchObject({ ...nothingLost, refused: 0, resumed: 0, brokenSeals: 0 });
});
