/** Indexes of stores in which something has damaged the records of users. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore, openVerifier } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import type { StoreAdministration } from "../../src/store/administration.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import { command, deletion } from "../support/commands.ts";
import { openSpoilt, type SpoiltStore } from "../support/spoilt-stores.ts";
import { administrationOf, switchIndexes } from "../support/stores.ts";
import { sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

const names = ["SQLite", "Redis", "Redis Cluster"] as const;
const logger = createLogger("silent");

/** Kinds of damage to times and etags that leave an etag. */
const withEtag = {
  SQLite: ["an empty etag", "an endless etag", "a time before all times", "a time beyond all numbers", "no time"],
  Redis: ["garbage meta", "times beyond all numbers"],
  "Redis Cluster": ["garbage meta", "times beyond all numbers"],
} as const;

describe.each(names)("in %s", (name) => {
  let spoilt: SpoiltStore;
  let administration: StoreAdministration;
  /** Another server, which does the background work. */
  let adapter: StoreAdapter;
  beforeEach(async () => {
    spoilt = await openSpoilt[name]();
    administration = await administrationOf(spoilt.url);
    adapter = await openStore(parseStoreLocation(spoilt.url), {}, logger);
    await until(() => adapter.check().then(() => true));
    await spoilt.store.write(spoilt.kinds.map(([kind]) => command(kind, { email: "a", plan: "pro" })));
  });
  afterEach(async () => {
    await adapter.close();
    administration.close();
    await spoilt.close();
  });

  const spoilAll = async () => {
    for (const [kind] of spoilt.kinds) await spoilt.spoil(kind, kind);
  };
  const sweep = async () => {
    await adapter.check();
    await sweepAll(adapter);
    await adapter.check();
    await spoilt.store.check();
  };
  const build = async (indexes: string) => {
    await switchIndexes(administration, indexes);
    await sweep();
  };
  /** Whose entries the index of this number has. */
  async function usersIn(number: number): Promise<readonly string[] | undefined> {
    const range = { prefix: entryPrefix(number), after: undefined };
    const entries = await spoilt.store.entries(range, 100, spoilt.store.configuration()?.generation ?? 0);
    return entries?.map(({ id }) => id).toSorted();
  }
  async function problemsOfEntries(): Promise<string[]> {
    const verifier = await openVerifier(parseStoreLocation(spoilt.url), {}, logger);
    const found: string[] = [];
    for await (const { findings } of verifier.walk()) {
      for (const { id, check, problem } of findings)
        if (check === "entries") found.push(`${Buffer.from(id)} ${problem}`);
    }
    verifier.close();
    return found;
  }
  const all = () => spoilt.kinds.map(([kind]) => kind).toSorted();

  test("an index that is built has the users whose properties can be read", async () => {
    await spoilAll();
    await build("email");
    expect(adapter.configuration?.()?.indexes).toMatchObject([{ state: "ready" }]);
    const indexed = spoilt.kinds.filter(
      ([kind, part]) =>
        ["preferences", "observed"].includes(part) || (part === "meta" && withEtag[name].some((each) => each === kind)),
    );
    expect(indexed.length).toBeGreaterThan(3);
    expect(await usersIn(1)).toEqual(indexed.map(([kind]) => kind).toSorted());
  });

  test("a dropped index leaves no entry of them, and another keeps theirs", async () => {
    await build("email,plan");
    await sweep();
    await spoilAll();
    await build("plan");
    await sweep();
    expect(await usersIn(1)).toEqual([]);
    expect(await usersIn(2)).toEqual(all());
    expect((await problemsOfEntries()).filter((problem) => problem.includes("does not exist"))).toEqual([]);
  });

  test("their entries go with them, or with the next background work", async () => {
    await build("email,plan");
    await sweep();
    await spoilAll();
    expect(await usersIn(1)).toEqual(all());
    const results = await spoilt.store.write(spoilt.kinds.map(([kind]) => deletion(kind)));
    expect(results).toMatchObject(spoilt.kinds.map(() => ({ outcome: "deleted" })));
    await sweep();
    expect([await usersIn(1), await usersIn(2)]).toEqual([[], []]);
    expect(await problemsOfEntries()).toEqual([]);
  });
});
