/** A store that the version before this one has made: opened by this one, used, and opened by the old one again. */
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createRollcallClient, importUsers, PreferencesMode, type RollcallClient } from "../../src/client/index.ts";
import { ada } from "../support/server.ts";
import { clean, emptyStores, starts, verifiedByBoth } from "./both-versions.ts";

const imported = 200;
const observedAt = { seconds: 1_700_000_000n, nanos: 0 };
const later = { seconds: 1_700_000_001n, nanos: 0 };
const ids = ["whole", "é \u{1f600}", "observed", "deleted", "created again"];

const onRefused = ({ id }: { id: string }) => expect.fail(`${id} was refused`);

/** All kinds of records that a store can hold. */
async function fill(users: RollcallClient): Promise<void> {
  const items = Array.from({ length: imported }, (_, n) => ({ id: `imported ${n}`, properties: { ...ada, n } }));
  expect((await importUsers(users, items, { onRefused })).created).toBe(imported);
  for (const id of ids) await users.identify({ id, properties: { ...ada, plan: "free" } });
  await users.identify({ id: "whole", properties: { list: [1, { deep: null }], é: "\u{1f600}" }, unset: ["plan"] });
  await users.setPreferences({ id: "whole", preferences: { newsletter: true, theme: { dark: false } } });
  await users.identify({ id: "observed", properties: { plan: "pro" }, observedAt });
  await users.identify({ id: "observed", unset: ["plan"], observedAt: later });
  for (const id of ["deleted", "created again"]) await users.deleteUser({ id });
  await users.identify({ id: "created again", properties: { ...ada } });
}

/** Every kind of write, on users that the other version has written. */
async function use(users: RollcallClient, version: string): Promise<void> {
  const { user } = await users.getUser({ id: "whole" });
  const precondition = { condition: { case: "etag", value: user?.etag ?? "" } } as const;
  await users.identify({ id: "whole", properties: { version }, precondition });
  const again = users.identify({ id: "whole", properties: { version: "none" }, precondition });
  await expect(again).rejects.toMatchObject({ code: Code.Aborted });
  const late = await users.identify({ id: "observed", properties: { plan: "late" }, observedAt });
  expect(late.ignoredProperties).toEqual(["plan"]);
  const preferences = { [version]: true };
  for (const id of ["whole", "observed"]) await users.setPreferences({ id, preferences, mode: PreferencesMode.MERGE });
  await users.deleteUser({ id: "created again" });
  await users.identify({ id: "created again", properties: { ...ada, version } });
  const items = Array.from({ length: imported }, (_, n) => ({ id: `imported ${n}`, setOnce: { [version]: n } }));
  expect((await importUsers(users, items, { onRefused })).updated).toBe(imported);
}

async function everything(users: RollcallClient) {
  const { users: found, nextPageToken, damagedCount } = await users.listUsers({ pageSize: 1_000 });
  expect({ nextPageToken, damagedCount, count: found.length }).toEqual({
    nextPageToken: "",
    damagedCount: 0,
    count: imported + ids.length - 1,
  });
  expect((await users.batchGetUsers({ ids: found.map(({ id }) => id) })).users).toEqual(found);
  return found;
}

describe.each(["SQLite", "Redis"] as const)("a store in %s", (name) => {
  test("is read and written by both versions in turn", { timeout: 60_000 }, async () => {
    const store = await emptyStores[name]();
    const visit = async (version: keyof typeof starts, work: (users: RollcallClient) => Promise<void>) => {
      const server = await starts[version](store);
      const users = createRollcallClient({ server: server.url, retries: false });
      const before = await users.listUsers({ pageSize: 1_000 });
      await work(users);
      const after = await everything(users);
      expect(await server.stop()).toBe(0);
      return { before: before.users, after };
    };

    const made = await visit("old", fill);
    const upgraded = await visit("present", (users) => use(users, "present"));
    expect(upgraded.before).toEqual(made.after);
    expect(await verifiedByBoth(store)).toEqual(clean);
    const downgraded = await visit("old", (users) => use(users, "old"));
    expect(downgraded.before).toEqual(upgraded.after);
    expect(await verifiedByBoth(store)).toEqual(clean);
  });
});
