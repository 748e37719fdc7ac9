/** A server of 0.1 that nobody has shut out writes while a feature is on: each user that it writes is found and mended. */
import { Redis } from "ioredis";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { createRollcallClient, type RollcallClient } from "../../src/client/index.ts";
import { createKeys, everyPartition } from "../../src/store/redis/keys.ts";
import { rollcall } from "../support/processes.ts";
import { ada, startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { clean, emptyStores, starts, verifiedByBoth } from "./both-versions.ts";
import { allSealed, brokenSealsOf, config, confirmed, sweepTimeoutMs } from "./features.ts";

const keys = createKeys("rollcall:");
const ids = Array.from({ length: 20 }, (_, n) => `u${n}`);
const checkEveryMs = 3_600_000;

let store: string;
let admin: Redis;
let server: TestServer;
let present: RollcallClient;
let old: RollcallClient;
beforeEach(async () => {
  store = await emptyStores.Redis();
  admin = new Redis(store);
  onTestFinished(() => admin.disconnect());
  old = createRollcallClient((await starts.old(store)).url);
  for (const id of ids) await old.identify({ id, properties: { ...ada } });
  await startPresent();
  expect((await config(store, "enable", "rehearsal", ...confirmed)).status).toBe(0);
  await allSealed(store, present);
  await allChecked();
});

async function startPresent(): Promise<void> {
  const started = await startTestServer({ store });
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

/** Changes some users, one of them twice, creates one, and deletes one and creates it again. @returns how many there are now */
async function writeThroughOld(first: number): Promise<string[]> {
  const [changed = "", twice = "", again = "", preferred = ""] = ids.slice(first, first + 4);
  const created = `created after ${first}`;
  await old.identify({ id: changed, properties: { old: true } });
  for (const n of [1, 2]) await old.identify({ id: twice, properties: { n } });
  await old.deleteUser({ id: again });
  await old.identify({ id: again, properties: { ...ada } });
  await old.setPreferences({ id: preferred, preferences: { old: true } });
  await old.identify({ id: created, properties: { ...ada } });
  // What changes nothing breaks nothing.
  await old.identify({ id: ids[first + 4] ?? "", properties: { ...ada } });
  return [changed, twice, again, preferred, created];
}

/** The users whose seals `rollcall verify` finds broken. */
async function brokenAsVerified(): Promise<string[]> {
  const { stdout } = await rollcall(["verify", "--store", store, "--json"]);
  const lines: { id?: string; check?: string }[] = stdout
    .split("\n")
    .flatMap((line) => (line === "" ? [] : JSON.parse(line)));
  return lines.flatMap(({ id = "", check }) => (check === "seal" ? id : [])).toSorted();
}

test("by the next write of a server that knows the feature, and by the check of all seals", {
  timeout: 120_000,
}, async () => {
  expect(await brokenSealsOf(server)).toBe(0);
  const written = await writeThroughOld(0);
  expect(await brokenAsVerified()).toEqual(written.toSorted());
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
  expect(await brokenAsVerified()).toEqual(unseen.toSorted());
  // An hour later.
  for (const partition of everyPartition) {
    await admin.hincrby(keys.sweep(partition), "done", -checkEveryMs);
  }
  await until(async () => (await brokenSealsOf(server)) === unseen.length, sweepTimeoutMs);
  await allChecked();
  expect(await brokenSealsOf(server)).toBe(unseen.length);
  expect(await read()).toEqual(before);
  expect(await verifiedByBoth(store)).toEqual(clean);
});
