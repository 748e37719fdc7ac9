import { pino } from "pino";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { expectIndexes } from "../../src/server/expected-indexes.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { firstConfiguration, type Present, withIndexes } from "../../src/store/configuration.ts";
import { parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import type { StoreConfiguration } from "../../src/users/store-configuration.ts";

const expected = parseIndexedProperties("email:fold,phone");
const made = (by: string) => firstConfiguration(by);
const indexed = (list: string) => withIndexes(made("0.2.0").configuration, parseIndexedProperties(list));

let stored: Present | undefined;
/** What is done right before the store is changed, by somebody else. */
let before: () => void;
let opened: number;
let lines: Record<string, unknown>[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  [stored, before, opened, lines] = [undefined, () => {}, 0, []];
});

const administration: StoreAdministration = {
  async read() {
    if (stored === undefined) throw new Error("the store is away");
    return { current: stored, madeBy: stored.configuration.madeBy, deviations: [] };
  },
  async change(from, to) {
    before();
    if (from.stamp !== stored?.stamp) return false;
    stored = to;
    return true;
  },
  progress: () => Promise.reject(new Error("not asked for")),
  requireWritable: async () => {},
  close() {},
};

async function start(configuration: () => StoreConfiguration | undefined = () => stored?.configuration) {
  const logger = pino({ level: "info", base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const administer = async () => {
    opened++;
    return administration;
  };
  const stop = await expectIndexes({ store: { configuration }, expected, administer, logger });
  onTestFinished(stop);
}

const namesOf = (configuration: StoreConfiguration | undefined) =>
  configuration?.indexes.map(({ property, state }) => `${property} ${state}`);

describe("a store that has never had an index", () => {
  test("gets those that are named at once, and is left alone after that", async () => {
    stored = made("0.2.0");
    await start();
    expect(namesOf(stored.configuration)).toEqual(["email building", "phone building"]);
    expect(lines).toEqual([expect.objectContaining({ indexes: "email:fold,phone", msg: "the store gets indexes" })]);
    const { stamp } = stored;
    await vi.advanceTimersByTimeAsync(5_000);
    expect([stored.stamp, opened, lines.length]).toEqual([stamp, 1, 1]);
  });

  test("gets them as soon as its configuration is known", async () => {
    await start();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(opened).toBe(0);
    stored = made("0.2.0");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(namesOf(stored.configuration)).toEqual(["email building", "phone building"]);
  });

  test("gets them from one of two servers", async () => {
    stored = made("0.2.0");
    const others = indexed("plan");
    before = () => {
      stored = others;
    };
    await start();
    expect(stored).toBe(others);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(stored).toBe(others);
    expect(lines).toEqual([expect.objectContaining({ missing: "email:fold,phone", unexpected: "plan" })]);
  });

  test("keeps those that another server has set, where this one does not know yet", async () => {
    const others = indexed("plan");
    stored = others;
    let known = made("0.2.0");
    await start(() => known.configuration);
    expect([stored, opened]).toEqual([others, 1]);
    known = others;
    await vi.advanceTimersByTimeAsync(2_000);
    expect([stored, opened]).toEqual([others, 1]);
    expect(lines).toEqual([expect.objectContaining({ missing: "email:fold,phone", unexpected: "plan" })]);
  });

  test("gets them later if it cannot be changed, and each reason is logged once", async () => {
    stored = made("0.2.0");
    let failures = 3;
    before = () => {
      if (failures-- > 0) throw new Error("it has no memory left");
    };
    await start();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(namesOf(stored.configuration)).toEqual(["email building", "phone building"]);
    expect(lines).toMatchObject([{ level: 50, reason: "it has no memory left" }, { msg: "the store gets indexes" }]);
  });

  test("gets none while older servers may use it, and the first look refuses it", async () => {
    stored = made("0.1");
    const { stamp } = stored;
    await expect(start()).rejects.toThrow("rollcall indexes set email:fold,phone --all-servers-are 0.2");
    expect([stored.stamp, opened]).toEqual([stamp, 0]);
  });

  test("gets none if it turns out later that older servers may use it", async () => {
    await start();
    stored = made("0.1");
    const { stamp } = stored;
    await vi.advanceTimersByTimeAsync(5_000);
    expect([stored.stamp, opened]).toEqual([stamp, 0]);
    expect(lines).toEqual([expect.objectContaining({ level: 50, failure: "OlderServersError" })]);
  });
});

test("another store is only compared, and each difference is logged once", async () => {
  stored = indexed("phone,email");
  await start();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(lines).toEqual([expect.objectContaining({ level: 40, missing: "email:fold", unexpected: "email" })]);
  stored = indexed("phone");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(lines.slice(1)).toEqual([expect.objectContaining({ level: 40, missing: "email:fold", unexpected: "" })]);
  // In any order.
  stored = indexed("phone,email:fold");
  await vi.advanceTimersByTimeAsync(3_000);
  expect(lines.slice(2)).toEqual([expect.objectContaining({ msg: "the store has the indexes that --indexes names" })]);
  expect(opened).toBe(0);
});

test("a store that this version cannot follow is not compared", async () => {
  await start(() => {
    throw new Error("the store has features that this version of Rollcall does not know");
  });
  expect(lines).toEqual([]);
});
