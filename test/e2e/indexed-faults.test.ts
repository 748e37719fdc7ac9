/** Faults befall Redis while writes change, unset and delete what is indexed: no user is without its entries, and none without its user. */
import { expect, test } from "vitest";
import { type FaultScenario, faultScenarios, testLoad } from "../support/fault-scenarios.ts";
import { inFull } from "../support/repeats.ts";

const bound = 180_000;
const seed = 1;
const { killedWaiting, stopped, emptied, restarted, resharded, takenOver, cut, sentinelKilled } = faultScenarios;

interface Case {
  readonly scenario: FaultScenario;
  readonly switching: boolean;
}

const everyday: readonly Case[] = [
  { scenario: takenOver, switching: false },
  { scenario: cut, switching: false },
  { scenario: killedWaiting, switching: true },
];
const further: readonly Case[] = [
  { scenario: emptied, switching: false },
  { scenario: restarted, switching: false },
  { scenario: sentinelKilled, switching: false },
  { scenario: stopped, switching: true },
  { scenario: resharded, switching: true },
];

test.each(inFull ? [...everyday, ...further] : everyday)(
  "with indexes (built and dropped: $switching), $scenario.name: users and entries agree",
  { timeout: bound },
  async ({ scenario: { run, keepsAll }, switching }) => {
    const report = await run(1, seed, { ...testLoad, indexed: true, switching });
    expect(report).toMatchObject({ outOfOrder: 0, misjudged: 0, unfound: 0 });
    expect(report.deleted).toBeGreaterThan(0);
    if (keepsAll) expect(report).toMatchObject({ lost: 0, brokenSeals: 0 });
  },
);
