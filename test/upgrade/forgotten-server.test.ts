/** A server of 0.1 that nobody has shut out writes while a feature is on: each user that it writes is found and mended. */
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { type IndexedProperty, parseIndexedProperties } from "../../src/users/indexes/indexed-property.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { verified } from "../support/verified.ts";
import { clean, emptyStores, starts, verifiedByBoth } from "./both-versions.ts";
import { allSealed, brokenSealsOf, configure, confirmed, sweepTimeoutMs, switched } from "./features.ts";
import { expectInLine, expectNoneWrong } from "./finds.ts";

const keys = createKeys("rollcall:");
const ids = Array.from({ length: 20 }, (_, n) => `u${n}`);
const checkEveryMs = 3_600_000;

let store: string;
let admin: Redis;
let server: TestServer;
let present: RollcallClient;
let old: RollcallClient;

/** Gives a store of 0.1 a feature, while a server of 0.1 goes on. */
async function upgradeTo(feature: keyof typeof switched): Promise<void> {
  store = await emptyStores.Redis();
  admin = new Redis(store);
  onTestFinished(() => admin.disconnect());
  old = createRollcallClient((await starts.old(store)).url);
  for (const id of ids) await old.identify({ id, properties: { ...ada, plan: "free" } });
  await startPresent();
  expect((await configure(store, [...switched[feature].on, ...confirmed])).status).toBe(0);
  await allSealed(store, present);
  await allChecked();
}

async function startPresent(indexes?: readonly IndexedProperty[]): Promise<void> {
  const started = await startTestServer({ store, indexes });
  onTestFinished(() => started.stop());
  server = started;
  present = createRollcallClient(started.url);
}

/** Waits until the seals of all users have been checked. */
async function allChecked(): Promise<void> {
  await until(async () => {
    for (const partition of everyPartition) {
      const [walk, done] = await admin.hmget(keys.sweep(partition), "walk", "done");
      if (!walk?.startsWith("check ") || !done) return false;
    }
    return true;
  }, sweepTimeoutMs);
}

const values = [ada.email, "free", "old", "again@example.com"];

/** Changes some users, one of them twice, creates one, and deletes one and creates it again. @returns how many there are now */
async function writeThroughOld(first: number): Promise<string[]> {
  const [changed = "", twice = "", again = "", preferred = ""] = ids.slice(first, first + 4);
  const created = `created after ${first}`;
  await old.identify({ id: changed, properties: { plan: "old" } });
  for (const n of [1, 2]) await old.identify({ id: twice, properties: { n }, unset: ["plan"] });
  await old.deleteUser({ id: again });
  await old.identify({ id: again, properties: { ...ada, email: "again@example.com" } });
  await old.setPreferences({ id: preferred, preferences: { old: true } });
  await old.identify({ id: created, properties: { ...ada, plan: "old" } });
  // What changes nothing breaks nothing.
  await old.identify({ id: ids[first + 4] ?? "", properties: { ...ada } });
  return [changed, twice, again, preferred, created];
}

/** The users about whom a check of `rollcall verify` finds something. */
async function foundBy(check: "seal" | "entries"): Promise<string[]> {
  const { findings } = await verified(store);
  const found: string[] = findings.flatMap((finding) => (finding.check === check ? finding.id : []));
  return [...new Set(found)].toSorted();
}

/** As if the last check of all users had been an hour ago. */
async function anHourLater(): Promise<void> {
  for (const partition of everyPartition) await admin.hincrby(keys.sweep(partition), "done", -checkEveryMs);
}

test("by the next write of a server that knows the feature, and by the check of all seals", {
  timeout: 120_000,
}, async () => {
  await upgradeTo("rehearsal");
  expect(await brokenSealsOf(server)).toBe(0);
  const written = await writeThroughOld(0);
  expect(await foundBy("seal")).toEqual(written.toSorted());
  expect(await brokenSealsOf(server)).toBe(0);
  for (const [n, id] of written.entries()) {
    await present.identify({ id, properties: { present: true } });
    expect(await brokenSealsOf(server)).toBe(n + 1);
  }
  expect(await verifiedByBoth(store)).toEqual(clean);

  const unseen = await writeThroughOld(5);
  // A deletion leaves nothing that could be broken.
  await old.deleteUser({ id: "u19" });
  const read = () => present.batchGetUsers({ ids: unseen });
  const before = await read();
  await server.drain();
  await startPresent();
  expect(await foundBy("seal")).toEqual(unseen.toSorted());
  await anHourLater();
  await until(async () => (await brokenSealsOf(server)) === unseen.length, sweepTimeoutMs);
  await allChecked();
  expect(await brokenSealsOf(server)).toBe(unseen.length);
  expect(await read()).toEqual(before);
  expect(await verifiedByBoth(store)).toEqual(clean);
});

test("with indexes, finds nobody by what is no more, and all of them once the next writes and the check have mended the entries", {
  timeout: 120_000,
}, async () => {
  await upgradeTo("indexes");
  await expectInLine(present, values);
  const written = await writeThroughOld(0);
  const [, , again = ""] = written;
  await old.deleteUser({ id: "u19" });
  // The entries of users that are gone, or are there anew, have lost their users.
  expect(await foundBy("seal")).toEqual(written.toSorted());
  expect(await foundBy("entries")).toEqual(["u19", again].toSorted());
  await expectNoneWrong(present, values);
  for (const [n, id] of written.entries()) {
    await present.identify({ id, properties: { present: true } });
    expect(await brokenSealsOf(server)).toBe(n + 1);
  }
  expect(await foundBy("seal")).toEqual([]);
  expect(await foundBy("entries")).toEqual(["u19", again].toSorted());

  const unseen = await writeThroughOld(5);
  await server.drain();
  await startPresent(parseIndexedProperties("email:fold,plan"));
  await expectNoneWrong(present, values);
  await anHourLater();
  await until(async () => (await brokenSealsOf(server)) === unseen.length, sweepTimeoutMs);
  await until(async () => (await foundBy("entries")).length === 0, sweepTimeoutMs);
  await expectInLine(present, values);
  expect(await verifiedByBoth(store)).toEqual(clean);
  // The store has the indexes that the option names: entries are nothing that this metric tells of.
  expect(await server.metric("rollcall_indexes_drift")).toBe(0);
});
