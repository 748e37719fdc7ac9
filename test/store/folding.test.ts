/** Stores whose indexes another version of the folding table has folded, each kind of store by itself. */
import { describe, expect, onTestFinished, test } from "vitest";
import { parseStoreLocation } from "../../src/config/store-url.ts";
import { openStore, openVerifier } from "../../src/server/open-store.ts";
import type { StoreAdapter } from "../../src/store/adapter.ts";
import { isFoldedByOlder, parseToServe } from "../../src/store/folding.ts";
import { changeOfIndexes } from "../../src/store/index-change.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { entryPrefix } from "../../src/users/indexes/entries.ts";
import { foldingVersion } from "../../src/users/indexes/folding-table.ts";
import { formatIndexedProperties, parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { command, userId } from "../support/commands.ts";
import { openStoredConfigurations } from "../support/stored-configurations.ts";
import { administrationOf, switchIndexes } from "../support/stores.ts";
import { sweepAll } from "../support/sweep-all.ts";
import { until } from "../support/until.ts";

const [older, newer] = ["9.0.0", "100.0.0"];
const ids = Array.from({ length: 30 }, (_, n) => `user ${n}`);

function statesOf(store: StoreAdapter) {
  const { indexes = [] } = store.configuration() ?? {};
  return indexes.map((index) => `${formatIndexedProperties([index])} ${index.number} ${index.state}`);
}

/** How many users the index of a property finds; undefined if the store has another configuration. */
async function countIn(store: StoreAdapter, property: string): Promise<number | undefined> {
  const { indexes = [], generation = 0 } = store.configuration() ?? {};
  const index = indexes.find((each) => each.property === property && each.state === "ready");
  return index && store.countEntries(entryPrefix(index.number), generation);
}

describe.each(["SQLite", "Redis", "Redis Cluster"] as const)("a store in %s", (kind) => {
  /** A store with users and with these indexes, ready. */
  const openWith = async (indexes: string) => {
    const stored = await openStoredConfigurations[kind]();
    onTestFinished(() => stored.close());
    const store = await openStore(parseStoreLocation(stored.url), {}, createLogger("silent"));
    onTestFinished(() => store.close());
    await until(() => store.check().then(() => true));
    const administration = await administrationOf(stored.url);
    onTestFinished(() => administration.close());
    for (const id of ids) await store.write([command(id, { email: `${id}@Example.com`, plan: "Pro" })]);
    const set = async (list: string) => {
      await switchIndexes(administration, list);
      await store.check();
      await sweepAll(store);
      await store.check();
    };
    await set(indexes);
    /** As a program with another table leaves it. */
    const foldBy = async (folding: string) => {
      const [form] = await stored.read();
      await stored.write({ stamp: `${form?.stamp}.${folding}`, configuration: { ...form?.configuration, folding } });
    };
    const isBroken = async () => {
      const verifier = await openVerifier(parseStoreLocation(stored.url), {}, createLogger("silent"));
      try {
        for await (const { findings } of verifier.walk()) if (findings.length > 0) return true;
        return false;
      } finally {
        verifier.close();
      }
    };
    return { stored, store, administration, set, foldBy, isBroken };
  };

  test("that an older table has folded has its folded indexes built anew by the server that sweeps", async () => {
    const { stored, store, foldBy, isBroken } = await openWith("email:fold,plan");
    await foldBy(older);
    await store.check();
    const [before] = await stored.read();
    expect(statesOf(store)).toEqual(["email:fold 1 building", "plan 2 ready"]);
    await store.write([command("another", { email: "ÉVA@example.com", plan: "free" })]);
    // To follow changes nothing: a server of the older version may still do the background work.
    await store.check();
    for (const form of await stored.read()) expect(form).toEqual(before);
    await expect(isBroken()).rejects.toThrow("start a server of this version, which builds them anew");

    await store.sweep?.sweep(0);
    await store.check();
    expect(statesOf(store)).toEqual(["email:fold 3 building", "plan 2 ready", "email:fold 1 dropping"]);
    await sweepAll(store);
    await store.check();
    expect(statesOf(store)).toEqual(["email:fold 3 ready", "plan 2 ready"]);
    for (const form of await stored.read()) expect(form?.configuration["folding"]).toBe(foldingVersion);
    expect(await countIn(store, "email")).toBe(ids.length + 1);
    expect(await countIn(store, "plan")).toBe(ids.length + 1);
    expect(await isBroken()).toBe(false);
  });

  test("that a newer table has folded is left alone until its folded indexes are dropped", async () => {
    const { stored, store, administration, set, foldBy, isBroken } = await openWith("email:fold,plan");
    await foldBy(newer);
    const before = await stored.read();
    const told = `indexes that are folded by Unicode ${newer}, and this version of Rollcall folds by ${foldingVersion}`;
    const refused = expect.objectContaining({ message: expect.stringContaining(told) });
    await expect(store.check()).rejects.toMatchObject({ cause: refused });
    expect(() => store.configuration()).toThrow(expect.objectContaining({ cause: refused }));
    await expect(store.write([command("u", { email: "u" })])).rejects.toThrow();
    await expect(store.get([userId("user 0")])).rejects.toThrow();
    await expect(store.sweep?.sweep(0)).rejects.toThrow();
    await expect(isBroken()).rejects.toThrow(`folds by Unicode ${newer} or newer. To go on with this one`);
    expect(await stored.read()).toEqual(before);

    const state = await administration.read();
    const { to } = changeOfIndexes(state, parseIndexedProperties("plan"));
    expect(await administration.change(state.current, to)).toBe(true);
    await store.check();
    await sweepAll(store);
    await set("plan,email:fold");
    expect(statesOf(store)).toEqual(["plan 2 ready", "email:fold 3 ready"]);
    for (const form of await stored.read()) expect(form?.configuration["folding"]).toBe(foldingVersion);
    expect(await countIn(store, "email")).toBe(ids.length);
    expect(await isBroken()).toBe(false);
  });

  test("whose indexes do not fold is served whatever table it names", async () => {
    const { store, foldBy } = await openWith("email,plan");
    for (const version of [newer, older]) {
      await foldBy(version);
      await store.check();
      expect(statesOf(store)).toEqual(["email 1 ready", "plan 2 ready"]);
      await sweepAll(store);
      expect(await countIn(store, "plan")).toBe(ids.length);
    }
  });

  test("that a newer table has folded keeps that where an older program drops one of its indexes", async () => {
    const { stored, administration, foldBy } = await openWith("email:fold,plan:fold");
    await foldBy(newer);
    await switchIndexes(administration, "plan:fold");
    for (const form of await stored.read()) {
      expect(form?.configuration).toMatchObject({
        folding: newer,
        indexes: [
          { property: "plan", number: 2, state: "ready" },
          { property: "email", number: 1, state: "dropping" },
        ],
      });
    }
  });
});

test.each([
  ["9.0.0", "older"],
  ["16.0.0", "older"],
  ["17", "older"],
  ["17.0.0", "the same"],
  ["17.0.1", "newer"],
  ["17.0.0.1", "newer"],
  ["100.0.0", "newer"],
])("the table %s is %s", (folding, which) => {
  const text = JSON.stringify({
    ...{ storeId: "s", madeBy: "0.2.0", generation: 1, features: 2, sealedSince: 1, allSealed: true, folding },
    ...{ nextIndex: 2, indexes: [{ property: "email", folded: true, number: 1, state: "ready" }] },
  });
  if (which === "newer") expect(() => parseToServe(text)).toThrow(`folded by Unicode ${folding}`);
  else expect(isFoldedByOlder(parseToServe(text))).toBe(which === "older");
});

test.each(["", "17.x", "seventeen", 17, null])("a folding table of the version %j is something else's", (folding) => {
  const text = JSON.stringify({ storeId: "s", madeBy: "0.2.0", generation: 1, features: 0, folding });
  expect(() => parseToServe(text)).toThrow("something other than Rollcall has overwritten");
});
